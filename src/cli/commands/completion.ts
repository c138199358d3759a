/** skiff completion SHELL: the script that the shell sources. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { SCRIPTS } from '../completion/scripts.ts'
import { CommandError } from '../errors.ts'

export const completion = command({
  usage: 'bash|zsh|fish',
  description: `Print the script for completing skiff's command lines in a shell

bash:  skiff completion bash > /etc/bash_completion.d/skiff
zsh:   skiff completion zsh > /usr/local/share/zsh/site-functions/_skiff
fish:  skiff completion fish > ~/.config/fish/completions/skiff.fish`,
  arity: [1, 1],
  flags: {},
  async run({ session, args: [shell = ''] }) {
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
    if (script === undefined) throw new CommandError(`unknown shell "${shell}": it must be bash, zsh or fish`)
    await write(session.stdout, script)
  },
})

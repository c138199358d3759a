/** `--security-opt`: what is understood, and what this host cannot give. */

import { InvalidParameter } from '../../kernel/errors.ts'

export interface SecurityOptions {
  noNewPrivileges: boolean | null
  /** 'default' ('' and 'builtin' too), 'unconfined', or a profile's JSON (clients send the file's content). */
  seccomp: string
  /** `systempaths=unconfined`: nothing of /proc and /sys is masked. */
  systemPathsUnconfined: boolean
}

/**
 * label= and apparmor= are taken and have no effect, as in a Docker on a host without SELinux and AppArmor.
 * @throws InvalidParameter
 */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  const result: SecurityOptions = { noNewPrivileges: null, seccomp: 'default', systemPathsUnconfined: false }
  for (const option of options) {
    // Docker took 'key:value', too, and still does.
    const [key, value] = split(option)
    if (value === null) {
      if (key === 'no-new-privileges') result.noNewPrivileges = true
      else if (key !== 'disable') throw new InvalidParameter(`invalid --security-opt 1: "${option}"`)
      continue
    }
    apply(result, key, value, option)
  }
  return result
}

function apply(result: SecurityOptions, key: string, value: string, option: string): void {
  switch (key) {
    case 'label':
    case 'apparmor':
      return
    case 'seccomp':
      result.seccomp = value === '' || value === 'builtin' ? 'default' : value
      return
    case 'no-new-privileges':
      if (value !== 'true' && value !== 'false') throw new InvalidParameter(`invalid --security-opt 2: "${option}"`)
      result.noNewPrivileges = value === 'true'
      return
    case 'systempaths':
      if (value !== 'unconfined') throw new InvalidParameter(`invalid --security-opt 2: "${option}"`)
      result.systemPathsUnconfined = true
      return
    default:
      throw new InvalidParameter(`invalid --security-opt 2: "${option}"`)
  }
}

function split(option: string): [string, string | null] {
  const at = option.search(/[=:]/)
  return at < 0 ? [option, null] : [option.slice(0, at), option.slice(at + 1)]
}

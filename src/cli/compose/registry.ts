/** The commands of `skiff compose`: names and summaries; the rest is loaded when it is asked for. */

import type { Subcommand } from './subcommand.ts'

// A command's own type of options is nobody's concern but its own.
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnySubcommand = Subcommand<any>

export interface Entry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<AnySubcommand>
}

const entry = <K extends string>(
  name: string,
  summary: string,
  key: K,
  load: () => Promise<Record<K, AnySubcommand>>,
): Entry => ({
  name,
  summary,
  load: async () => (await load())[key],
})

export const SUBCOMMANDS: readonly Entry[] = [
  entry('build', 'Build the images of services', 'build', () => import('./commands/build.ts')),
  entry(
    'config',
    'Show the project as its files say, merged and complete',
    'config',
    () => import('./commands/config.ts'),
  ),
  entry('cp', "Copy files between a service's container and here", 'cp', () => import('./commands/cp.ts')),
  entry('create', 'Create containers without starting them', 'create', () => import('./commands/create.ts')),
  entry('down', 'Stop and remove containers and networks', 'down', () => import('./commands/down.ts')),
  entry('events', 'Show what happens to the containers', 'events', () => import('./commands/events.ts')),
  entry('exec', 'Run a command in a running container', 'exec', () => import('./commands/exec.ts')),
  entry('images', 'List the images that the containers were made of', 'images', () => import('./commands/images.ts')),
  entry('kill', 'Send a signal to containers', 'kill', () => import('./commands/kill.ts')),
  entry('logs', 'Show the output of containers', 'logs', () => import('./commands/logs.ts')),
  entry('ls', 'List projects', 'ls', () => import('./commands/ls.ts')),
  entry('pause', 'Pause all processes of services', 'pause', () => import('./commands/pause.ts')),
  entry('port', 'Show where a port of a service is published', 'port', () => import('./commands/port.ts')),
  entry('ps', 'List containers', 'ps', () => import('./commands/ps.ts')),
  entry('pull', 'Pull the images of services', 'pull', () => import('./commands/pull.ts')),
  entry('push', 'Push the images of services', 'push', () => import('./commands/push.ts')),
  entry('restart', 'Restart containers', 'restart', () => import('./commands/restart.ts')),
  entry('rm', 'Remove stopped containers', 'rm', () => import('./commands/rm.ts')),
  entry('run', 'Run one command in a new container of a service', 'run', () => import('./commands/run.ts')),
  entry('scale', 'Set how many containers services have', 'scale', () => import('./commands/scale.ts')),
  entry('start', 'Start containers that are there', 'start', () => import('./commands/start.ts')),
  entry('stop', 'Stop containers', 'stop', () => import('./commands/stop.ts')),
  entry('top', 'Show the processes of containers', 'top', () => import('./commands/top.ts')),
  entry('unpause', 'Resume all processes of services', 'unpause', () => import('./commands/pause.ts')),
  entry('up', 'Create and start containers', 'up', () => import('./commands/up.ts')),
  entry('version', 'Show the version', 'version', () => import('./commands/version.ts')),
  entry('wait', 'Wait until containers of services end', 'wait', () => import('./commands/wait.ts')),
  entry('watch', 'Follow changes of files as services say under develop', 'watch', () => import('./commands/watch.ts')),
]

const ALIASES: Readonly<Record<string, string>> = { convert: 'config' }

export const findSubcommand = (name: string): Entry | undefined =>
  SUBCOMMANDS.find(item => item.name === (ALIASES[name] ?? name))

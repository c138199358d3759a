/** The tree of commands: names and summaries here, the rest is loaded when it is asked for. */

import type { Command } from './command.ts'

// A command's own type of options is nobody's concern but its own: `run` takes what its `flags` declare.
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnyCommand = Command<any>

export interface Leaf {
  readonly summary: string
  /** Every spelling, each with its group: `container ls`, `ps`. The first is the command's own. */
  readonly spellings: readonly string[]
  /** Shown among the first in the overview. */
  readonly common?: boolean
  readonly hidden?: boolean
  /** Works so long by itself that it gets a process of its own (launched/command-host.ts). */
  readonly alone?: boolean
  readonly load: () => Promise<AnyCommand>
}

export const GROUPS: Readonly<Record<string, string>> = {
  builder: 'Manage builds',
  container: 'Manage containers',
  image: 'Manage images',
  network: 'Manage networks',
  snapshot: 'Manage snapshots',
  system: 'Manage skiff',
  volume: 'Manage volumes',
}

function leaf(summary: string, spellings: string, load: Leaf['load'], more: Partial<Leaf> = {}): Leaf {
  // In the command host a command is asked for often, and each import() looks its module up again.
  let loaded: Promise<AnyCommand> | undefined
  const loadOnce = (): Promise<AnyCommand> => {
    loaded ??= load()
    return loaded
  }
  return { summary, spellings: spellings.split(', '), load: loadOnce, ...more }
}
const common = { common: true }
const pick =
  <K extends string>(name: K) =>
  async (module: Promise<Record<K, AnyCommand>>) =>
    (await module)[name]

export const COMMANDS: readonly Leaf[] = [
  leaf(
    'Create and run a new container from an image',
    'run, container run',
    () => pick('run')(import('./commands/run.ts')),
    common,
  ),
  leaf(
    'Run a command in a running container',
    'exec, container exec',
    () => pick('exec')(import('./commands/exec.ts')),
    common,
  ),
  leaf(
    'List containers',
    'ps, container ls, container list, container ps',
    () => pick('ps')(import('./commands/ps.ts')),
    common,
  ),
  leaf(
    'Download an image from a registry',
    'pull, image pull',
    () => pick('pull')(import('./commands/pull.ts')),
    common,
  ),
  leaf('Upload an image to a registry', 'push, image push', () => pick('push')(import('./commands/push.ts')), common),
  leaf('List images', 'images, image ls, image list', () => pick('images')(import('./commands/images.ts')), common),
  leaf('Run projects of several containers', 'compose', () => pick('compose')(import('./commands/compose.ts')), common),
  leaf('Log in to a registry', 'login', () => pick('login')(import('./commands/login.ts')), common),
  leaf('Log out from a registry', 'logout', () => pick('logout')(import('./commands/logout.ts')), common),
  leaf('Search a registry for images', 'search', () => pick('search')(import('./commands/search.ts')), common),
  leaf(
    'Show the versions of client and daemon',
    'version',
    () => pick('version')(import('./commands/version.ts')),
    common,
  ),
  leaf(
    'Show what the daemon knows of itself and its host',
    'info, system info',
    () => pick('info')(import('./commands/info.ts')),
    common,
  ),

  leaf(
    'Build an image from a Dockerfile',
    'build, image build, builder build',
    () => pick('build')(import('./commands/build.ts')),
    common,
  ),
  leaf('Attach local stdin, stdout and stderr to a running container', 'attach, container attach', () =>
    pick('attach')(import('./commands/attach.ts')),
  ),
  leaf("Make an image of a container's changes", 'commit, container commit', () =>
    pick('commit')(import('./commands/commit.ts')),
  ),
  leaf('Copy files between a container and the local file system', 'cp, container cp', () =>
    pick('cp')(import('./commands/cp.ts')),
  ),
  leaf('Create a new container', 'create, container create', () => pick('create')(import('./commands/create.ts'))),
  leaf("Show what has changed in a container's file system", 'diff, container diff', () =>
    pick('diff')(import('./commands/diff.ts')),
  ),
  leaf('Show events of the daemon as they happen', 'events, system events', () =>
    pick('events')(import('./commands/events.ts')),
  ),
  leaf('Show the system calls that make a container', 'explain, container explain', () =>
    pick('explain')(import('./commands/explain.ts')),
  ),
  leaf("Write a container's file system as a tar archive", 'export, container export', () =>
    pick('exportContainer')(import('./commands/export.ts')),
  ),
  leaf('Show how an image was made', 'history, image history', () => pick('history')(import('./commands/history.ts'))),
  leaf('Make an image of a tar archive of a file system', 'import, image import', () =>
    pick('importImage')(import('./commands/import.ts')),
  ),
  leaf('Show everything known of objects, as JSON', 'inspect', () => pick('inspect')(import('./commands/inspect.ts'))),
  leaf('Send a signal to running containers', 'kill, container kill', () => pick('kill')(import('./commands/kill.ts'))),
  leaf('Load images from an archive that save wrote', 'load, image load', () =>
    pick('load')(import('./commands/load.ts')),
  ),
  leaf('Show the output of a container', 'logs, container logs', () => pick('logs')(import('./commands/logs.ts'))),
  leaf('Pause all processes in containers', 'pause, container pause', () =>
    pick('pause')(import('./commands/pause.ts')),
  ),
  leaf('List the published ports of a container', 'port, container port', () =>
    pick('port')(import('./commands/port.ts')),
  ),
  leaf('Rename a container', 'rename, container rename', () => pick('rename')(import('./commands/rename.ts'))),
  leaf('Bring a container back to a snapshot', 'reset, container reset', () =>
    pick('reset')(import('./commands/reset.ts')),
  ),
  leaf('Restart containers', 'restart, container restart', () => pick('restart')(import('./commands/restart.ts'))),
  leaf('Remove containers', 'rm, container rm, container remove', () => pick('rm')(import('./commands/rm.ts'))),
  leaf('Remove images', 'rmi, image rm, image remove', () => pick('rmi')(import('./commands/rmi.ts'))),
  leaf('Write images to a tar archive', 'save, image save', () => pick('save')(import('./commands/save.ts'))),
  leaf('Start stopped containers', 'start, container start', () => pick('start')(import('./commands/start.ts'))),
  leaf('Show the resource usage of containers', 'stats, container stats', () =>
    pick('stats')(import('./commands/stats.ts')),
  ),
  leaf('Stop running containers', 'stop, container stop', () => pick('stop')(import('./commands/stop.ts'))),
  leaf('Give an image another name', 'tag, image tag', () => pick('tag')(import('./commands/tag.ts'))),
  leaf('Show the processes of a container', 'top, container top', () => pick('top')(import('./commands/top.ts'))),
  leaf('Resume all processes in containers', 'unpause, container unpause', () =>
    pick('unpause')(import('./commands/unpause.ts')),
  ),
  leaf('Change the limits and restart policy of containers', 'update, container update', () =>
    pick('update')(import('./commands/update.ts')),
  ),
  leaf('Wait until containers stop, then print their exit codes', 'wait, container wait', () =>
    pick('wait')(import('./commands/wait.ts')),
  ),

  leaf('Remove what builds have kept', 'builder prune', () =>
    pick('pruneBuilder')(import('./commands/builder-prune.ts')),
  ),
  leaf('Show everything known of containers, as JSON', 'container inspect', () =>
    pick('inspectContainer')(import('./commands/inspect.ts')),
  ),
  leaf('Remove all stopped containers', 'container prune', () =>
    pick('pruneContainers')(import('./commands/container-prune.ts')),
  ),
  leaf('Show everything known of images, as JSON', 'image inspect', () =>
    pick('inspectImage')(import('./commands/inspect.ts')),
  ),
  leaf('Remove unused images', 'image prune', () => pick('pruneImages')(import('./commands/image-prune.ts'))),
  leaf('Show the layers of an image and what is in them', 'image tree', () =>
    pick('imageTree')(import('./commands/image-tree.ts')),
  ),
  leaf(
    'Find out what of skiff works on this host, and how to mend the rest',
    'doctor, system doctor',
    () => pick('doctor')(import('./commands/doctor.ts')),
    { alone: true },
  ),
  leaf("Print the script for completing skiff's command lines in a shell", 'completion', () =>
    pick('completion')(import('./commands/completion.ts')),
  ),
  leaf("Print what makes Docker's clients use skiff", 'env', () => pick('env')(import('./commands/env.ts'))),
  leaf('Answer a shell', '__complete', () => pick('complete')(import('./commands/complete.ts')), { hidden: true }),
  leaf('Show how much disk space is used', 'system df', () => pick('df')(import('./commands/system-df.ts'))),
  leaf(
    'Connect stdin and stdout to the daemon',
    'system dial-stdio',
    () => pick('dialStdio')(import('./commands/dial-stdio.ts')),
    { hidden: true },
  ),
  leaf('Remove what is not used', 'system prune', () => pick('pruneSystem')(import('./commands/system-prune.ts'))),
  leaf('Connect a container to a network', 'network connect', () =>
    pick('connect')(import('./commands/network-connect.ts')),
  ),
  leaf('Create a network', 'network create', () => pick('createNetwork')(import('./commands/network-create.ts'))),
  leaf('Disconnect a container from a network', 'network disconnect', () =>
    pick('disconnect')(import('./commands/network-disconnect.ts')),
  ),
  leaf('Show everything known of networks, as JSON', 'network inspect', () =>
    pick('inspectNetwork')(import('./commands/inspect.ts')),
  ),
  leaf('List networks', 'network ls, network list', () => pick('listNetworks')(import('./commands/network-ls.ts'))),
  leaf('Remove all unused networks', 'network prune', () =>
    pick('pruneNetworks')(import('./commands/network-prune.ts')),
  ),
  leaf('Remove networks', 'network rm, network remove', () =>
    pick('removeNetworks')(import('./commands/network-rm.ts')),
  ),
  leaf("Keep what a container's files are now under a name", 'snapshot create', () =>
    pick('createSnapshot')(import('./commands/snapshot-create.ts')),
  ),
  leaf('Show everything known of snapshots, as JSON', 'snapshot inspect', () =>
    pick('inspectSnapshot')(import('./commands/inspect.ts')),
  ),
  leaf('List snapshots', 'snapshot ls, snapshot list', () =>
    pick('listSnapshots')(import('./commands/snapshot-ls.ts')),
  ),
  leaf('Remove snapshots', 'snapshot rm, snapshot remove', () =>
    pick('removeSnapshots')(import('./commands/snapshot-rm.ts')),
  ),
  leaf('Create a volume', 'volume create', () => pick('createVolume')(import('./commands/volume-create.ts'))),
  leaf('Show everything known of volumes, as JSON', 'volume inspect', () =>
    pick('inspectVolume')(import('./commands/inspect.ts')),
  ),
  leaf('List volumes', 'volume ls, volume list', () => pick('listVolumes')(import('./commands/volume-ls.ts'))),
  leaf('Remove unused volumes', 'volume prune', () => pick('pruneVolumes')(import('./commands/volume-prune.ts'))),
  leaf('Remove volumes', 'volume rm, volume remove', () => pick('removeVolumes')(import('./commands/volume-rm.ts'))),
]

/** The command of these words, `['container', 'ls']`. */
export const findCommand = (words: readonly string[]): Leaf | undefined =>
  COMMANDS.find(({ spellings }) => spellings.includes(words.join(' ')))

/** The commands of a group, or with '' those without one, by their own name there; sorted. */
export function commandsOf(group: string): [string, Leaf][] {
  const named = COMMANDS.filter(({ hidden }) => !hidden).flatMap((entry): [string, Leaf][] => {
    const spelling = entry.spellings.find(text => (group ? text.startsWith(`${group} `) : !text.includes(' ')))
    return spelling === undefined ? [] : [[spelling.slice(group ? group.length + 1 : 0), entry]]
  })
  return named.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** What skiff is to reach (issues 4 and 8): how many times less than the Docker engine in the same run; and who else does the job. */

import type { Contender, Others } from './others.ts'

interface Aim {
  /** Docker's figure divided by skiff's. */
  times: number
  others?(others: Others): Contender[]
}

const BUSYBOX_TRUE = ['busybox', 'true']
const bridge = (others: Others) => [...others.podman(() => ['run', '--rm', ...BUSYBOX_TRUE]), ...others.bare(true)]
const alone = (others: Others) => [
  ...others.podman(() => ['run', '--rm', '--network', 'none', ...BUSYBOX_TRUE]),
  ...others.runtimes(),
  ...others.bare(false),
]

/** By the beginning of a job's name. */
const AIMS: [job: string, aim: Aim][] = [
  ['`run --rm busybox true`', { times: 25, others: bridge }],
  ['`run --rm --network none', { times: 25, others: alone }],
  ['`exec c true`', { times: 12, others: others => others.podman(beside => ['exec', beside, 'true']) }],
  ['`ps`', { times: 5, others: others => others.podman(() => ['ps']) }],
  ['50 × `run -d`', { times: 20, others: others => others.crowd('start', 50, 8) }],
  ['`rm -f` of those 50', { times: 20, others: others => others.crowd('remove', 50, 8) }],
  ['`build`: FROM', { times: 10 }],
  ['`build`: the same', { times: 6 }],
  ['`load`', { times: 4 }],
  ['`commit`', { times: 4 }],
  ['`export`', { times: 2 }],
  ['`cp`', { times: 3 }],
  ['create + start + wait + remove of `true`, on the bridge', { times: 25 }],
  ['create + start + wait + remove of `true`, network none', { times: 25 }],
  ['exec of `true`', { times: 12 }],
  ['list of all containers', { times: 5 }],
  ['50 × create + start', { times: 20 }],
  ['50 × remove by force', { times: 20 }],
  ['private memory beside each container', { times: 10 }],
  ['load of', { times: 4 }],
  ['commit of', { times: 4 }],
  ['export of', { times: 2 }],
  ['cp out of it', { times: 3 }],
  ['import of', { times: 2 }],
  ['pull of', { times: 3 }],
  ['list of 30 images', { times: 5 }],
  ['df with these', { times: 5 }],
  ['`images` as a command', { times: 5 }],
  ['`system df` as a command', { times: 5 }],
  ['build: FROM, 3 RUN, COPY, without cache', { times: 10 }],
  ['build: the same, all cached', { times: 6 }],
]

export const aimOf = (job: string): Aim | undefined => AIMS.find(([name]) => job.startsWith(name))?.[1]

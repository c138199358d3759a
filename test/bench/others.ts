/**
 * Who else does the same job: podman (with crun, and with runc), runc and crun by themselves, and bare.c. They run in mount and network
 * namespaces of their own, without the cgroup2 mount: crun refuses hybrid hierarchies, and takes this for a plain v1 one. podman does
 * without limits on open files and processes, which it can only raise with CAP_SYS_RESOURCE. One that does not run says why.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { disposeLater } from '../support/disposal.ts'
import { fixture } from '../support/images.ts'
import { RUN } from '../support/machine.ts'
import { time } from './stopwatch.ts'

const run = promisify(execFile)
const BARE = fileURLToPath(new URL('bare.c', import.meta.url))
const BUILT = fileURLToPath(new URL('../../build/bare', import.meta.url))

const CONTAINERS_CONF = `[containers]
default_ulimits = []
pids_limit = 0
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
`

/** Without the cgroup2 mount; and a bridge for bare.c. `read` ends when the benchmark does, however it ends. */
const HOLD = `set -e
ip link set lo up
umount $(awk '$3 == "cgroup2" { print $2 }' /proc/mounts) 2>/dev/null || true
ip link add bare type bridge
ip address add 10.249.0.1/24 dev bare
ip link set bare up
echo ready
read line || true`

export interface Contender {
  name: string
  /** In milliseconds. */
  run(): Promise<number>
}

/** What jobs ask for. */
export interface Others {
  /** A command of podman; it is told the name of a container that runs. */
  podman(args: (beside: string) => string[]): Contender[]
  /** The runtimes by themselves, with what they are given: `true` in a root that is there already. */
  runtimes(): Contender[]
  /** Many containers at once by commands: what it takes to start them, or to remove them. */
  crowd(what: 'start' | 'remove', count: number, clients: number): Contender[]
  bare(network: boolean): Contender[]
  /** Who does not run here, and why. */
  absent: string[]
}

export async function startOthers(): Promise<Others> {
  // podman takes no longer path than fifty characters for what lives until the next boot.
  const folder = await mkdtemp(`/var/tmp/skiff-test-${RUN}-o-`)
  const holder = spawn('unshare', ['--mount', '--net', 'sh', '-c', HOLD], { stdio: ['pipe', 'pipe', 'inherit'] })
  const others = new Rivals(folder, holder)
  disposeLater(async () => {
    await others.end()
    await rm(folder, { recursive: true, force: true })
  })
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve())
    holder.once('exit', code => reject(new Error(`the namespaces of podman and others: ${code}`)))
  })
  await others.prepare()
  return others
}

const beside = (runtime: string): string => `beside-${runtime}`

class Rivals implements Others {
  readonly absent: string[] = []
  #podman: string[] = []
  #bundles: string[] = []
  #numbers = 0

  constructor(
    private readonly folder: string,
    private readonly holder: ChildProcess,
  ) {}

  get #inside(): string[] {
    return ['nsenter', '-t', String(this.holder.pid), '-m', '-n']
  }

  #rootfs = () => join(this.folder, 'rootfs')

  #podmanWith(runtime: string, ...args: string[]): string[] {
    const at = (name: string) => join(this.folder, name)
    const places = ['--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp')]
    const network = ['--network-config-dir', at('net'), '--storage-driver', 'overlay']
    return [...this.#inside, 'podman', ...places, ...network, '--runtime', runtime, ...args]
  }

  async prepare(): Promise<void> {
    await mkdir(this.#rootfs(), { recursive: true })
    await mkdir(join(this.folder, 'bare'))
    await run('tar', ['-xf', await fixture('busybox.tar'), '-C', this.#rootfs()])
    await run('cc', ['-O2', '-Wall', '-Wextra', '-o', BUILT, BARE])
    await writeFile(join(this.folder, 'containers.conf'), CONTAINERS_CONF)
    for (const runtime of ['crun', 'runc'])
      if (await this.#works(runtime, () => this.#makeBundle(runtime))) this.#bundles.push(runtime)
    await this.#works('podman', async () => {
      await this.#command(this.#podmanWith('crun', 'import', await fixture('busybox.tar'), 'busybox'))
    })
    for (const runtime of this.absent.some(line => line.startsWith('podman:')) ? [] : ['crun', 'runc'])
      if (await this.#works(`podman with ${runtime}`, () => this.#tryPodman(runtime))) this.#podman.push(runtime)
  }

  async #tryPodman(runtime: string): Promise<void> {
    const idle = ['--name', beside(runtime), '--network', 'none', '--stop-signal', 'KILL', 'busybox', 'sleep', '100000']
    await this.#command(this.#podmanWith(runtime, 'run', '--rm', 'busybox', 'true'))
    await this.#command(this.#podmanWith(runtime, 'run', '-d', ...idle))
  }

  async #works(name: string, attempt: () => Promise<void>): Promise<boolean> {
    try {
      await attempt()
      return true
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.absent.push(`${name}: ${/ENOENT/.test(text) ? 'not installed' : text.trim().split('\n').at(-1)}`)
      return false
    }
  }

  /** A bundle as `spec` writes it, for `true`. Its root is a plain folder: these two mount no overlay. */
  async #makeBundle(runtime: string): Promise<void> {
    const bundle = join(this.folder, runtime)
    await mkdir(bundle, { recursive: true })
    await run(runtime, ['spec'], { cwd: bundle })
    const path = join(bundle, 'config.json')
    const { stdout } = await run('cat', [path])
    const config = JSON.parse(stdout)
    Object.assign(config.process, { terminal: false, args: ['/bin/true'], rlimits: [] })
    config.root = { path: this.#rootfs(), readonly: true }
    await writeFile(path, JSON.stringify(config))
    await this.#command(this.#runtime(runtime))
  }

  #runtime(runtime: string): string[] {
    const id = `bench${this.#numbers++}`
    const place = ['--root', join(this.folder, 'state', runtime)]
    return [...this.#inside, runtime, ...place, 'run', '--bundle', join(this.folder, runtime), id]
  }

  /** As command-jobs.ts does: nothing else is done here meanwhile. Returns milliseconds. */
  async #command(command: string[]): Promise<number> {
    const env = { ...process.env, CONTAINERS_CONF: join(this.folder, 'containers.conf') }
    return time(command, { env }).ms
  }

  podman(args: (beside: string) => string[]): Contender[] {
    return this.#podman.map(runtime => ({
      name: `podman with ${runtime}`,
      run: () => this.#command(this.#podmanWith(runtime, ...args(beside(runtime)))),
    }))
  }

  crowd(what: 'start' | 'remove', count: number, clients: number): Contender[] {
    return this.#podman.slice(0, 1).map(runtime => ({
      name: `podman with ${runtime}`,
      run: async () => {
        const env = { ...process.env, CONTAINERS_CONF: join(this.folder, 'containers.conf') }
        const idle = ['run', '-d', '--stop-signal', 'KILL', 'busybox', 'sleep', '100000']
        const { ms, lines } = time(this.#podmanWith(runtime, ...idle), { times: count, clients, env })
        const removal = await this.#command(this.#podmanWith(runtime, 'rm', '-f', ...lines))
        return what === 'start' ? ms : removal
      },
    }))
  }

  runtimes(): Contender[] {
    return this.#bundles.map(runtime => ({ name: runtime, run: () => this.#command(this.#runtime(runtime)) }))
  }

  bare(network: boolean): Contender[] {
    const words = [BUILT, this.#rootfs(), join(this.folder, 'bare'), '1', ...(network ? ['bare'] : [])]
    const [program = '', ...args] = [...this.#inside, ...words]
    return [{ name: 'bare kernel', run: async () => Number((await run(program, args)).stdout) }]
  }

  async end(): Promise<void> {
    if (this.#podman.length > 0) await this.#command(this.#podmanWith('crun', 'rm', '-af')).catch(() => undefined)
    const ended = new Promise(resolve => this.holder.once('exit', resolve))
    this.holder.stdin?.end()
    await ended
    // The kernel takes the namespace's mounts away when its last process has gone.
    await pause(100)
  }
}

/**
 * Networks for a test: a daemon whose subnets nobody else has, and a second "host", a network namespace of the test's own that
 * reaches the machine by a wire, as a neighbour on the LAN would.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts'
import { disposeLater } from './disposal.ts'
import { importBusybox } from './images.ts'

const exec = promisify(execFile)

/** Subnets for one daemon: `10.X.Y.0/24` for the bridge, the other half for its networks, one for wires. */
export interface Addresses {
  bip: string
  pools: { base: string; size: number }[]
  /** '10.X.Y.' of a /24 that is in none of the pools. */
  free: string
}

function chooseAddresses(): Addresses {
  const prefix = `10.${randomInt(64, 250)}`
  const third = randomInt(0, 60)
  return {
    bip: `${prefix}.${third}.1/24`,
    pools: [{ base: `${prefix}.128.0/17`, size: 24 }],
    free: `${prefix}.${third + 64}.`,
  }
}

export interface NetworkedDaemon extends Daemon {
  addresses: Addresses
}

/** A daemon with busybox and subnets of its own, so that those of tests which run at the same time do not meet. */
export async function startNetworkedDaemon({
  configure,
  ...options
}: DaemonOptions & { configure?: (addresses: Addresses) => object } = {}): Promise<NetworkedDaemon> {
  const addresses = chooseAddresses()
  const pools = { bip: addresses.bip, 'default-address-pools': addresses.pools }
  const config = { ...pools, ...options.config, ...configure?.(addresses) }
  const daemon = await startDaemon({ ...options, config })
  await importBusybox(daemon)
  return Object.assign(daemon, { addresses })
}

export interface OtherHost {
  /** Its own address, and the machine's on the wire between them. */
  address: string
  machine: string
  /** Runs a command there; rejects if it fails. Answers what it printed. */
  run(command: readonly string[]): Promise<string>
  /** Starts a command that goes on until the test ends; resolves with its first output. */
  serve(command: readonly string[]): Promise<string>
}

/** @param prefix '10.1.2.' of a /24 that is free */
export async function otherHost(prefix: string): Promise<OtherHost> {
  const link = `sk-${randomBytes(4).toString('hex')}`
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec sleep 100000'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  disposeLater(async () => end(holder))
  await new Promise(resolve => holder.stdout.once('data', resolve))
  const inside = ['nsenter', '-t', String(holder.pid), '-n']
  const run = async ([program = '', ...args]: readonly string[]) => (await exec(program, args)).stdout
  const [address, machine] = [`${prefix}2`, `${prefix}1`]
  await run(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holder.pid)])
  await run(['ip', 'address', 'add', `${machine}/24`, 'dev', link])
  await run(['ip', 'link', 'set', link, 'up'])
  for (const words of [
    ['link', 'set', 'lo', 'up'],
    ['address', 'add', `${address}/24`, 'dev', 'eth0'],
    ['link', 'set', 'eth0', 'up'],
    ['route', 'add', 'default', 'via', machine],
  ])
    await run([...inside, 'ip', ...words])
  return {
    address,
    machine,
    run: command => run([...inside, ...command]),
    serve: command => serve([...inside, ...command]),
  }
}

async function serve([program = '', ...args]: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  disposeLater(() => end(child))
  return new Promise((resolve, reject) => {
    child.stdout.once('data', data => resolve(String(data)))
    child.once('exit', code => reject(new Error(`${program} ended: ${code}`)))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  // The wire goes with the namespace, and that with its last process.
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

/** Connects, sends, and answers what comes back until the other side closes. */
export async function talk(host: string, port: number, message = ''): Promise<string> {
  const socket = connect({ host, port, allowHalfOpen: true })
  socket.end(message)
  return (await buffer(socket)).toString()
}

/** Tries again until it succeeds: for a server in a container that has only just been started. */
export async function eventually<T>(attempt: () => Promise<T>, accept: (value: T) => boolean = () => true): Promise<T> {
  const giveUp = Date.now() + 60_000
  for (;;) {
    try {
      const value = await attempt()
      if (accept(value)) return value
      if (Date.now() > giveUp) throw new Error(`it never came: the last answer was ${JSON.stringify(value)}`)
    } catch (error) {
      if (Date.now() > giveUp) throw error
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

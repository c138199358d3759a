/**
 * Figures in Prometheus' text format at http://METRICS-ADDR/metrics. What the names mean is said in their help.
 * Specification: Prometheus, "Exposition formats".
 */

import { createServer, type Server } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Registry as MetricsRegistry } from 'prom-client'
import type { Observe } from '../api/server.ts'
import type { ContainerService } from '../containers/types.ts'
import { InvalidParameter } from '../kernel/errors.ts'

export interface Metrics {
  observe: Observe
  close(): Promise<void>
}

const STATES = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const
const RESOLUTION_MS = 10
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30]

/** `address`: HOST:PORT. @throws InvalidParameter when it is none, Error when nothing can listen there */
export async function serveMetrics(address: string, version: string, containers: ContainerService): Promise<Metrics> {
  const [host, port] = parse(address)
  // Loaded only where it is wanted: it takes memory.
  const { collectDefaultMetrics, Gauge, Histogram, Registry } = await import('prom-client')
  const register = new Registry()
  collectDefaultMetrics({ register })
  const requests = new Histogram({
    name: 'skiff_api_request_seconds',
    help: 'How long requests of the API took, until the end of their answers',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers: [register],
  })
  const stopWatching = await watchEventLoop(register)
  new Gauge({
    name: 'skiff_containers',
    help: 'Containers by their state',
    labelNames: ['state'],
    registers: [register],
    async collect() {
      const all = await containers.list({ all: true, limit: 0, size: false, filters: {} })
      const counts = new Map<string, number>()
      for (const { container } of all) counts.set(container.state.status, (counts.get(container.state.status) ?? 0) + 1)
      for (const state of STATES) this.set({ state }, counts.get(state) ?? 0)
    },
  })
  new Gauge({ name: 'skiff_info', help: 'The version', labelNames: ['version'], registers: [register] }).set(
    { version },
    1,
  )
  const server = createServer(async (request, response) => {
    if (request.url !== '/metrics' || request.method !== 'GET') return void response.writeHead(404).end('not found\n')
    response.writeHead(200, { 'Content-Type': register.contentType }).end(await register.metrics())
  })
  await listening(server, host, port)
  return {
    observe: ({ method, route, status, seconds }) =>
      requests.observe({ method, route: route.replaceAll('*}', '}'), status }, seconds),
    close() {
      stopWatching()
      return new Promise(resolve => void server.close(() => resolve()).closeAllConnections())
    },
  }
}

/**
 * How long whoever wants something of the daemon waits for its event loop, whatever they ask for. prom-client's own gauges begin anew with
 * each look at them, so that of two who look each sees a part; these are counted for good. Returns what ends it.
 */
async function watchEventLoop(register: MetricsRegistry): Promise<() => void> {
  const { Gauge, Histogram } = await import('prom-client')
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const longest = new Histogram({
    name: 'skiff_event_loop_longest_delay_seconds',
    help: `Of each second: the longest time between two looks at the event loop, which are ${RESOLUTION_MS} ms apart when nothing blocks it`,
    buckets: [0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [register],
  })
  const most = new Gauge({
    name: 'skiff_event_loop_max_delay_seconds',
    help: 'The longest of these since the daemon started',
    registers: [register],
    collect: look,
  })
  let maximum = 0
  function look(): void {
    maximum = Math.max(maximum, delays.max / 1e9)
    most.set(maximum)
  }
  const everySecond = setInterval(() => {
    look()
    longest.observe(delays.max / 1e9)
    delays.reset()
  }, 1_000).unref()
  delays.enable()
  return () => {
    clearInterval(everySecond)
    delays.disable()
  }
}

function parse(address: string): [host: string, port: number] {
  const [, host = '', port = ''] = /^(\[[^\]]+\]|[^:]*):(\d+)$/.exec(address) ?? []
  if (port === '' || Number(port) > 65_535)
    throw new InvalidParameter(`invalid metrics-addr ${address}: it must be HOST:PORT`)
  return [host.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1', Number(port)]
}

const listening = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })

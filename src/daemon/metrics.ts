/**
 * Figures in Prometheus' text format at http://METRICS-ADDR/metrics. What the names mean is said in their help.
 * Specification: Prometheus, "Exposition formats".
 */

import { createServer, type Server } from 'node:http'
import type { Observe } from '../api/server.ts'
import type { ContainerService } from '../containers/types.ts'
import { InvalidParameter } from '../kernel/errors.ts'

export interface Metrics {
  observe: Observe
  close(): Promise<void>
}

const STATES = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const
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
  new Gauge({
    name: 'skiff_containers',
    help: 'Containers by their state',
    labelNames: ['state'],
    registers: [register],
    async collect() {
      const all = await containers.list({ all: true, limit: 0, size: false, filters: {} })
      for (const state of STATES)
        this.set({ state }, all.filter(({ container }) => container.state.status === state).length)
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
    close: () => new Promise(resolve => void server.close(() => resolve()).closeAllConnections()),
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

/** skiffd's entry. Only what needs no library is imported here: what is missing shall be told in words, not by a stack. */

import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { optimizeLate } from './optimize-late.ts'
import { checkHost, loadingLibraries } from './preflight.ts'

async function main(): Promise<void> {
  optimizeLate()
  // The doctor says more than this, and what to do.
  if (!process.argv.includes('--doctor')) checkHost()
  const { configure } = await loadingLibraries(() => import('./configure.ts'))
  const configured = await configure(process.argv.slice(2), process.env, await packageVersion())
  if (configured === null) return
  const { settings, log } = configured
  const { runDaemon } = await loadingLibraries(() => import('./daemon.ts'))
  const daemon = await runDaemon(settings, log)
  endOnSignals(daemon.stop, log)
  surviveMistakes(log)
}

async function packageVersion(): Promise<string> {
  const file = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { version: string }).version
}

/** The first signal ends the daemon in good order, a third at once. */
function endOnSignals(stop: () => Promise<void>, log: Logger): void {
  let signals = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1
    log.info({ signal }, 'skiffd is stopping')
    if (signals === 1) void stop().then(() => process.exit(0), fail)
    if (signals === 3) process.exit(1)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

/** A promise that nobody looked at concerns one request; what was thrown outside of any leaves us in an unknown state. */
function surviveMistakes(log: Logger): void {
  process.on('unhandledRejection', error => log.error({ err: error }, 'an error was not handled'))
  process.on('uncaughtException', error => {
    // Containers live on, and the next daemon finds them.
    log.fatal({ err: error }, 'skiffd ends because of an error that nobody caught')
    process.exit(1)
  })
}

function fail(error: unknown): never {
  process.stderr.write(`skiffd: ${error instanceof Error ? error.message : String(error)}\n`)
  if (process.env.SKIFF_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  process.exit(1)
}

main().catch(fail)

// Run in a mount namespace of its own: a process that writes 20,000 lines to a log on a disk that is too small; then one
// whose exit cannot be recorded since its run folder is full.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

const dist = new URL('../../../dist/', import.meta.url)
const { adoptShim, launchShim } = await import(new URL('runtime/shim/shim.js', dist))
const { prepareAttach } = await import(new URL('runtime/shim/attach.js', dist))

const folder = mkdtempSync('/tmp/skiff-full-')
const run = mkdtempSync('/tmp/skiff-full-run-')
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', folder])
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', run])

const step = (call, args) => ({ call, args, why: '', man: '' })
const slot = index => ({ kind: 'slot', index, name: '' })
const array = strings => ({
  kind: 'blob',
  shown: '',
  bytes: new Uint8Array(strings.length * 8 + 8),
  fields: strings.map((value, i) => ({ offset: i * 8, value })),
})
const program = script => {
  const argv = ['/bin/sh', '-c', script]
  const exec = step('execve', [argv[0], array(argv), array(['PATH=/usr/bin:/bin'])])
  return { steps: [step('dup3', [slot(1), 1, 0]), exec], slotCount: 8 }
}
const client = prepareAttach({ stdin: false, stdout: true, stderr: true, framed: false, detachKeys: new Uint8Array() })
let seen = 0
client.stream.on('data', bytes => {
  for (const byte of bytes) if (byte === 10) seen++
})
const ended = new Promise(resolve => client.stream.once('end', resolve))
const log = { folder, name: 'c.log', maxBytes: null, maxFiles: 1, attributes: null }
const shim = await launchShim({
  id: 'full',
  runDir: run,
  program: program('seq 1 20000'),
  cloneFlags: 0,
  passedFds: [],
  terminal: false,
  stdin: 'null',
  log,
  attach: [client],
})
const exit = await shim.exited
await ended
const entries = readFileSync(`${folder}/c.log`, 'utf8').trimEnd().split('\n')
for (const entry of entries) JSON.parse(entry)
const record = JSON.parse(readFileSync(`${run}/exit.json`, 'utf8'))

const small = mkdtempSync('/tmp/skiff-full-run-')
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', small])
const second = await launchShim({
  id: 'full',
  runDir: small,
  program: program('exec sleep 1000'),
  cloneFlags: 0,
  passedFds: [],
  terminal: false,
  stdin: 'null',
  log: null,
  attach: [],
})
second.release()
try {
  writeFileSync(`${small}/filler`, Buffer.alloc(1 << 20))
} catch (error) {
  if (error.code !== 'ENOSPC') throw error
}
process.kill(second.started.pid, 'SIGKILL')
const adoption = await adoptShim(small)
const lateExit = await adoption.handle.exited
console.log(
  JSON.stringify({
    unrecorded: { kind: adoption.kind, exitCode: lateExit.exitCode, files: readdirSync(small).sort() },
    exitCode: exit.exitCode,
    seen,
    kept: entries.length,
    lost: exit.logEntriesLost,
    recordLost: record.logEntriesLost,
  }),
)
for (const mounted of [folder, run, small]) {
  execFileSync('umount', ['-l', mounted])
  rmdirSync(mounted)
}

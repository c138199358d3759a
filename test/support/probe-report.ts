/** Turns a probe's report into one that can be compared across engines: what differs by nature gets a name in its place. */

import { readlink } from 'node:fs/promises'
import type { Json } from './client.ts'
import type { Engine } from './engine.ts'

interface Mount {
  root: string
  target: string
  options: string
  propagation: string
  type: string
  source: string
  superOptions: string
}

/** Folders of the overlay: where an engine keeps its layers is its own affair. */
const LAYER_OPTIONS =
  /^(lowerdir\+?|datadir\+?|upperdir|workdir|index|nfs_export|metacopy|redirect_dir|xino|uuid|userxattr|volatile)\b/

/** The engine's cgroup parent, the container's id, and the engine's folder by their names. */
function nameThings(text: string, engine: Engine, id: string): string {
  return text
    .replaceAll(id, 'ID')
    .replaceAll(id.slice(0, 12), 'SHORT-ID')
    .replaceAll(engine.cgroupParent, '/PARENT')
    .replaceAll(engine.folder, 'FOLDER')
}

function describeMount({ root, options, propagation, type, source, superOptions }: Mount): string {
  // A generated file or a volume lies where the engine keeps it: its name is what counts.
  const place = root.startsWith('FOLDER') ? `FOLDER/…/${root.split('/').at(-1)}` : root
  const kept = superOptions.split(',').filter(option => !(type === 'overlay' && LAYER_OPTIONS.test(option)))
  // A slave or private: of what the engine has mounted itself, nothing is ever propagated either way.
  return `${type} ${source} ${place} (${options}) ${propagation.replace('master ', '')}${kept.join(',')}`
}

/** Target → what is mounted there, the lowest first. The order of targets is free: it is given by their depth. */
function mountsByTarget(mounts: Mount[]): Record<string, string> {
  const byTarget: Record<string, string> = {}
  for (const mount of mounts) {
    const before = byTarget[mount.target]
    byTarget[mount.target] = `${before === undefined ? '' : `${before}; over it: `}${describeMount(mount)}`
  }
  return byTarget
}

/** 'engine' for a namespace that the container shares with its engine, 'own' for one of its own. */
async function relateNamespaces(
  namespaces: Record<string, string>,
  daemonPid: number,
): Promise<Record<string, string>> {
  const related: Record<string, string> = {}
  for (const [name, inode] of Object.entries(namespaces)) {
    related[name] = inode === (await readlink(`/proc/${daemonPid}/ns/${name}`)) ? 'engine' : 'own'
  }
  return related
}

/** Docker 20.10 writes fe00::0, later ones fe00::. */
const hosts = (text: string): string => text.replace(/\b(fe00|ff00)::0\b/g, '$1::')

/** The order of keywords is free (Docker has changed it with 26); that of nameservers is kept. */
const resolvConf = (text: string): string =>
  text
    .split('\n')
    .sort((a, b) => (a.split(' ')[0] ?? '').localeCompare(b.split(' ')[0] ?? ''))
    .join('\n')

export async function comparableReport(text: string, engine: Engine, id: string): Promise<Json> {
  // A terminal may echo what the probe has pushed into it.
  const report: Json = JSON.parse(nameThings(text.slice(text.indexOf('{')), engine, id))
  return {
    ...report,
    // Signals queued by all processes of the user, then the limit.
    status: { ...report.status, SigQ: report.status.SigQ.replace(/^\d+/, 'N') },
    mounts: mountsByTarget(report.mounts),
    contents: {
      ...report.contents,
      '/etc/hosts': hosts(report.contents['/etc/hosts']),
      '/etc/resolv.conf': resolvConf(report.contents['/etc/resolv.conf']),
    },
    namespaces: await relateNamespaces(report.namespaces, await engine.daemonPid()),
  }
}

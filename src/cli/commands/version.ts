/** skiff version: of this program and of the daemon. */

import { arch, version as nodeVersion, platform } from 'node:process'
import { API_VERSION } from '../../client/engine.ts'
import { write } from '../../client/write.ts'
import { clientVersion } from '../client-version.ts'
import { command } from '../command.ts'
import { goDate } from '../output/durations.ts'
import { objectFormatFlag } from '../output/format.ts'
import { objectFormatter } from '../output/object.ts'
import { align } from '../output/table.ts'

interface Component {
  Name: string
  Version: string
  Details?: Record<string, string> | null
}

interface ServerVersion {
  Platform?: { Name: string } | null
  Components?: Component[] | null
  Version: string
  ApiVersion: string
  MinAPIVersion: string
  [key: string]: unknown
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

export const version = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: { format: objectFormatFlag({ short: 'f' }) },
  async run({ session, engine, options }) {
    const format = options.format ? await objectFormatter(options.format) : undefined
    let failure: unknown
    const server = await engine.get<ServerVersion>('/version').catch(error => {
      failure = error
      return null
    })
    const client = await describeClient(server ? await engine.version() : API_VERSION)
    const text = format
      ? `${format({ Client: client, Server: server })}\n`
      : table(client) + (server ? `\n${serverTable(server)}` : '')
    await write(session.stdout, text)
    // The client's half is shown all the same.
    if (failure) throw failure
  },
})

async function describeClient(ApiVersion: string) {
  const { version, commit, built } = await clientVersion()
  return {
    Version: version,
    ApiVersion,
    DefaultAPIVersion: API_VERSION,
    GitCommit: commit,
    NodeVersion: nodeVersion,
    Os: platform,
    Arch: ARCHITECTURES[arch] ?? arch,
    BuildTime: built ? goDate(built) : '',
    Context: 'default',
  }
}
type Client = Awaited<ReturnType<typeof describeClient>>

function table(client: Client): string {
  const { ApiVersion, DefaultAPIVersion } = client
  const downgraded = ApiVersion === DefaultAPIVersion ? '' : ` (downgraded from ${DefaultAPIVersion})`
  return aligned([
    ['Client:', ''],
    [' Version:', client.Version],
    [' API version:', ApiVersion + downgraded],
    [' Node version:', client.NodeVersion],
    [' Git commit:', client.GitCommit],
    [' Built:', client.BuildTime],
    [' OS/Arch:', `${client.Os}/${client.Arch}`],
    [' Context:', client.Context],
  ])
}

/** The details of a component, in the order and under the names that people know. */
const DETAILS: readonly [string, (details: Record<string, string>) => string | undefined][] = [
  ['API version', ({ ApiVersion, MinAPIVersion }) => ApiVersion && `${ApiVersion} (minimum version ${MinAPIVersion})`],
  ['Go version', ({ GoVersion }) => GoVersion],
  ['Node version', ({ NodeVersion }) => NodeVersion],
  ['Git commit', ({ GitCommit }) => GitCommit],
  ['Built', ({ BuildTime }) => BuildTime],
  ['OS/Arch', ({ Os, Arch }) => Os && `${Os}/${Arch}`],
  ['Experimental', ({ Experimental }) => Experimental],
]

function serverTable({ Platform, Components, Version, ApiVersion, MinAPIVersion }: ServerVersion): string {
  const components = Components ?? [{ Name: 'Engine', Version, Details: { ApiVersion, MinAPIVersion } }]
  const lines: [string, string][] = [[`Server:${Platform?.Name ? ` ${Platform.Name}` : ''}`, '']]
  for (const { Name, Version, Details } of components) {
    lines.push([` ${Name}:`, ''], ['  Version:', Version])
    if (Name === 'Engine') {
      for (const [label, pick] of DETAILS) {
        const value = pick(Details ?? {})
        if (value) lines.push([`  ${label}:`, value])
      }
    } else for (const [key, value] of Object.entries(Details ?? {})) lines.push([`  ${key}:`, value])
  }
  return aligned(lines)
}

const aligned = (lines: readonly (readonly [string, string])[]): string =>
  align(
    lines
      .map(([label, value]) =>
        label.endsWith(':') && (value || label.startsWith(' ')) ? `${label}\t${value}\n` : `${label}\n`,
      )
      .join(''),
    { minWidth: 20, padding: 1 },
  )

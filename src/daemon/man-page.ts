/** skiffd(8), made of the table of options. */

import { bold, escaped, item, page, paragraphs } from '../cli/man/roff.ts'
import { ACTIONS, DEFAULT_CONFIG_FILE, OPTIONS, type Option } from './options.ts'

export function daemonPage(version: string): string {
  const all: readonly Option[] = OPTIONS
  const flags = all.flatMap(({ flag, short, describe }) =>
    flag === null ? [] : [item(`${short ? `-${short}, ` : ''}--${flag}`, describe)],
  )
  const keys = all.map(({ key, describe }) => item(key, describe))
  return page({ title: 'skiffd', section: 8, source: `skiff ${version}`, manual: 'Containers' }, [
    { heading: 'NAME', body: escaped('skiffd - the daemon that runs containers') },
    { heading: 'SYNOPSIS', body: `${bold('skiffd')}\n[OPTIONS]` },
    {
      heading: 'DESCRIPTION',
      body: paragraphs(
        'skiffd makes containers by system calls of its own and serves the Docker Engine API on a Unix socket. When it stops, containers run on; the next skiffd finds them again.',
      ),
    },
    {
      heading: 'OPTIONS',
      body: [...flags, ...Object.entries(ACTIONS).map(([name, { describe }]) => item(`--${name}`, describe))].join(
        '\n',
      ),
    },
    {
      heading: 'CONFIGURATION FILE',
      body: `${paragraphs('JSON with comments. A key that is not in this list is an error, and so is one that is given as an option too.')}\n${keys.join('\n')}`,
    },
    {
      heading: 'FILES',
      body: [
        item('/run/skiff/skiff.sock', 'The API.'),
        item('/var/lib/skiff', 'Images, layers, containers, volumes, networks.'),
        item(DEFAULT_CONFIG_FILE, 'The configuration.'),
        item('/etc/skiff/certs.d', 'Certificates of registries.'),
      ].join('\n'),
    },
    { heading: 'SEE ALSO', body: '.BR skiff (1)' },
  ])
}

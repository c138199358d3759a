/** docs/clients.md, written from the table of commands. */

import type { Section } from './command-table.ts'

const HEAD = `# Docker's clients on skiff

Docker's clients need to know one thing: where skiff's socket is.

\`\`\`sh
eval "$(skiff env)"     # DOCKER_HOST=unix:///run/skiff/skiff.sock
\`\`\`

| client | what is done with it | test |
| --- | --- | --- |
| \`docker\` 28 | run, exec, attach, logs, builds, networks, volumes, on terminals and pipes | \`test/clients/docker-cli.test.ts\` |
| \`docker\` 28 | each command below, compared with the reference engine | \`test/clients/docker-table.test.ts\` |
| \`docker-compose\` 1.29.2 (Debian) | a shop of several services, from \`up\` to \`down\` | \`test/clients/docker-compose.test.ts\` |
| docker-py (Debian's python3-docker) | containers, images, networks, volumes, events | \`test/clients/docker-py.test.ts\` |
| dockerode (npm) | the same, and streams | \`test/clients/dockerode.test.ts\` |
| Testcontainers (npm) | redis, nginx, mariadb; wait strategies, exec, copy, logs, networks, reuse | \`test/clients/testcontainers.test.ts\` |

BuildKit is not served, so that \`docker build\` needs \`DOCKER_BUILDKIT=0\` where buildx is installed; \`skiff build\` does not. What is not
there at all: [limits.md](limits.md).

## What \`docker\` prints

Each line is typed at the \`docker\` 28 client, in this order, once with skiff and once with the reference engine, Debian's Docker
20.10.24. "same" is the same output, the same errors and the same exit code, but for ids, times, addresses, and the width of columns.
This page is written from the list that the test runs (\`SKIFF_DOCS=write\`), so that a difference can neither come nor go unseen.
`

export const page = (table: readonly Section[]): string => [HEAD, ...table.map(chapter)].join('\n')

function chapter({ title, lines }: Section): string {
  const rows = lines.map(entry =>
    typeof entry === 'string'
      ? row(entry, 'same')
      : row(entry.line, `${entry.differs} skiff prints: ${code(entry.skiff)}`),
  )
  return [`### ${title}`, '', '| command | output |', '| --- | --- |', ...rows, ''].join('\n')
}

const row = (line: string, output: string): string => `| ${code(line)} | ${output} |`

/** A bar would end the cell, in code too. */
const code = (text: string): string => `\`${text.trim().replaceAll('|', '\\|').replaceAll('\n', ' ')}\``

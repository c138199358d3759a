/** One line of the table on one engine: run by a shell as a person's would be, and what it printed made comparable. */

import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CliResult, openCommand } from '../support/cli.ts'
import type { Engine } from '../support/engine.ts'
import { fixture } from '../support/images.ts'

/** An engine, and the folder of whoever works with it. */
export interface Desk {
  readonly engine: Engine
  readonly folder: string
  readonly env: Record<string, string>
}

const SITE: Record<string, string> = {
  Dockerfile: `FROM busybox AS first
ARG WHO=nobody
ENV WHO=$WHO GREETING="hello there"
LABEL kind=site
WORKDIR /srv
COPY page.html .
RUN echo made by $WHO && echo warned >&2
FROM first
ADD page.html /srv/second.html
EXPOSE 80/tcp
VOLUME /data
USER 1000
STOPSIGNAL SIGINT
HEALTHCHECK --interval=1h CMD true
ENTRYPOINT ["cat"]
CMD ["page.html", "second.html"]
`,
  Broken: 'FROM busybox\nNOPE x\n',
  Failing: 'FROM busybox\nRUN exit 5\n',
  'page.html': 'a page\n',
}

/** `port` and `subnet` may be the same for both: the reference engine has a network namespace of its own. */
export async function setDesk(engine: Engine, port: number, subnet: string): Promise<Desk> {
  const folder = join(engine.folder, 'desk')
  await mkdir(join(folder, 'site'), { recursive: true })
  await symlink(await fixture('busybox.tar'), join(folder, 'busybox.tar'))
  for (const [name, content] of Object.entries(SITE)) await writeFile(join(folder, 'site', name), content)
  // DOCKER_HOST is all that a client needs; its configuration, with the passwords of whoever runs the tests, is another.
  const own = { DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: join(folder, '.docker') }
  return { engine, folder, env: { ...own, PORT: String(port), SUBNET: subnet } }
}

export async function runLine(desk: Desk, line: string): Promise<CliResult> {
  const session = openCommand(['sh', '-c', line], { cwd: desk.folder, env: desk.env })
  session.end()
  const { code, stdout, stderr } = await session.result
  return { code, stdout: comparable(desk, line, stdout), stderr: comparable(desk, line, stderr) }
}

/** In this order: an id is hexadecimal as well. What is replaced keeps a name, so that its absence is still seen. */
const BY_NATURE: readonly [RegExp, string][] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d)( UTC)?)?/g, 'TIME'],
  [/(Less than a second|About a minute|\d+ (second|minute)s?)/g, 'SOME-TIME'],
  [/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC'],
  [/\b[0-9a-f]{64}\b/g, 'ID'],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12}\b/g, 'SHORT-ID'],
  [/\b\d{12}\b/g, 'SHORT-ID'],
  // The engines' own pools.
  [/\b(172|192|10)\.\d+\.\d+\.\d+\b/g, 'IP'],
  // What the builder says of files: their sum, cut off or not.
  [/\b(file|dir|multi):[0-9a-f]+/g, '$1:SUM'],
  // Columns are as wide as what is in them.
  [/(?<=\S) {2,}/g, '  '],
]

/** Figures of the moment. */
const OF_NOW: readonly [RegExp, string][] = [
  [/\b\d\d:\d\d(:\d\d)?\b/g, 'CLOCK'],
  [/\b\d+(\.\d+)?([kKMG]i?)?B?\b/g, 'N'],
]

function comparable({ engine, folder, env }: Desk, line: string, text: string): string {
  const named = text
    .replaceAll(folder, 'DESK')
    .replaceAll(engine.folder, 'FOLDER')
    .replaceAll(env.SUBNET ?? '', '$SUBNET')
    .replaceAll(new RegExp(`\\b${env.PORT}\\b`, 'g'), '$PORT')
  const rules = /docker (container )?(stats|top)\b/.test(line) ? [...BY_NATURE, ...OF_NOW] : BY_NATURE
  return rules.reduce((result, [pattern, name]) => result.replace(pattern, name), named)
}

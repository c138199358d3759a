/** Builds where root in a container is nobody on the host: the image has the ids inside. */

import { expect, test } from 'vitest'
import { buildOk, treeOf } from '../support/build.ts'
import { cliOk } from '../support/cli.ts'
import { startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { remapping } from '../support/remap.ts'

test('what RUN, COPY and WORKDIR make belongs to the ids inside', async () => {
  const skiff = await startDaemon({ args: await remapping() })
  await importBusybox(skiff)
  const dockerfile = [
    'FROM busybox AS other',
    'RUN mkdir /o && echo x >/o/x && chown 5:6 /o/x',
    'FROM busybox',
    'RUN echo made >/made && chown 7:8 /made',
    'COPY file /file',
    'COPY --chown=9 file /owned',
    'COPY --from=other /o /o',
    'WORKDIR /w',
    'RUN --mount=type=cache,target=/c echo kept >/c/k && cat /file /c/k >/seen && stat -c %u:%g /file /owned /o/x /made >>/seen',
  ]
  await buildOk(
    skiff,
    { Dockerfile: dockerfile.join('\n'), file: 'content\n' },
    { query: { t: 'built', networkmode: 'none' } },
  )
  const owners = (await treeOf(skiff, 'built'))
    .map(line => line.split(' '))
    .filter(([path]) => /^(made|file|owned|o|o\/x|w)$/.test(path ?? ''))
  expect(Object.fromEntries(owners.map(([path, , , owner]) => [path, owner]))).toEqual({
    made: '7:8',
    file: '0:0',
    owned: '9:9',
    o: '0:0',
    'o/x': '5:6',
    w: '0:0',
  })
  const seen = await cliOk(skiff, ['run', '--rm', '--network', 'none', 'built', 'cat', '/seen'])
  expect(seen).toBe('content\nkept\n0:0\n9:9\n5:6\n7:8')
})

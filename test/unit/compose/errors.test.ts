// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of compose files
/** What is wrong in a file is said with its line and column. */

import { expect, test } from 'vitest'
import { oneFile, project } from './project.ts'

test.each([
  [
    'unknown key',
    'services:\n  web:\n    imge: x',
    '3:5: services.web Additional property imge is not allowed: did you mean image?',
  ],
  ['unknown key at the top', 'services: {}\nfoo: 1', '2:1: (root) Additional property foo is not allowed'],
  [
    'unknown key deep down',
    'services:\n  web:\n    image: x\n    healthcheck:\n      tset: x',
    '5:7: services.web.healthcheck Additional property tset',
  ],
  ['a tab', 'services:\n\tweb: 1', '2:1: yaml:'],
  ['an open bracket', 'services: [', '1:12: yaml:'],
  ['a key twice', 'services:\n  a: {image: x}\n  a: {image: y}', '3:3: yaml: Map keys must be unique'],
  ['an unknown anchor', 'services:\n  web: *x', '2:8: yaml:'],
  ['a list for a mapping', 'services: [web]', '1:11: services must be a mapping'],
  ['nothing for a list', 'services:\n  web:\n    image: x\n    ports:', '4:11: services.web.ports must be a list'],
  ['a word for a number', 'services: {web: {image: x, scale: many}}', '1:35: services.web.scale must be a number'],
  ['a word for a truth value', 'services: {web: {image: x, tty: maybe}}', '1:33: services.web.tty must be a boolean'],
  ['a wrong size', 'services: {web: {image: x, mem_limit: 1 lot}}', '1:39: services.web.mem_limit: invalid size'],
  [
    'a wrong duration',
    'services: {web: {image: x, stop_grace_period: 5}}',
    '1:47: services.web.stop_grace_period: invalid duration "5"',
  ],
  ['a wrong port', 'services: {web: {image: x, ports: ["80:x"]}}', '1:36: Invalid containerPort: x'],
  ['a wrong range', 'services: {web: {image: x, ports: ["80-81:80-85"]}}', '1:36: Invalid ranges specified'],
  [
    'a relative target',
    'services: {web: {image: x, volumes: ["/a:b"]}}',
    "invalid mount path: 'b' mount path must be absolute",
  ],
  [
    'a bad template',
    'services: {web: {image: "${A"}}',
    '1:25: error while interpolating services.web.image: invalid interpolation format',
  ],
  [
    'a missing variable',
    'services: {web: {image: "${A:?no A}"}}',
    '1:25: error while interpolating services.web.image: required variable A is missing a value: no A',
  ],
  [
    'no image',
    'services: {web: {command: x}}',
    '1:12: service "web" has neither an image nor a build context specified',
  ],
  [
    'an undefined network',
    'services:\n  web:\n    image: x\n    networks: [a, b]\nnetworks: {a: }',
    '4:19: service "web" refers to undefined network b',
  ],
  [
    'an undefined volume',
    'services:\n  web:\n    image: x\n    volumes:\n      - data:/d',
    '5:9: service "web" refers to undefined volume data',
  ],
  [
    'an undefined secret',
    'services:\n  web:\n    image: x\n    secrets: [s]',
    '4:15: service "web" refers to undefined secret s',
  ],
  [
    'an undefined config',
    'services:\n  web:\n    image: x\n    configs: [{source: c}]',
    'service "web" refers to undefined config c',
  ],
  [
    'an undefined dependency',
    'services:\n  web:\n    image: x\n    depends_on: [db]',
    '4:18: service "web" depends on undefined service "db"',
  ],
  [
    'a circle',
    'services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: [a]}',
    '2:30: dependency cycle detected: a -> b -> c -> a',
  ],
  [
    'a circle of namespaces',
    'services:\n  a: {image: x, network_mode: "service:b"}\n  b: {image: x, pid: "service:a"}',
    'dependency cycle detected: a -> b -> a',
  ],
  [
    'two networks modes',
    'services: {web: {image: x, network_mode: host, networks: [default]}}',
    'declares mutually exclusive `network_mode` and `networks`',
  ],
  [
    'two limits',
    'services: {web: {image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}}',
    "can't set distinct values on 'mem_limit' and 'deploy.resources.limits.memory'",
  ],
  [
    'what no engine here can do',
    'services: {web: {image: x, gpus: all}}',
    '1:34: services.web.gpus is not supported by skiff',
  ],
  [
    'a secret of a swarm',
    'services: {web: {image: x, secrets: [s]}}\nsecrets: {s: {external: true}}',
    '1:38: service "web" uses the external secret s, which lives in a swarm',
  ],
  [
    'two sources of a config',
    'services: {web: {image: x}}\nconfigs: {c: {file: a, content: b}}',
    'configs.c: file and content are mutually exclusive',
  ],
  [
    'external and more',
    'services: {web: {image: x}}\nvolumes: {v: {external: true, driver: local}}',
    'volumes.v: conflicting parameters "external" and "driver" specified',
  ],
  ['a name that is none', 'services: {"a b": {image: x}}', '1:12: services Additional property a b is not allowed'],
  ['an alias within itself', 'services: &s\n  web: *s', "anchor 's' value contains itself"],
])('%s', async (_name, text, message) => {
  await expect(oneFile(text)).rejects.toThrow(message)
  await expect(oneFile(text)).rejects.toThrow(/^compose\.yaml:\d+:\d+: /)
})

test('the file named is the one that says it', async () => {
  const written = await project({
    'a.yaml': 'services: {web: {image: x}}',
    'b.yaml': 'services:\n  web:\n    prts: []',
  })
  await expect(written.load({ files: ['a.yaml', 'b.yaml'] })).rejects.toThrow(
    'b.yaml:3:5: services.web Additional property prts',
  )
})

test('aliases of aliases do not fill the memory', async () => {
  const lines = ['x0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]']
  for (let i = 1; i < 12; i++)
    lines.push(
      `x${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  await expect(oneFile(lines.join('\n'))).rejects.toThrow('document contains excessive aliasing')
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of compose files
/** Which files are read, what they may use of one another, and what a project is called. */

import { describe, expect, test } from 'vitest'
import { oneFile, project } from './project.ts'

const WEB = 'services: {web: {image: x}}\n'

describe('the files', () => {
  test.each(['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'])(
    '%s is found from a folder below',
    async name => {
      const written = await project({ [name]: WEB, 'sub/x': '' })
      expect((await written.load({ cwd: `${written.folder}/sub` })).files).toEqual([`${written.folder}/${name}`])
    },
  )
  test('compose.yaml counts more than docker-compose.yml', async () => {
    const written = await project({ 'compose.yaml': WEB, 'docker-compose.yml': 'no yaml: [' })
    expect(Object.keys((await written.load()).services)).toEqual(['web'])
  })
  test('an override beside it is merged', async () => {
    const written = await project({ 'compose.yaml': WEB, 'compose.override.yaml': 'services: {web: {user: u}}' })
    expect((await written.load()).services.web).toMatchObject({ image: 'x', user: 'u' })
  })
  test('COMPOSE_FILE, in the shell or in .env', async () => {
    const written = await project({
      'a.yaml': WEB,
      'b.yaml': 'services: {web: {user: u}}',
      '.env': 'COMPOSE_FILE=a.yaml:b.yaml',
    })
    expect((await written.load()).services.web?.user).toBe('u')
    expect((await written.load({ env: { COMPOSE_FILE: 'a.yaml' } })).services.web?.user).toBeUndefined()
  })
  test('- is stdin', async () => {
    const written = await project({ '-': WEB, x: '' })
    expect((await written.load({ files: ['-'] })).name).toBe('demo')
  })
  test('none', async () => {
    await expect((await project({ x: '' })).load()).rejects.toThrow('no configuration file provided: not found')
  })
})

describe('the name', () => {
  const text = `name: written\n${WEB}`
  test.each([
    [{ name: 'given' }, 'given'],
    [{ env: { COMPOSE_PROJECT_NAME: 'env' } }, 'env'],
    [{}, 'written'],
  ])('%j → %s', async (more, name) => {
    expect((await oneFile(text, more)).name).toBe(name)
  })
  test('of the folder, without what a name may not have', async () => {
    const written = await project({ 'My.App_1/compose.yaml': WEB })
    expect((await written.load({ cwd: `${written.folder}/My.App_1` })).name).toBe('myapp_1')
  })
  test('a wrong one is refused', async () => {
    await expect(oneFile(WEB, { name: 'A b' })).rejects.toThrow('invalid project name "A b"')
  })
  test.each([
    ['', { name: 'p' }, 'p'],
    ['', {}, 'demo'],
    ['name: w$V\n', { env: { V: '1' } }, 'w1'],
  ])('is a variable of the files: %j with %j', async (line, more, name) => {
    const project = await oneFile(`${line}services: {web: {image: "$COMPOSE_PROJECT_NAME"}}`, more)
    expect(project.services.web?.image).toBe(name)
    expect(project.name).toBe(name)
  })
})

describe('variables', () => {
  test('the shell counts more than .env, and --env-file takes its place', async () => {
    const files = {
      'compose.yaml': 'services: {web: {image: "$A$B$C"}}',
      '.env': 'A=1\nB=1\nC=1',
      other: 'A=2\nB=2\nC=2',
    }
    const written = await project(files)
    expect((await written.load({ env: { A: '0' } })).services.web?.image).toBe('011')
    expect((await written.load({ env: { A: '0' }, envFiles: ['other'] })).services.web?.image).toBe('022')
  })
  test('a missing one is told once', async () => {
    const written = await project({ 'compose.yaml': 'services: {web: {image: "x$NO", user: "$NO"}}' })
    await written.load()
    expect(written.warnings).toEqual(['The "NO" variable is not set. Defaulting to a blank string.'])
  })
  test('texts become numbers and truth values where those belong', async () => {
    const text = 'services: {web: {image: x, init: "$YES", ports: ["$P:80"], mem_limit: "$M", scale: "$N"}}'
    const { services } = await oneFile(text, { env: { YES: 'true', P: '8080', M: '64m', N: '3' } })
    expect(services.web).toMatchObject({ init: true, ports: [{ published: '8080' }], mem_limit: 67108864, scale: 3 })
  })
  test('env_file and environment: the later ones count more', async () => {
    const written = await project({
      'compose.yaml':
        'services: {web: {image: x, env_file: [a, {path: b, required: false}, {path: none, required: false}, {path: r, format: raw}], environment: {C: 3, K: , U: }}}',
      a: 'A=1\nB=1\nC=1\nX=${A}x',
      b: 'B=2',
      r: 'R="$A"',
    })
    const { services } = await written.load({ env: { K: 'k' } })
    expect(services.web?.environment).toEqual({ A: '1', B: '2', C: '3', X: '1x', R: '"$A"', K: 'k', U: null })
  })
  test('a missing env_file is refused', async () => {
    await expect(oneFile('services: {web: {image: x, env_file: none}}')).rejects.toThrow(/env file .*none not found/)
  })
})

describe('extends', () => {
  test('of the same file, over several steps', async () => {
    const { services } = await oneFile(`
services:
  a: {image: x, environment: {A: 1, B: 1}}
  b: {extends: a, environment: {B: 2}}
  c: {extends: {service: b}, command: c}
`)
    expect(services.c).toMatchObject({ image: 'x', environment: { A: '1', B: '2' }, command: ['c'] })
  })
  test('of another file, whose paths are its own', async () => {
    const written = await project({
      'compose.yaml': 'services: {web: {extends: {file: sub/base.yaml, service: base}, user: u}}',
      'sub/base.yaml': 'services: {base: {build: ., volumes: ["./d:/d"], env_file: e}}',
      'sub/e': 'E=1',
    })
    const { services } = await written.load()
    expect(services.web).toMatchObject({
      user: 'u',
      build: { context: `${written.folder}/sub` },
      volumes: [{ source: `${written.folder}/sub/d` }],
      environment: { E: '1' },
    })
  })
  test('a circle is refused', async () => {
    await expect(oneFile('services: {a: {extends: b}, b: {extends: a}}')).rejects.toThrow(/Circular reference/)
  })
  test('what is not there is refused', async () => {
    await expect(oneFile('services: {a: {extends: b}}')).rejects.toThrow(
      /compose.yaml:1:\d+: cannot extend service "a" .*"b" not found/,
    )
  })
})

describe('include', () => {
  test('services, networks and volumes of other files, with variables of their own', async () => {
    const written = await project({
      'compose.yaml':
        'include: [one/compose.yaml, {path: [two/a.yaml, two/b.yaml], project_directory: ., env_file: two/e}]\nservices: {web: {image: x, depends_on: [db]}}',
      'one/compose.yaml': 'services: {db: {image: "$I", volumes: ["data:/d", "./x:/x"]}}\nvolumes: {data: }',
      'one/.env': 'I=one',
      'two/a.yaml': 'services: {q: {image: "$I", volumes: ["./y:/y"]}}',
      'two/b.yaml': 'services: {q: {user: u}}',
      'two/e': 'I=two',
    })
    const { services, volumes } = await written.load()
    expect(services.db).toMatchObject({
      image: 'one',
      volumes: [{ source: 'data' }, { source: `${written.folder}/one/x` }],
    })
    expect(services.q).toMatchObject({ image: 'two', user: 'u', volumes: [{ source: `${written.folder}/y` }] })
    expect(volumes.data?.name).toBe('demo_data')
  })
  test('what both have differently is refused', async () => {
    const written = await project({
      'compose.yaml': 'include: [b.yaml]\nservices: {web: {image: x}}',
      'b.yaml': 'services: {web: {image: y}}',
    })
    await expect(written.load()).rejects.toThrow('imported compose file b.yaml defines conflicting services.web')
  })
  test('a circle is refused', async () => {
    const written = await project({ 'compose.yaml': 'include: [b.yaml]', 'b.yaml': 'include: [compose.yaml]' })
    await expect(written.load()).rejects.toThrow('include cycle detected')
  })
})

describe('profiles', () => {
  const text = 'services: {web: {image: x}, a: {image: x, profiles: [p]}, b: {image: x, profiles: [q, r]}}'
  test.each([
    [{}, ['web']],
    [{ profiles: ['p'] }, ['web', 'a']],
    [{ profiles: ['*'] }, ['web', 'a', 'b']],
    [{ env: { COMPOSE_PROFILES: 'p,r' } }, ['web', 'a', 'b']],
    [{ wanted: ['b'] }, ['web', 'b']],
  ])('%j', async (more, names) => {
    expect(Object.keys((await oneFile(text, more)).services)).toEqual(names)
  })
  test('a dependency that is not active is refused', async () => {
    await expect(oneFile('services: {web: {image: x, depends_on: [a]}, a: {image: x, profiles: [p]}}')).rejects.toThrow(
      'compose.yaml:1:41: service "web" depends on undefined service "a": invalid compose project',
    )
  })
})

test('anchors, merge keys and x- fields', async () => {
  const { services, extensions } = await oneFile(`
x-base: &base
  image: x
  environment: &env {A: 1, B: 1}
services:
  web:
    <<: *base
    x-note: kept
    environment: {<<: *env, B: 2}
  two: {<<: [{user: u}, {user: v, image: y}]}
`)
  expect(services.web).toMatchObject({ image: 'x', environment: { A: '1', B: '2' }, 'x-note': 'kept' })
  expect(services.two).toMatchObject({ user: 'u', image: 'y' })
  expect(extensions).toEqual({ 'x-base': { image: 'x', environment: { A: 1, B: 1 } } })
})

test('what is only for a swarm, and version, are told', async () => {
  const written = await project({
    'compose.yaml':
      'version: "3"\nservices: {web: {image: x, deploy: {placement: {constraints: [a]}, restart_policy: {delay: 1s}}}}',
  })
  await written.load()
  expect(written.warnings).toEqual([
    expect.stringContaining('the attribute `version` is obsolete'),
    'services.web.deploy: placement: only a swarm has a use for it',
    expect.stringContaining('services.web.deploy.restart_policy: delay'),
  ])
})

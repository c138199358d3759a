/** From a command line's options to a project. Source: compose-spec; docker compose's documentation of -f, -p and COMPOSE_*. */

import { basename, dirname, join, resolve } from 'node:path'
import { ComposeError } from '../errors.ts'
import type { Project, Service } from '../project.ts'
import { mapOf, string, struct } from '../schema/decode.ts'
import { SWARM_ONLY } from '../schema/deploy.ts'
import { config, secret } from '../schema/files.ts'
import { network, volume } from '../schema/resources.ts'
import { service } from '../schema/service.ts'
import { childOf, type Node, withEntries } from '../source/node.ts'
import { readYaml } from '../source/read.ts'
import { check } from './check.ts'
import { complete } from './complete.ts'
import { readEnvFiles, resolveFiles, type Variables } from './environment.ts'
import { absolute, exists, findDefaultFiles, readText, shownPath } from './files.ts'
import { interpolate } from './interpolate.ts'
import { readTree } from './tree.ts'

export interface LoadOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: () => Promise<string>
  readonly warn: (message: string) => void
  readonly files: readonly string[]
  readonly name: string
  readonly profiles: readonly string[]
  readonly envFiles: readonly string[]
  readonly folder: string
  /** false: leave ${…} as it is. */
  readonly interpolate?: boolean
  /** Services that are wanted although their profile is not active. */
  readonly wanted?: readonly string[]
}

/** What is known before a file is read. */
export interface Place {
  readonly files: readonly string[]
  readonly folder: string
  readonly variables: Variables
}

const top = struct({
  configs: mapOf(config),
  include: (node: Node) => node,
  models: (node: Node) => node,
  name: string,
  networks: mapOf(network),
  secrets: mapOf(secret),
  services: mapOf(service),
  version: string,
  volumes: mapOf(volume),
})

/** @throws ComposeError */
export async function loadProject(options: LoadOptions): Promise<Project> {
  const place = await locate(options)
  const { files, folder } = place
  const stdin = once(options.stdin)
  const given = options.name || place.variables.COMPOSE_PROJECT_NAME || ''
  const name = projectName(given, given ? undefined : await writtenName(place, options.cwd, stdin), folder)
  const variables = { ...place.variables, COMPOSE_PROJECT_NAME: name }
  const warn = onlyOnce(options.warn)
  const { cwd } = options
  const tree = await readTree({ files, folder, variables, interpolate: options.interpolate ?? true, cwd, stdin, warn })
  const model = top(tree, '')
  warnOfVersion(model, files, warn)
  warnOfSwarm(tree, warn)
  if (model.models)
    throw new ComposeError('models is not supported by skiff: there is no model runner', (model.models as Node).at)
  checkNames(tree)
  const whole = complete({
    name,
    folder,
    files,
    services: servicesOf(model),
    networks: model.networks ?? {},
    volumes: model.volumes ?? {},
    secrets: model.secrets ?? {},
    configs: model.configs ?? {},
  })
  const project: Project = {
    ...whole,
    ...(await chooseServices(whole.services, options, variables)),
    extensions: Object.fromEntries(Object.entries(model).filter(([key]) => key.startsWith('x-'))),
    environment: variables,
  }
  check(project, tree)
  return project
}

type Model = ReturnType<typeof top>

const servicesOf = ({ services = {} }: Model): Record<string, Service> =>
  Object.fromEntries(Object.entries(services).map(([name, value]) => [name, { name, ...value } as Service]))

/** Those that take part, with what their files say, and those whose profile is not active. */
async function chooseServices(
  services: Readonly<Record<string, Service>>,
  options: LoadOptions,
  variables: Variables,
): Promise<Pick<Project, 'services' | 'inactive'>> {
  const active = activeProfiles(options, variables)
  const isActive = ({ name, profiles = [] }: Service): boolean =>
    profiles.length === 0 ||
    active.includes('*') ||
    profiles.some(profile => active.includes(profile)) ||
    (options.wanted ?? []).includes(name)
  const resolve = (item: Service): Promise<Service> | Service =>
    options.interpolate === false ? item : resolveFiles(item, variables, options.cwd)
  const all = Object.entries(services)
  const resolved = all
    .filter(([, item]) => isActive(item))
    .map(async ([key, item]): Promise<[string, Service]> => [key, await resolve(item)])
  return {
    services: Object.fromEntries(await Promise.all(resolved)),
    inactive: Object.fromEntries(all.filter(([, item]) => !isActive(item))),
  }
}

/** The same words are said once. */
function onlyOnce(say: (message: string) => void): (message: string) => void {
  const said = new Set<string>()
  return message => {
    if (!said.has(message)) say(message)
    said.add(message)
  }
}

function warnOfVersion({ version }: Model, files: readonly string[], warn: (message: string) => void): void {
  if (version === undefined) return
  const file = files.find(name => name !== '-') ?? '-'
  warn(
    `${file}: the attribute \`version\` is obsolete, it will be ignored, please remove it to avoid potential confusion`,
  )
}

/** The files, the home folder and the variables. */
export async function locate(options: LoadOptions): Promise<Place> {
  const { cwd } = options
  const shell = Object.fromEntries(
    Object.entries(options.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const here =
    options.envFiles.length === 0 && (await exists(join(cwd, '.env')))
      ? await readEnvFiles([join(cwd, '.env')], shell, cwd)
      : shell
  const named = options.files.length > 0 ? options.files : splitFiles(here)
  const files =
    named.length > 0
      ? named.map(file => absolute(cwd, file))
      : await findDefaultFiles(options.folder ? resolve(cwd, options.folder) : cwd)
  const first = files[0] ?? '-'
  const folder = options.folder ? resolve(cwd, options.folder) : first === '-' ? cwd : dirname(first)
  const own = join(folder, '.env')
  const envFiles =
    options.envFiles.length > 0 ? options.envFiles.map(file => resolve(cwd, file)) : (await exists(own)) ? [own] : []
  return { files, folder, variables: await readEnvFiles(envFiles, folder === cwd ? shell : here, cwd) }
}

const splitFiles = ({ COMPOSE_FILE = '', COMPOSE_PATH_SEPARATOR = ':' }: Variables): string[] =>
  COMPOSE_FILE === '' ? [] : COMPOSE_FILE.split(COMPOSE_PATH_SEPARATOR)

/** stdin can be read only once, and its file is looked at twice. */
function once(read: () => Promise<string>): () => Promise<string> {
  let content: Promise<string> | undefined
  return () => {
    content ??= read()
    return content
  }
}

/** `name:` of the last file that has one: the files themselves may use it as a variable. */
async function writtenName(
  { files, folder, variables }: Place,
  cwd: string,
  stdin: () => Promise<string>,
): Promise<string | undefined> {
  let name: string | undefined
  for (const file of files) {
    const text = file === '-' ? await stdin() : await readText(file)
    // Cheaper than to read every file twice.
    if (!/\bname["']?\s*:/.test(text)) continue
    const source = { file: shownPath(cwd, file), folder }
    const tree = interpolate(
      pick(readYaml(text, source), 'name'),
      key => variables[key],
      () => undefined,
    )
    const found = childOf(tree, 'name')
    if (found) name = string(found, 'name')
  }
  return name
}

const pick = (tree: Node, key: string): Node =>
  tree.kind === 'map'
    ? withEntries(
        tree,
        [...tree.entries].filter(([name]) => name === key),
      )
    : tree

/** -p, COMPOSE_PROJECT_NAME, `name:`, the folder's name. @throws ComposeError */
export function projectName(given: string, written: string | undefined, folder: string): string {
  const name = given || written || normalize(basename(folder))
  if (name === '') throw new ComposeError('project name must not be empty')
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(name))
    throw new ComposeError(
      `invalid project name ${JSON.stringify(name)}: must consist only of lowercase alphanumeric characters, hyphens, and underscores as well as start with a letter or number`,
    )
  return name
}

const normalize = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')

const activeProfiles = ({ profiles }: LoadOptions, { COMPOSE_PROFILES = '' }: Variables): string[] =>
  [...profiles, ...(profiles.length > 0 ? [] : COMPOSE_PROFILES.split(','))]
    .map(name => name.trim())
    .filter(name => name !== '')

/** Docker takes these names for files, containers and hosts. */
function checkNames(tree: Node): void {
  for (const section of ['services', 'networks', 'volumes', 'secrets', 'configs']) {
    const map = childOf(tree, section)
    if (map?.kind !== 'map') continue
    for (const [name, { at }] of map.entries)
      if (!/^[a-zA-Z0-9._-]+$/.test(name) && !name.startsWith('x-'))
        throw new ComposeError(`${section} Additional property ${name} is not allowed`, at)
  }
}

function warnOfSwarm(tree: Node, warn: (message: string) => void): void {
  const services = childOf(tree, 'services')
  if (services?.kind !== 'map') return
  for (const [name, { value }] of services.entries) {
    const deploy = childOf(value, 'deploy')
    const idle = SWARM_ONLY.filter(key => childOf(deploy, key))
    if (idle.length > 0) warn(`services.${name}.deploy: ${idle.join(', ')}: only a swarm has a use for it`)
    const policy = childOf(deploy, 'restart_policy')
    const vague = ['delay', 'window'].filter(key => childOf(policy, key))
    if (vague.length > 0)
      warn(
        `services.${name}.deploy.restart_policy: ${vague.join(', ')}: the engine decides how long it waits before a restart`,
      )
  }
}

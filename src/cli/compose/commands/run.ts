/** skiff compose run: one container of a service for one command. */

import { randomBytes } from 'node:crypto'
import { write } from '../../../client/write.ts'
import { ensureImages, imageOf } from '../../../compose/engine/images.ts'
import { type Observed, observe } from '../../../compose/engine/observe.ts'
import type { Project, Service } from '../../../compose/project.ts'
import { awaitCondition } from '../../../compose/run/conditions.ts'
import { createContainer } from '../../../compose/run/containers.ts'
import { Performer } from '../../../compose/run/perform.ts'
import type { UpRequest } from '../../../compose/run/up.ts'
import { mounts } from '../../../compose/schema/mounts.ts'
import { ports } from '../../../compose/schema/ports.ts'
import { splitWords } from '../../../compose/schema/words.ts'
import { listNode, scalarNode } from '../../../compose/source/node.ts'
import { startAttached } from '../../containers/start-attached.ts'
import { environment, labels } from '../../create/environment.ts'
import { CommandError } from '../../errors.ts'
import { bool, list, string } from '../../parse/flag.ts'
import { bringUp, CREATE_FLAGS, createRequest, NO_CREATE_FLAGS } from '../bring-up.ts'
import { imageSupply } from '../images.ts'
import { openProject, surroundings } from '../project.ts'
import { type ComposeContext, subcommand } from '../subcommand.ts'

const FLAGS = {
  build: CREATE_FLAGS.build,
  'cap-add': list('Add a capability'),
  'cap-drop': list('Take a capability away'),
  detach: bool('Run in the background and print the ID', { short: 'd' }),
  entrypoint: string("In place of the image's entry point"),
  env: list('Set an environment variable', { short: 'e', type: 'stringArray' }),
  'env-from-file': list('Read environment variables from a file', { type: 'stringArray' }),
  interactive: bool('Keep stdin open', { short: 'i', initial: true }),
  label: list('Set a label', { short: 'l', type: 'stringArray' }),
  name: string('Name of the container'),
  'no-deps': bool('Leave services alone that this one depends on'),
  'no-tty': bool('Give it no terminal', { short: 'T', aliases: ['no-TTY'] }),
  publish: list('Publish a port', { short: 'p', type: 'stringArray' }),
  pull: CREATE_FLAGS.pull,
  quiet: bool('Show no progress', { short: 'q' }),
  'quiet-pull': CREATE_FLAGS['quiet-pull'],
  'remove-orphans': CREATE_FLAGS['remove-orphans'],
  rm: bool('Remove the container when it ends'),
  'service-ports': bool("Publish the service's ports", { short: 'P' }),
  tty: bool('', { short: 't', initial: true, hidden: true }),
  'use-aliases': bool("Answer to the service's names in its networks"),
  user: string('User', { short: 'u' }),
  volume: list('Mount a volume or folder', { short: 'v', type: 'stringArray' }),
  workdir: string('Working directory', { short: 'w' }),
}
type RunContext = ComposeContext<typeof FLAGS>

export const run = subcommand({
  usage: '[OPTIONS] SERVICE [COMMAND] [ARGS...]',
  arity: [1, Number.POSITIVE_INFINITY],
  interspersed: false,
  flags: FLAGS,
  async run(context) {
    const { engine, session, options, args, globals } = context
    const [name = ''] = args
    const shown = options.quiet ? { ...context, globals: { ...globals, progress: 'quiet' } } : context
    const project = await openProject(context, [name])
    const service = project.services[name]
    if (!service) throw new CommandError(`no such service: ${name}`)
    const around = await surroundings(shown)
    const id = await prepare(context, project, service, around).finally(() => around.stop())
    if (options.detach) {
      await engine.post(`/containers/${id}/start`)
      await write(session.stdout, `${id}\n`)
      return 0
    }
    const how = { tty: wantsTty(context), stdin: options.interactive, stdout: true, stderr: true, detachKeys: '' }
    return await startAttached(session, engine, id, { ...how, signals: true, autoRemove: options.rm })
  },
})

const wantsTty = ({ session, options }: RunContext): boolean =>
  options.tty && !options['no-tty'] && !options.detach && session.isTerminal.stdin && session.isTerminal.stdout

/** Everything up to the created container, whose id is answered. */
async function prepare(
  context: RunContext,
  project: Project,
  service: Service,
  around: Awaited<ReturnType<typeof surroundings>>,
): Promise<string> {
  const { engine, options } = context
  const request = createRequest(
    context,
    { ...NO_CREATE_FLAGS, build: options.build, pull: options.pull, 'remove-orphans': options['remove-orphans'] },
    project,
    around,
  )
  const observed = await bringUpNeeded(context, project, service, request)
  const images = await ensureImages(engine, project, [service], request.images, imageSupply(context, around, project))
  const slug = randomBytes(32).toString('hex')
  const performer = new Performer({ engine, project, observed, images, around })
  const changed = await oneOffService(context, service)
  const creation = {
    project,
    service: changed,
    number: 1,
    image: imageOf(project, service),
    imageId: images[service.name],
    inherited: [],
    resolve: performer.resolve,
    version: around.version,
    oneOff: {
      slug,
      publish: options['service-ports'] || options.publish.length > 0,
      autoRemove: options.rm,
      attachStdin: options.interactive && !options.detach,
      attach: !options.detach,
      useAliases: options['use-aliases'],
    },
  }
  return await createContainer(
    engine,
    creation,
    options.name || `${project.name}-${service.name}-run-${slug.slice(0, 12)}`,
    around,
  )
}

/** The service's networks, volumes and dependencies, as it wants them; answers what there is then. */
async function bringUpNeeded(
  { engine, options }: RunContext,
  project: Project,
  service: Service,
  request: UpRequest,
): Promise<Observed> {
  const needed = options['no-deps']
    ? []
    : Object.entries(service.depends_on ?? {}).filter(([name]) => project.services[name])
  await bringUp({
    ...request,
    services: needed.map(([name]) => name),
    resourcesOf: [service],
    images: { pull: options.pull || undefined },
  })
  const observed = await observe(engine, project.name)
  for (const [name, { condition }] of needed)
    for (const container of observed.containers)
      if (container.service === name && !container.oneoff && condition !== 'service_started')
        await awaitCondition(engine, container.name, condition)
  return observed
}

/** The service with what the command line says otherwise. */
async function oneOffService(context: RunContext, service: Service): Promise<Service> {
  const { session, options, args } = context
  const given = await environment(session, options['env-from-file'], options.env)
  const variables = Object.fromEntries(
    given.map(text =>
      text.includes('=') ? [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] : [text, null],
    ),
  )
  const at = { source: { file: 'command line', folder: session.cwd }, line: 1, column: 1 }
  const texts = (items: readonly string[]) =>
    listNode(
      at,
      items.map(item => scalarNode(at, item)),
    )
  const published = options['service-ports'] ? (service.ports ?? []) : []
  const own = ports(texts(options.publish), '--publish')
  const { container_name: _, ...rest } = service
  return {
    ...rest,
    // Another entry point has no use for the command that belongs to the first.
    ...(args.length > 1 || options.entrypoint ? { command: args.slice(1) } : {}),
    ...(options.entrypoint && { entrypoint: splitWords(options.entrypoint) }),
    environment: { ...service.environment, ...variables },
    labels: { ...service.labels, ...(await labels(session, [], options.label)) },
    cap_add: [...(service.cap_add ?? []), ...options['cap-add']],
    cap_drop: [...(service.cap_drop ?? []), ...options['cap-drop']],
    ports: [...published, ...own],
    volumes: [...(service.volumes ?? []), ...mounts(texts(options.volume), '--volume')],
    tty: wantsTty(context),
    stdin_open: options.interactive && !options.detach,
    ...(options.user && { user: options.user }),
    ...(options.workdir && { working_dir: options.workdir }),
  }
}

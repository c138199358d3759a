/** From a service to the body of POST /containers/create. Source: Engine API 1.47, ContainerCreate. */

import { serviceHash } from '../engine/hash.ts'
import { LABEL } from '../engine/labels.ts'
import type { Project, Service } from '../project.ts'
import { nanoseconds } from '../schema/decode.ts'
import { exposedPorts } from '../schema/ports.ts'
import { hostConfig } from './host-config.ts'
import { type InheritedVolume, mountsOf } from './mounts.ts'
import { type Endpoint, endpointsOf } from './networks.ts'
import { namespaceModes, type Resolve, volumesFrom } from './references.ts'

export interface Creation {
  readonly project: Project
  readonly service: Service
  readonly number: number
  readonly image: string
  readonly imageId: string | undefined
  /** Volumes of the container that this one replaces. */
  readonly inherited: readonly InheritedVolume[]
  readonly resolve: Resolve
  /** Of compose, for the label. */
  readonly version: string
  /** What `run` says otherwise. */
  readonly oneOff?: OneOff | undefined
}

export interface OneOff {
  readonly slug: string
  readonly publish: boolean
  readonly autoRemove: boolean
  readonly attachStdin: boolean
  readonly attach: boolean
  readonly useAliases: boolean
}

export interface ContainerBody {
  readonly body: object
  /** The networks that it is in: the first is its network mode. */
  readonly endpoints: readonly Endpoint[]
}

export function containerBody(creation: Creation): ContainerBody {
  const { project, service, image, oneOff } = creation
  const mounts = mountsOf(project, service, creation.inherited)
  const endpoints = endpointsOf(project, service, { resolve: creation.resolve, useAliases: oneOff?.useAliases ?? true })
  const modes = namespaceModes(service, creation.resolve)
  const bindings = oneOff && !oneOff.publish ? {} : portBindings(service)
  const exposed = [...Object.keys(bindings), ...(service.expose ?? []).flatMap(exposedPorts)]
  const attached = oneOff?.attach ?? false
  return {
    endpoints,
    body: {
      Image: image,
      ...(service.hostname !== undefined && { Hostname: service.hostname }),
      ...(service.domainname !== undefined && { Domainname: service.domainname }),
      ...(service.user !== undefined && { User: service.user }),
      ...(service.working_dir !== undefined && { WorkingDir: service.working_dir }),
      Cmd: service.command ?? null,
      // An empty list takes the image's away, and its command with it.
      Entrypoint: service.entrypoint ? (service.entrypoint.length > 0 ? service.entrypoint : ['']) : null,
      Env: Object.entries(service.environment ?? {}).map(([name, value]) =>
        value === null ? name : `${name}=${value}`,
      ),
      Labels: labelsOf(creation),
      Tty: service.tty ?? false,
      OpenStdin: service.stdin_open ?? false,
      StdinOnce: oneOff?.attachStdin ?? false,
      AttachStdin: oneOff?.attachStdin ?? false,
      AttachStdout: attached,
      AttachStderr: attached,
      ExposedPorts: Object.fromEntries(exposed.map(port => [port, {}])),
      ...(service.stop_signal !== undefined && { StopSignal: service.stop_signal }),
      ...(service.stop_grace_period !== undefined && {
        StopTimeout: Math.ceil(nanoseconds(service.stop_grace_period) / 1e9),
      }),
      ...(service.healthcheck && { Healthcheck: healthcheck(service.healthcheck) }),
      HostConfig: {
        ...hostConfig(service),
        ...modes,
        ...mounts,
        ...(service.volumes_from && { VolumesFrom: volumesFrom(service, creation.resolve) }),
        ...(oneOff && { RestartPolicy: { Name: 'no' }, AutoRemove: oneOff.autoRemove }),
        PortBindings: bindings,
        NetworkMode: modes.NetworkMode ?? endpoints[0]?.network ?? 'none',
      },
    },
  }
}

function portBindings({ ports = [] }: Service): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: ReturnType<typeof portBindings> = {}
  for (const { target, protocol, published = '', host_ip = '' } of ports) {
    bindings[`${target}/${protocol}`] ??= []
    bindings[`${target}/${protocol}`]?.push({ HostIp: host_ip, HostPort: published })
  }
  return bindings
}

function labelsOf({ project, service, number, imageId, version, oneOff }: Creation): Record<string, string> {
  const dependsOn = Object.entries(service.depends_on ?? {}).map(
    ([name, { condition, restart }]) => `${name}:${condition}:${restart ?? false}`,
  )
  return {
    ...service.labels,
    [LABEL.hash]: serviceHash(project, service),
    ...(!oneOff && { [LABEL.number]: String(number) }),
    ...(oneOff && { [LABEL.slug]: oneOff.slug, [LABEL.number]: String(number) }),
    [LABEL.dependsOn]: dependsOn.join(','),
    ...(imageId !== undefined && { [LABEL.image]: imageId }),
    [LABEL.oneoff]: oneOff ? 'True' : 'False',
    [LABEL.project]: project.name,
    [LABEL.files]: project.files.join(','),
    [LABEL.folder]: project.folder,
    [LABEL.service]: service.name,
    [LABEL.version]: version,
  }
}

type Health = NonNullable<Service['healthcheck']>

function healthcheck({ disable, test, interval, timeout, retries, start_period, start_interval }: Health): object {
  if (disable) return { Test: ['NONE'] }
  const time = (name: string, written: string | undefined) => written !== undefined && { [name]: nanoseconds(written) }
  return {
    ...(test && { Test: test }),
    ...time('Interval', interval),
    ...time('Timeout', timeout),
    ...time('StartPeriod', start_period),
    ...time('StartInterval', start_interval),
    ...(retries !== undefined && { Retries: retries }),
  }
}

/** Refuses what no container can have, in the words that Docker has for it. The part of this machine: HostConfig. */

import { isIP } from 'node:net'
import { InvalidParameter, NotImplemented } from '../../kernel/errors.ts'
import { checkLogConfig } from '../logs/config.ts'
import { checkDeviceRule } from '../spec/device-rules.ts'
import { validateUlimit } from '../spec/limits.ts'
import { parseSecurityOptions } from '../spec/security-options.ts'
import { parseTmpfs } from '../spec/tmpfs.ts'
import type { HostConfig, PortBinding, RestartPolicy } from '../types.ts'
import { validateSysctls } from './validate-sysctls.ts'

/** @throws InvalidParameter */
export function validateHostConfig(host: HostConfig): void {
  validateRestartPolicy(host.restartPolicy)
  const { name } = host.restartPolicy
  if (host.autoRemove && name !== '' && name !== 'no') {
    throw new InvalidParameter("can't create 'AutoRemove' container with restart policy")
  }
  if (host.oomScoreAdj < -1000 || host.oomScoreAdj > 1000) {
    throw new InvalidParameter(`Invalid value ${host.oomScoreAdj}, range for oom score adj is [-1000, 1000]`)
  }
  if (host.shmBytes < 0) throw new InvalidParameter('SHM size can not be less than 0')
  for (const entry of host.extraHosts) validateExtraHost(entry)
  for (const [port, bindings] of Object.entries(host.portBindings)) validatePort(port, bindings)
  validateNamespaces(host)
  validateSysctls(host)
  validateDevices(host)
  for (const limit of host.ulimits) validateUlimit(limit)
  parseSecurityOptions(host.securityOpt)
  for (const [target, options] of Object.entries(host.tmpfs)) parseTmpfs(target, options)
  checkLogConfig(host.logConfig)
  refuseWhatIsNotLinux(host)
}

/** @throws InvalidParameter. Also for update. */
export function validateRestartPolicy({ name, maximumRetryCount }: RestartPolicy): void {
  switch (name) {
    case 'always':
    case 'unless-stopped':
    case 'no':
    case '':
      if (maximumRetryCount !== 0) {
        throw new InvalidParameter(`maximum retry count cannot be used with restart policy '${name || 'no'}'`)
      }
      return
    case 'on-failure':
      if (maximumRetryCount < 0) throw new InvalidParameter('maximum retry count cannot be negative')
      return
    default:
      throw new InvalidParameter(`invalid restart policy '${String(name)}'`)
  }
}

function validateExtraHost(entry: string): void {
  const [name = '', ...rest] = entry.split(':')
  // The rest may be IPv6, with colons of its own and in brackets.
  const address = rest.join(':')
  if (name === '' || address === '') throw new InvalidParameter(`bad format for add-host: "${entry}"`)
  if (address !== 'host-gateway' && isIP(address.replace(/^\[(.*)\]$/, '$1')) === 0) {
    throw new InvalidParameter(`invalid IP address in add-host: "${address}"`)
  }
}

const PORT = /^\d{1,5}(-\d{1,5})?$/

function validatePort(port: string, bindings: readonly PortBinding[]): void {
  const [number = '', protocol = 'tcp'] = port.split('/')
  if (!PORT.test(number)) throw new InvalidParameter(`invalid port specification: "${port}"`)
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw new InvalidParameter(`Invalid proto: ${protocol}`)
  for (const { hostPort, hostIp } of bindings) {
    if (hostPort !== '' && !PORT.test(hostPort)) {
      throw new InvalidParameter(`invalid port specification: "${hostPort}"`)
    }
    if (hostIp !== '' && isIP(hostIp) === 0) throw new InvalidParameter(`invalid IP address: ${hostIp}`)
  }
}

const isContainerMode = (mode: string): boolean => mode.startsWith('container:')

function validateNamespaces(host: HostConfig): void {
  const { networkMode, pidMode, ipcMode, utsMode, usernsMode, cgroupnsMode } = host
  if (networkMode === 'container:') {
    throw new InvalidParameter('Invalid network mode: invalid container format container:<name|id>')
  }
  if (isContainerMode(networkMode)) refuseWithSharedNetwork(host)
  if (networkMode === 'host' && host.links.length > 0)
    throw conflicting("host type networking can't be used with links. This would result in undefined behavior")
  if (pidMode !== '' && pidMode !== 'host' && !/^container:.+/.test(pidMode)) {
    throw new InvalidParameter(`invalid PID mode: ${pidMode}`)
  }
  if (!['', 'none', 'private', 'shareable', 'host'].includes(ipcMode) && !/^container:.+/.test(ipcMode)) {
    throw new InvalidParameter(`invalid IPC mode: ${ipcMode}`)
  }
  if (utsMode !== '' && utsMode !== 'host') throw new InvalidParameter(`invalid UTS mode: ${utsMode}`)
  if (usernsMode !== '' && usernsMode !== 'host') throw new InvalidParameter(`invalid userns mode: ${usernsMode}`)
  if (!['', 'private', 'host'].includes(cgroupnsMode)) {
    throw new InvalidParameter(`invalid cgroup namespace mode: ${cgroupnsMode}`)
  }
}

const conflicting = (what: string): InvalidParameter => new InvalidParameter(`conflicting options: ${what}`)

/** Names, addresses and ports belong to the container that owns the network. */
function refuseWithSharedNetwork(host: HostConfig): void {
  if (host.links.length > 0)
    throw conflicting("container type network can't be used with links. This would result in undefined behavior")
  if (host.dns.length > 0) throw conflicting('dns and the network mode')
  if (host.extraHosts.length > 0) throw conflicting('custom host-to-IP mapping and the network mode')
  if (Object.keys(host.portBindings).length > 0 || host.publishAllPorts) {
    throw conflicting('port publishing and the container type network mode')
  }
}

function validateDevices(host: HostConfig): void {
  for (const { cgroupPermissions, pathOnHost } of host.devices) {
    if (cgroupPermissions !== '' && !/^[rwm]+$/.test(cgroupPermissions)) {
      throw new InvalidParameter(`invalid device mode: ${cgroupPermissions}`)
    }
    if (!pathOnHost.startsWith('/')) throw new InvalidParameter(`${pathOnHost} is not an absolute path`)
  }
  for (const rule of host.deviceCgroupRules) checkDeviceRule(rule)
  if (host.deviceRequests.length > 0) {
    throw new InvalidParameter('could not select device driver "" with capabilities: skiff has no device drivers')
  }
}

const RUNTIMES = ['', 'skiff', 'runc', 'io.containerd.runc.v2']

function refuseWhatIsNotLinux(host: HostConfig): void {
  if (!RUNTIMES.includes(host.runtime)) throw new InvalidParameter(`unknown or invalid runtime name: ${host.runtime}`)
  if (host.isolation !== '' && host.isolation !== 'default') {
    throw new InvalidParameter(`invalid isolation (${host.isolation}): linux only supports 'default'`)
  }
  const [option] = Object.keys(host.storageOpt)
  if (option === 'size') {
    throw new NotImplemented("--storage-opt size: skiff does not limit the size of a container's root yet")
  }
  if (option !== undefined) throw new InvalidParameter(`Unknown option ${option}`)
  if (host.cgroupParent.endsWith('.slice')) {
    throw new InvalidParameter(
      'cgroup-parent for systemd cgroup should not be used with the cgroupfs driver: give a path',
    )
  }
}

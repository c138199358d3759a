/** `--security-opt`: what is understood, and what this host cannot give. */

import { existsSync, readFileSync } from 'node:fs'
import { InvalidParameter, NotImplemented } from '../../kernel/errors.ts'

export interface SecurityOptions {
  noNewPrivileges: boolean | null
  /** 'default' ('' and 'builtin' too), 'unconfined', or a profile's JSON (clients send the file's content). */
  seccomp: string
  /** `systempaths=unconfined`: nothing of /proc and /sys is masked. */
  systemPathsUnconfined: boolean
}

/**
 * label= and apparmor= mean nothing on a host without SELinux and AppArmor, and are taken there, as by Docker. Where they would mean
 * something, what we cannot do is refused. @throws InvalidParameter, NotImplemented
 */
export function parseSecurityOptions(
  options: readonly string[],
  active: ReadonlySet<string> = activeModules(),
): SecurityOptions {
  const result: SecurityOptions = { noNewPrivileges: null, seccomp: 'default', systemPathsUnconfined: false }
  for (const option of options) {
    // Docker took 'key:value', too, and still does.
    const [key, value] = split(option)
    if (value === null) {
      if (key === 'no-new-privileges') result.noNewPrivileges = true
      else if (key !== 'disable') throw new InvalidParameter(`invalid --security-opt 1: "${option}"`)
      continue
    }
    refuseForeign(key, value, active)
    apply(result, key, value, option)
  }
  return result
}

/** What takes the restriction away asks for nothing that we do not do anyway. */
const FREE: Readonly<Record<string, string>> = { apparmor: 'unconfined', label: 'disable' }
const MODULES: Readonly<Record<string, string>> = { apparmor: 'AppArmor', label: 'SELinux' }

function refuseForeign(key: string, value: string, active: ReadonlySet<string>): void {
  const module = MODULES[key]
  if (module !== undefined && active.has(module) && value !== FREE[key])
    throw new NotImplemented(
      `--security-opt ${key}=${value}: skiff sets no ${module} rules; ${key}=${FREE[key]} is allowed`,
    )
}

/** `:z` and `:Z` ask that a folder of the host be relabelled, which without SELinux means nothing. */
export function relabelWarnings(binds: readonly string[], active: ReadonlySet<string> = activeModules()): string[] {
  if (!active.has('SELinux')) return []
  const asking = binds.filter(bind => /:([^:]*,)?[zZ](,[^:]*)?$/.test(bind))
  return asking.map(bind => {
    const source = bind.split(':')[0]
    return `${bind}: skiff relabels nothing. If SELinux denies it to the container: chcon -Rt container_file_t ${source}`
  })
}

let modules: ReadonlySet<string> | undefined

/** The kernel's security modules, by those names: they do not change while it runs. */
function activeModules(): ReadonlySet<string> {
  if (modules === undefined) {
    const path = '/sys/kernel/security/lsm'
    const loaded = existsSync(path) ? readFileSync(path, 'utf8').split(',') : []
    const found: string[] = []
    if (loaded.includes('apparmor')) found.push('AppArmor')
    if (existsSync('/sys/fs/selinux/enforce')) found.push('SELinux')
    modules = new Set(found)
  }
  return modules
}

function apply(result: SecurityOptions, key: string, value: string, option: string): void {
  switch (key) {
    case 'label':
    case 'apparmor':
      return
    case 'seccomp':
      result.seccomp = value === '' || value === 'builtin' ? 'default' : value
      return
    case 'no-new-privileges':
      if (value !== 'true' && value !== 'false') throw new InvalidParameter(`invalid --security-opt 2: "${option}"`)
      result.noNewPrivileges = value === 'true'
      return
    case 'systempaths':
      if (value !== 'unconfined') throw new InvalidParameter(`invalid --security-opt 2: "${option}"`)
      result.systemPathsUnconfined = true
      return
    default:
      throw new InvalidParameter(`invalid --security-opt 2: "${option}"`)
  }
}

function split(option: string): [string, string | null] {
  const at = option.search(/[=:]/)
  return at < 0 ? [option, null] : [option.slice(0, at), option.slice(at + 1)]
}

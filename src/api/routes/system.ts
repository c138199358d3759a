/** The engine itself: ping, version, info, login. Engine API reference, "System". */

import { NotImplemented } from '../../kernel/errors.ts'
import { registryAuth } from '../codec/registry-auth.ts'
import { encodeInfo, encodeVersion } from '../codec/system.ts'
import type { Call } from '../http/call.ts'
import { get, head, post, type Route } from '../http/router.ts'

/** The classic builder: BuildKit is not spoken here, and clients that are not told so assume it. */
const BUILDER_VERSION = '1'

async function ping(call: Call): Promise<void> {
  call.response
    .setHeader('Cache-Control', 'no-cache, no-store, must-revalidate')
    .setHeader('Pragma', 'no-cache')
    .setHeader('Builder-Version', BUILDER_VERSION)
    .setHeader('Swarm', 'inactive')
  if (call.request.method === 'HEAD') {
    call.response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    call.empty(200)
  } else {
    call.text(200, 'OK')
  }
}

async function version(call: Call): Promise<void> {
  call.send(200, encodeVersion(call.services.system.version()))
}

async function info(call: Call): Promise<void> {
  call.send(200, encodeInfo(await call.services.system.info()))
}

async function login(call: Call): Promise<void> {
  const credentials = await call.json(registryAuth, { eof: 'EOF' })
  const { registry } = call.services
  if (!registry) throw new NotImplemented('this skiff does not speak to registries yet')
  const { status, identityToken } = await registry.login(credentials)
  call.send(200, { Status: status, IdentityToken: identityToken })
}

export const systemRoutes: Route[] = [
  get('/_ping', ping),
  head('/_ping', ping),
  get('/version', version),
  get('/info', info),
  post('/auth', login),
]

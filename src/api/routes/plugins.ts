/** Plugins: skiff has none and takes none. Engine API reference, "Plugin". */

import { NotFound, NotImplemented } from '../../kernel/errors.ts'
import type { Call } from '../http/call.ts'
import { del, get, type Handler, post, type Route } from '../http/router.ts'

async function list(call: Call): Promise<void> {
  call.query.filters(['capability', 'enabled'])
  call.send(200, [])
}

const missing: Handler = call => Promise.reject(new NotFound(`plugin ${JSON.stringify(call.param('name'))} not found`))
const refuse: Handler = () => Promise.reject(new NotImplemented('skiff has no plugins'))

export const pluginRoutes: Route[] = [
  get('/plugins', list),
  get('/plugins/privileges', refuse),
  post('/plugins/pull', refuse),
  post('/plugins/create', refuse),
  get('/plugins/{name*}/json', missing),
  ...['enable', 'disable', 'upgrade', 'push', 'set'].map(verb => post(`/plugins/{name*}/${verb}`, missing)),
  del('/plugins/{name*}', missing),
]

/** skiff's own: the system calls that made a container, or would make one; the layers that an image is made of. */

import type { ExplainForm } from '../../containers/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { createBody, toCreateRequest } from '../codec/container-create.ts'
import { encodeTree } from '../codec/image-tree.ts'
import type { Call } from '../http/call.ts'
import { get, post, type Route } from '../http/router.ts'

const TYPES: Record<ExplainForm, string> = {
  text: 'text/plain; charset=utf-8',
  json: 'application/json',
  sh: 'text/x-shellscript; charset=utf-8',
}

function form(call: Call): ExplainForm {
  const asked = call.query.text('format') || 'text'
  if (asked in TYPES) return asked as ExplainForm
  throw new InvalidParameter(`invalid format '${asked}': text, json or sh`)
}

function answer(call: Call, listing: string): void {
  const headers = { 'Content-Type': TYPES[form(call)], 'Content-Length': Buffer.byteLength(listing) }
  call.response.writeHead(200, headers).end(listing)
}

async function container(call: Call): Promise<void> {
  answer(call, await call.services.containers.explain(call.param('id'), form(call)))
}

async function request(call: Call): Promise<void> {
  const body = await call.json(createBody, { eof: 'EOF' })
  const asked = toCreateRequest(body, call.query.text('name'), call.query.text('platform'), v => call.since(v))
  answer(call, await call.services.containers.explainRequest(asked, form(call)))
}

/** The layers of an image. `files=0` does not look into them, which takes long where they are large. */
async function tree(call: Call): Promise<void> {
  const withFiles = !call.query.has('files') || call.query.flag('files')
  call.send(200, encodeTree(await call.services.images.tree(call.param('name'), { withFiles })))
}

export const explainRoutes: Route[] = [
  post('/containers/explain', request),
  get('/containers/{id*}/explain', container),
  get('/images/{name*}/tree', tree),
]

/** What a registry refused, or why it was not reached, in the words that Docker's users know. */

import { SkiffError, Unavailable } from '../../kernel/errors.ts'
import type { SessionResponse } from './session.ts'

const ERROR_BODY_BYTES = 64 * 1024

/** `code` is from the specification's table: 'MANIFEST_UNKNOWN', 'DENIED' …; '' where the registry named none. */
export class RegistryError extends SkiffError {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(message)
  }
}

/** The registry's own words: {"errors": [{"code": …, "message": …}]}. Reads what is left of the response. */
export async function refusal(response: SessionResponse): Promise<RegistryError> {
  const status = response.statusCode
  const first = firstError(await limited(response))
  const code = typeof first?.code === 'string' ? first.code : ''
  const said = typeof first?.message === 'string' ? first.message : ''
  if (status === 404 && code === '') return new RegistryError('not found', status, '')
  if (status === 429) return new RegistryError(`toomanyrequests: ${said || 'too many requests'}`, status, code)
  if (code === '') return new RegistryError(`received unexpected HTTP status: ${status}`, status, '')
  return new RegistryError(`${code.toLowerCase().replaceAll('_', ' ')}: ${said}`, status, code)
}

function firstError(text: string): { code?: unknown; message?: unknown } | undefined {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[] }
    return Array.isArray(errors) ? errors[0] : undefined
  } catch {
    // Not every proxy in front of a registry answers in JSON.
    return undefined
  }
}

async function limited(response: SessionResponse): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > ERROR_BODY_BYTES) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function unreachable(url: string, error: unknown): Unavailable {
  return new Unavailable(`Get "${url}/v2/": ${reasonOf(error as NodeJS.ErrnoException)}`, { cause: error })
}

/** The two that everybody meets, in the words that Docker's users know. */
export function reasonOf(
  error: NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string },
): string {
  const { code, message, address, port, hostname } = error
  const host = address?.includes(':') ? `[${address}]` : address
  if (code === 'ECONNREFUSED' && host) return `dial tcp ${host}:${port}: connect: connection refused`
  if (code === 'ENOTFOUND' && hostname) return `dial tcp: lookup ${hostname}: no such host`
  return `${code && !message?.includes(code) ? `${code}: ` : ''}${message}`
}

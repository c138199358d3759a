/** `docker search`: the index of version 1 of the registry protocol, which Docker Hub and some others still answer. */

import { request } from 'undici'
import { InvalidParameter, SkiffError, Unavailable } from '../../kernel/errors.ts'
import { decodeJson } from '../oci.ts'
import { DEFAULT_DOMAIN } from '../references.ts'
import type { Endpoint } from './endpoints.ts'
import { readLimited } from './repository.ts'

export interface FoundImage {
  name: string
  description: string
  official: boolean
  automated: boolean
  stars: number
}

interface IndexAnswer {
  results?: { name: string; description?: string; is_official?: boolean; is_automated?: boolean; star_count?: number }[]
}

const DOCKER_HUB_INDEX = 'https://index.docker.io'

export interface Search {
  domain: string
  /** What is looked for there. */
  words: string
  limit: number
  filters: Record<string, string[]>
}

/** An answer larger than this is none. */
const LONGEST_ANSWER = 4 * 1024 * 1024

/** @throws Unavailable, InvalidParameter */
export async function searchIndex(
  endpoint: Endpoint,
  { domain, words, limit, filters }: Search,
): Promise<FoundImage[]> {
  const base = domain === DEFAULT_DOMAIN ? DOCKER_HUB_INDEX : endpoint.url
  const tests = filterTests(filters)
  const url = `${base}/v1/search?${new URLSearchParams({ q: words, n: String(limit) })}`
  const found = decode(await ask(url, endpoint))
  return found.filter(image => tests.every(test => test(image))).slice(0, limit)
}

async function ask(url: string, { dispatcher }: Endpoint): Promise<IndexAnswer> {
  try {
    const answer = await request(url, { dispatcher })
    if (answer.statusCode !== 200) {
      await answer.body.dump()
      throw new Unavailable(`Unexpected status code ${answer.statusCode}`)
    }
    return decodeJson(await readLimited(answer.body, LONGEST_ANSWER)) as IndexAnswer
  } catch (error) {
    if (error instanceof SkiffError) throw error
    throw new Unavailable(`Get "${url}": ${(error as Error).message}`, { cause: error })
  }
}

const decode = ({ results }: IndexAnswer): FoundImage[] =>
  (Array.isArray(results) ? results : []).map(found => ({
    name: found.name,
    description: found.description ?? '',
    official: found.is_official ?? false,
    automated: found.is_automated ?? false,
    stars: found.star_count ?? 0,
  }))

/** @param term may begin with a registry: 'localhost:5000/web' @throws InvalidParameter */
export function splitTerm(term: string): { domain: string; words: string } {
  if (term.includes('://'))
    throw new InvalidParameter('invalid repository name: repository name must not contain a scheme')
  const slash = term.indexOf('/')
  const first = term.slice(0, Math.max(slash, 0))
  const isDomain = slash > 0 && (/[.:]/.test(first) || first === 'localhost')
  return isDomain
    ? { domain: first, words: term.slice(slash + 1) }
    : { domain: DEFAULT_DOMAIN, words: term.replace(/^library\//, '') }
}

function filterTests(filters: Record<string, string[]>): ((image: FoundImage) => boolean)[] {
  return Object.entries(filters).flatMap(([key, values]): ((image: FoundImage) => boolean)[] => {
    if (key !== 'stars') {
      const wanted = oneBoolean(key, values)
      return [image => (key === 'is-official' ? image.official : image.automated) === wanted]
    }
    return values.map(value => {
      if (!/^\d+$/.test(value)) throw new InvalidParameter(`invalid filter 'stars=[${value}]'`)
      return image => image.stars >= Number(value)
    })
  })
}

function oneBoolean(key: string, values: readonly string[]): boolean {
  const isTrue = values.some(value => value === 'true' || value === '1')
  const isFalse = values.some(value => value === 'false' || value === '0')
  if (isTrue === isFalse) throw new InvalidParameter(`invalid filter '${key}=[${values.join(' ')}]'`)
  return isTrue
}

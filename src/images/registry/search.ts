/** `docker search`: the index of version 1 of the registry protocol, which Docker Hub and some others still answer. */

import { request } from 'undici'
import { InvalidParameter, Unavailable } from '../../kernel/errors.ts'
import { DEFAULT_DOMAIN } from '../references.ts'
import { endpointsOf, type RegistryConfig } from './endpoints.ts'

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

/** @param term may begin with a registry: 'localhost:5000/web' @throws Unavailable, InvalidParameter */
export async function searchImages(
  config: RegistryConfig,
  term: string,
  limit: number,
  filters: Record<string, string[]>,
): Promise<FoundImage[]> {
  const { domain, rest } = split(term)
  const query = new URLSearchParams({ q: rest, n: String(limit) })
  const tests = filterTests(filters)
  let failure: unknown
  for (const endpoint of await endpointsOf(domain, config, 'push')) {
    const base = domain === DEFAULT_DOMAIN ? DOCKER_HUB_INDEX : endpoint.url
    try {
      const answer = await request(`${base}/v1/search?${query}`, {
        dispatcher: endpoint.dispatcher,
      })
      if (answer.statusCode !== 200) {
        await answer.body.dump()
        throw new Unavailable(`Unexpected status code ${answer.statusCode}`)
      }
      return decode((await answer.body.json()) as IndexAnswer)
        .filter(image => tests.every(test => test(image)))
        .slice(0, limit)
    } catch (error) {
      failure = error
    }
  }
  const reason = failure instanceof Error ? failure.message : String(failure)
  throw new Unavailable(`cannot search ${domain === DEFAULT_DOMAIN ? 'Docker Hub' : domain}: ${reason}`, {
    cause: failure,
  })
}

const decode = ({ results }: IndexAnswer): FoundImage[] =>
  (results ?? []).map(found => ({
    name: found.name,
    description: found.description ?? '',
    official: found.is_official ?? false,
    automated: found.is_automated ?? false,
    stars: found.star_count ?? 0,
  }))

function split(term: string): { domain: string; rest: string } {
  if (term.includes('://'))
    throw new InvalidParameter('invalid repository name: repository name must not contain a scheme')
  const slash = term.indexOf('/')
  const first = term.slice(0, Math.max(slash, 0))
  const isDomain = slash > 0 && (/[.:]/.test(first) || first === 'localhost')
  return isDomain
    ? { domain: first, rest: term.slice(slash + 1) }
    : { domain: DEFAULT_DOMAIN, rest: term.replace(/^library\//, '') }
}

function filterTests(filters: Record<string, string[]>): ((image: FoundImage) => boolean)[] {
  return Object.entries(filters).flatMap(([key, values]) =>
    values.map(value => {
      if (key === 'stars') {
        if (!/^\d+$/.test(value)) throw new InvalidParameter(`invalid filter 'stars=[${value}]'`)
        return (image: FoundImage) => image.stars >= Number(value)
      }
      const wanted = value === 'true' || value === '1'
      return (image: FoundImage) => (key === 'is-official' ? image.official : image.automated) === wanted
    }),
  )
}

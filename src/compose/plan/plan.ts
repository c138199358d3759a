/**
 * What is to be done, as data: operations that name those they come after. All that do not wait for one another run at the
 * same time. A plan can be shown, compared and tested without an engine.
 */

import type { Container } from '../engine/observe.ts'
import type { Network, Service, Volume } from '../project.ts'
import type { Dependency } from '../schema/service-parts.ts'

export type Condition = Dependency['condition']

export type Deed =
  | { readonly do: 'create network'; readonly network: Network; readonly key: string; readonly replaces?: string }
  | { readonly do: 'create volume'; readonly volume: Volume; readonly key: string }
  | { readonly do: 'create'; readonly service: Service; readonly number: number; readonly name: string }
  | {
      readonly do: 'recreate'
      readonly service: Service
      readonly number: number
      readonly name: string
      readonly old: Container
    }
  | { readonly do: 'start'; readonly service: Service; readonly name: string }
  | { readonly do: 'stop'; readonly container: Container }
  | { readonly do: 'remove'; readonly container: Container }
  | {
      readonly do: 'await'
      readonly service: Service
      readonly names: readonly string[]
      readonly condition: Condition
      readonly required: boolean
    }

export interface Operation {
  readonly id: number
  readonly deed: Deed
  readonly after: readonly number[]
}

export type Plan = readonly Operation[]

/** Collects operations and gives them their numbers. */
export class PlanBuilder {
  readonly operations: Operation[] = []

  add(deed: Deed, after: readonly number[] = []): number {
    const id = this.operations.length + 1
    this.operations.push({ id, deed, after: [...new Set(after)].sort((a, b) => a - b) })
    return id
  }
}

/** A line for each operation. */
export const showPlan = (plan: Plan): string =>
  plan
    .map(
      ({ id, deed, after }) => `${id}. ${showDeed(deed)}${after.length > 0 ? `  [after ${after.join(', ')}]` : ''}\n`,
    )
    .join('')

function showDeed(deed: Deed): string {
  switch (deed.do) {
    case 'create network':
      return `${deed.replaces ? 'recreate' : 'create'} network ${deed.network.name}`
    case 'create volume':
      return `create volume ${deed.volume.name}`
    case 'create':
      return `create ${deed.name}`
    case 'recreate':
      return `recreate ${deed.name}${deed.old.name === deed.name ? '' : ` in place of ${deed.old.name}`}`
    case 'start':
      return `start ${deed.name}`
    case 'stop':
    case 'remove':
      return `${deed.do} ${deed.container.name}`
    case 'await':
      return `wait until ${deed.service.name} ${WORDS[deed.condition]}${deed.required ? '' : ', or go on without it'}`
  }
}

const WORDS: Readonly<Record<Condition, string>> = {
  service_started: 'has started',
  service_healthy: 'is healthy',
  service_completed_successfully: 'has completed successfully',
}

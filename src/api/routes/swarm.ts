/** Swarms, as an engine answers that is in none: skiff never is. Engine API reference, "Swarm", "Node", "Service", … */

import { NotImplemented, Unavailable } from '../../kernel/errors.ts'
import type { Handler, Route } from '../http/router.ts'
import { get, post } from '../http/router.ts'

export const NOT_A_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'

const refuse: Handler = () => Promise.reject(new Unavailable(NOT_A_MANAGER))
const notPart: Handler = () => Promise.reject(new Unavailable('This node is not part of a swarm'))
const never: Handler = () => Promise.reject(new NotImplemented('skiff is a single engine: it makes and joins no swarm'))

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const
const RESOURCES = ['/services', '/nodes', '/tasks', '/secrets', '/configs']

export const swarmRoutes: Route[] = [
  post('/swarm/init', never),
  post('/swarm/join', never),
  post('/swarm/leave', notPart),
  get('/swarm', refuse),
  get('/swarm/unlockkey', refuse),
  post('/swarm/update', refuse),
  post('/swarm/unlock', refuse),
  ...RESOURCES.flatMap(path => [
    get(path, refuse),
    ...METHODS.map((method): Route => ({ method, path: `${path}/{rest*}`, handler: refuse })),
  ]),
]

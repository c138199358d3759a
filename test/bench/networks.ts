/** What is measured of networks: the way of the packets with ApacheBench and perl, and what a container's place in a network costs. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { create, exec, inspect, remove, start } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importImage } from '../support/images.ts'
import type { Job } from './jobs.ts'

const run = promisify(execFile)

/** Runs in every test file's process before its tests (vitest's setupFiles). */

import { afterAll, afterEach, beforeEach } from 'vitest'
import { disposeAll, enterTest } from './disposal.ts'

beforeEach(enterTest)
afterEach(() => disposeAll('test'))
afterAll(() => disposeAll('file'))

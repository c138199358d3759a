import { defineConfig } from 'vitest/config'
import engines from './vitest.config.ts'

export default defineConfig({ ...engines, test: { ...engines.test, include: ['test/bench/snapshots.ts'] } })

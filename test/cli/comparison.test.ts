/** docker and skiff on the reference engine. */

import { startReferenceEngine } from '../support/reference-engine.ts'
import { compareCommandLines } from './comparison.ts'

compareCommandLines(startReferenceEngine)

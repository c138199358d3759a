/** Under Node: the reference engine has no launcher's socket. */

import { startReferenceEngine } from '../support/reference-engine.ts'
import { bySkiff } from './both.ts'
import { testTerminal } from './terminal.ts'

testTerminal(async () => bySkiff(await startReferenceEngine()))

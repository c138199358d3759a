/** By the launcher, on skiff's own daemon. */

import { startLaunchedDaemon } from './launched.ts'
import { testTerminal } from './terminal.ts'

testTerminal(startLaunchedDaemon)

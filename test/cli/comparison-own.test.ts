/** docker and skiff on skiff's daemon. */

import { startDaemon } from '../support/daemon.ts'
import { compareCommandLines } from './comparison.ts'

compareCommandLines(startDaemon)

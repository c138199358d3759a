/** Prints frames.ts for C. Run by native/Makefile: `node dist/cli/launched/print-frames.js > native/generated/frames.h`. */

import { FRAME } from './frames.ts'

process.stdout.write(
  [
    '// Made from src/cli/launched/frames.ts by print-frames.ts: edit that file.',
    '#pragma once\n',
    ...Object.entries(FRAME).map(([name, value]) => `#define FRAME_${name} ${value}`),
    '',
  ].join('\n'),
)

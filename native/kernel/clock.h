// Two clocks in nanoseconds. The shim reads them from the vDSO (freestanding/clock.c), without a system call: a process
// under its seccomp filter can still be timed. The tests use libc's.
#pragma once

#include <stdint.h>

// Since the epoch.
uint64_t clock_realtime_ns(void);
uint64_t clock_monotonic_ns(void);

// The shim's own state: one process, one container (or one exec), from its start to its end.
//
//     STARTING ── exec happened ──▶ RUNNING ── process reaped ──▶ ENDED ── streams at their end, everyone told ──▶ exit
//         └── a step failed ──▶ FAILED is sent ──▶ exit
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../generated/abi.h"
#include "program.h"

enum phase { STARTING, RUNNING, ENDED };

struct shim {
    enum phase phase;
    // LAUNCH_*
    uint32_t flags;
    pid_t pid;
    struct skiff_started started;
    struct skiff_exited exited;
    // What the programs did; kept for a daemon that comes later.
    struct trace *before;
    struct trace *main;
};

extern struct shim shim;

// start.c
struct launch;
// Makes the streams, runs the `before` program, clones. What goes wrong is told to the daemon, and the shim exits.
void start_process(const struct launch *launch);
// Ends the start when the process has got to its exec, or has died on the way. False: it is neither yet.
bool start_finish(void);
// Tells the daemon that there will be no process, and exits.
_Noreturn void start_fail(uint32_t stage, int error, int wait_status);

// records.c: files in the run folder, whole or not there at all. 0 or -errno.
int record_started(const struct skiff_started *started);
int record_exited(const struct skiff_exited *exited);
// Field 22 of /proc/PID/stat; 0 when it cannot be read.
uint64_t start_ticks(pid_t pid);

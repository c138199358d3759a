// What the daemon hands to a shim: the launch record (src/program/abi.ts, LAUNCH_HEADER), checked.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../generated/abi.h"
#include "program.h"

struct launch {
    const struct skiff_launch_header *header;
    const struct skiff_attach_request *attached;
    // Not opened (header == NULL) when there is none.
    struct program before;
    struct program main;
    // Strings, NUL-terminated; empty when there are none. In memory of their own.
    const char *log_name;
    const char *log_attributes;
    // NULL: there is none. Its texts stand behind it. In the record: copied by whoever needs it longer.
    const struct skiff_log_forward *log_forward;
};

// Reads and checks a record: 0 or -EINVAL. The record must stay, and be private memory: programs are linked in place.
int launch_parse(struct launch *launch, void *record, size_t bytes);
// Maps the record that SHIM_FD_LAUNCH holds and parses it.
int launch_open(struct launch *launch);
// Unmaps it, when everything has been started: only the strings stay.
void launch_close(struct launch *launch);

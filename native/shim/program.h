// An encoded program (src/program/abi.ts, PROGRAM): checked, linked, run.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../generated/abi.h"

struct program {
    const struct skiff_program_header *header;
    const struct skiff_program_step *steps;
    const struct skiff_slot_field *slot_fields;
    const struct skiff_pointer_field *pointer_fields;
    uint8_t *data;
};

// How far a program has come. Lies in memory that is shared between the process that runs the program and its parent, so
// that reporting needs no system call: the last steps run under the container's seccomp filter, which may forbid any.
struct trace {
    _Atomic uint32_t started;
    _Atomic uint32_t finished;
    // The last report is of a step that failed.
    _Atomic bool failed;
    struct skiff_report reports[];
};

// validate.c: 0, or -EINVAL when any offset, count or slot leads outside. `bytes` must be aligned to 8 bytes and stay.
int program_open(struct program *program, void *bytes, size_t length);

// interpreter.c
// Turns the pointer fields into addresses; once, before the first run.
void program_link(const struct program *program);
// Fills the slots that the caller knows, and marks the others as not yet set.
void program_prepare(const struct program *program, int64_t *slots, const int64_t *preset, size_t count);
// Runs the steps in their order until one fails. True: all of them went well.
bool program_run(const struct program *program, int64_t *slots, struct trace *trace);

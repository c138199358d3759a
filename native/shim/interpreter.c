// The interpreter: one system call after the other. It knows nothing of containers, allocates nothing, calls nothing that
// is not async-signal-safe, and makes no system call of its own.
#include <string.h>

#include "../kernel/clock.h"
#include "../kernel/sys.h"
#include "program.h"

enum { NOT_SET = -1, MAX_ERRNO = 4095 };

void program_link(const struct program *program)
{
    for (uint32_t i = 0; i < program->header->pointer_fields; i++) {
        const struct skiff_pointer_field *field = &program->pointer_fields[i];
        uint64_t address = (uint64_t)(uintptr_t)(program->data + field->target);
        memcpy(program->data + field->at, &address, sizeof address);
    }
}

void program_prepare(const struct program *program, int64_t *slots, const int64_t *preset, size_t count)
{
    for (size_t i = 0; i < program->header->slots; i++)
        slots[i] = i < count ? preset[i] : NOT_SET;
}

// Not an error, or one that the step tolerates.
static bool succeeded(const struct skiff_program_step *step, int64_t result)
{
    // As libc reads it: only the last page of the address space is errors.
    if (result >= 0 || result < -MAX_ERRNO)
        return true;
    for (int i = 0; i < PROGRAM_MAX_TOLERATED; i++)
        if (step->tolerated[i] != 0 && step->tolerated[i] == -result)
            return true;
    return false;
}

static void fill_slot_fields(const struct program *program, const struct skiff_program_step *step, const int64_t *slots)
{
    const struct skiff_slot_field *field = program->slot_fields + step->first_slot_field;
    for (uint32_t i = 0; i < step->slot_fields; i++, field++) {
        int32_t value = (int32_t)slots[field->slot];
        memcpy(program->data + field->at, &value, sizeof value);
    }
}

static long operand(const struct program *program, const struct skiff_program_step *step, int index, const int64_t *slots)
{
    uint64_t word = step->args[index];
    switch (step->kinds[index]) {
    case OPERAND_DATA:
        return (long)(program->data + word);
    case OPERAND_SLOT:
        return (long)slots[word];
    default:
        return (long)word;
    }
}

bool program_run(const struct program *program, int64_t *slots, struct trace *trace)
{
    for (uint32_t i = 0; i < program->header->steps; i++) {
        const struct skiff_program_step *step = &program->steps[i];
        fill_slot_fields(program, step, slots);
        long args[PROGRAM_MAX_ARGUMENTS];
        for (int a = 0; a < PROGRAM_MAX_ARGUMENTS; a++)
            args[a] = operand(program, step, a, slots);

        atomic_store(&trace->started, i + 1);
        uint64_t begin = clock_monotonic_ns();
        long result = sys6(step->number, args[0], args[1], args[2], args[3], args[4], args[5]);
        uint64_t duration = clock_monotonic_ns() - begin;

        bool failed = !succeeded(step, result);
        trace->reports[i] = (struct skiff_report){.step = i, .result = (int32_t)result, .duration_ns = duration};
        atomic_store(&trace->failed, failed);
        atomic_store(&trace->finished, i + 1);
        if (step->result_slot != PROGRAM_NO_SLOT)
            slots[step->result_slot] = result;
        if (failed)
            return false;
    }
    return true;
}

// Nothing of a program is believed before it has been checked here: it is run as root in a half-made container.
#include <errno.h>

#include "program.h"

static bool slots_valid(const struct skiff_program_header *header, const struct skiff_program_step *step)
{
    if (step->result_slot != PROGRAM_NO_SLOT && step->result_slot >= header->slots)
        return false;
    return step->first_slot_field <= header->slot_fields &&
           step->slot_fields <= header->slot_fields - step->first_slot_field;
}

static bool argument_valid(const struct skiff_program_header *header, uint8_t kind, uint64_t word)
{
    switch (kind) {
    case OPERAND_IMMEDIATE:
        return true;
    case OPERAND_DATA:
        return word < header->data_bytes;
    case OPERAND_SLOT:
        return word < header->slots;
    default:
        return false;
    }
}

static bool steps_valid(const struct program *program)
{
    for (uint32_t i = 0; i < program->header->steps; i++) {
        const struct skiff_program_step *step = &program->steps[i];
        if (!slots_valid(program->header, step))
            return false;
        for (int a = 0; a < PROGRAM_MAX_ARGUMENTS; a++)
            if (!argument_valid(program->header, step->kinds[a], step->args[a]))
                return false;
    }
    return true;
}

// A field of `width` bytes at `at` lies within the data, before the zero byte that ends it.
static bool field_fits(const struct skiff_program_header *header, uint32_t at, uint32_t width)
{
    return at < header->data_bytes && header->data_bytes - at > width;
}

static bool fields_valid(const struct program *program)
{
    const struct skiff_program_header *header = program->header;
    for (uint32_t i = 0; i < header->slot_fields; i++)
        if (!field_fits(header, program->slot_fields[i].at, sizeof(int32_t)) ||
            program->slot_fields[i].slot >= header->slots)
            return false;
    for (uint32_t i = 0; i < header->pointer_fields; i++)
        if (!field_fits(header, program->pointer_fields[i].at, sizeof(uint64_t)) ||
            program->pointer_fields[i].target >= header->data_bytes)
            return false;
    return true;
}

int program_open(struct program *program, void *bytes, size_t length)
{
    const struct skiff_program_header *header = bytes;
    if (length < sizeof *header || length > PROGRAM_MAX_BYTES)
        return -EINVAL;
    if (header->magic != PROGRAM_MAGIC || header->version != PROGRAM_VERSION || header->reserved != 0)
        return -EINVAL;
    if (header->steps > PROGRAM_MAX_STEPS || header->slots > PROGRAM_MAX_SLOTS || header->slot_fields > PROGRAM_MAX_FIELDS ||
        header->pointer_fields > PROGRAM_MAX_FIELDS || header->data_bytes == 0)
        return -EINVAL;

    size_t steps = sizeof *header;
    size_t slot_fields = steps + header->steps * sizeof *program->steps;
    size_t pointer_fields = slot_fields + header->slot_fields * sizeof *program->slot_fields;
    size_t data = pointer_fields + header->pointer_fields * sizeof *program->pointer_fields;
    if (data + header->data_bytes != length)
        return -EINVAL;

    uint8_t *base = bytes;
    *program = (struct program){
        .header = header,
        .steps = (const void *)(base + steps),
        .slot_fields = (const void *)(base + slot_fields),
        .pointer_fields = (const void *)(base + pointer_fields),
        .data = base + data,
    };
    if (program->data[header->data_bytes - 1] != 0)
        return -EINVAL;
    return steps_valid(program) && fields_valid(program) ? 0 : -EINVAL;
}

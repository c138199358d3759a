#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../native/kernel/sys.h"
#include "../../native/shim/program.h"
#include "check.h"
#include "sample.h"

enum { SLOTS = 4, PATH_AT = 0, IOVEC_AT = 16, VALUE_AT = 32, DATA_BYTES = 48, MAX_SAMPLE_STEPS = 8 };

struct sample {
    struct skiff_program_header header;
    struct skiff_program_step steps[5];
    struct skiff_slot_field slot_fields[1];
    struct skiff_pointer_field pointer_fields[1];
    uint8_t data[DATA_BYTES];
};

void *sample_program(size_t *bytes)
{
    struct sample sample = {
        .header = {.magic = PROGRAM_MAGIC,
                   .version = PROGRAM_VERSION,
                   .steps = 5,
                   .slots = SLOTS,
                   .slot_fields = 1,
                   .pointer_fields = 1,
                   .data_bytes = DATA_BYTES},
        .slot_fields = {{.at = VALUE_AT, .slot = 0}},
        .pointer_fields = {{.at = IOVEC_AT, .target = PATH_AT}},
    };
    struct iovec part = {.iov_base = NULL, .iov_len = 9};
    memcpy(sample.data + PATH_AT, "/dev/null", 10);
    memcpy(sample.data + IOVEC_AT, &part, sizeof part);
    sample.steps[0] = (struct skiff_program_step){
        .number = __NR_openat, .result_slot = 0, .kinds = {OPERAND_IMMEDIATE, OPERAND_DATA, OPERAND_IMMEDIATE},
        .args = {(uint64_t)AT_FDCWD, PATH_AT, O_WRONLY | O_CLOEXEC}};
    sample.steps[1] = (struct skiff_program_step){
        .number = __NR_write, .result_slot = 1, .kinds = {OPERAND_SLOT, OPERAND_DATA, OPERAND_IMMEDIATE}, .args = {0, PATH_AT, 5}};
    sample.steps[2] = (struct skiff_program_step){
        .number = __NR_close, .result_slot = PROGRAM_NO_SLOT, .tolerated = {EINTR, EBADF}, .args = {(uint64_t)-1}};
    sample.steps[3] = (struct skiff_program_step){
        .number = __NR_writev, .result_slot = 2, .kinds = {OPERAND_SLOT, OPERAND_DATA, OPERAND_IMMEDIATE}, .args = {0, IOVEC_AT, 1}};
    sample.steps[4] = (struct skiff_program_step){
        .number = __NR_close, .result_slot = PROGRAM_NO_SLOT, .kinds = {OPERAND_SLOT}, .slot_fields = 1, .args = {0}};
    *bytes = sizeof sample;
    return memcpy(malloc(sizeof sample), &sample, sizeof sample);
}

static void a_program_runs(void)
{
    size_t bytes;
    void *encoded = sample_program(&bytes);
    struct program program;
    int64_t slots[PROGRAM_MAX_SLOTS];
    struct trace *trace = calloc(1, sizeof *trace + MAX_SAMPLE_STEPS * sizeof trace->reports[0]);
    CHECK(program_open(&program, encoded, bytes) == 0);
    program_link(&program);
    program_prepare(&program, slots, NULL, 0);
    CHECK(slots[0] == -1);
    CHECK(program_run(&program, slots, trace));
    CHECK(trace->started == 5 && trace->finished == 5 && !trace->failed);
    int32_t value;
    memcpy(&value, program.data + VALUE_AT, sizeof value);
    CHECK(value == slots[0] && value >= 3);
    CHECK(slots[1] == 5 && slots[2] == 9);
    CHECK(trace->reports[2].result == -EBADF && trace->reports[2].step == 2);
    CHECK(trace->reports[0].duration_ns > 0);
    free(trace);
    free(encoded);
}

static void the_first_failure_stops_it(void)
{
    size_t bytes;
    struct sample *sample = sample_program(&bytes);
    struct program program;
    int64_t slots[PROGRAM_MAX_SLOTS];
    const int64_t preset[] = {-7};
    struct trace *trace = calloc(1, sizeof *trace + MAX_SAMPLE_STEPS * sizeof trace->reports[0]);
    memcpy(sample->data, "/dev/none", 10);
    CHECK(program_open(&program, sample, bytes) == 0);
    program_link(&program);
    program_prepare(&program, slots, preset, 1);
    CHECK(slots[0] == -7);
    CHECK(!program_run(&program, slots, trace));
    CHECK(trace->started == 1 && trace->finished == 1 && trace->failed);
    CHECK(trace->reports[0].result == -ENOENT && slots[0] == -ENOENT);
    free(trace);
    free(sample);
}

static bool refused(void (*damage)(struct sample *sample))
{
    size_t bytes;
    struct sample *sample = sample_program(&bytes);
    struct program program;
    damage(sample);
    bool is_refused = program_open(&program, sample, bytes) == -EINVAL;
    free(sample);
    return is_refused;
}

#define DAMAGE(name, statement)                \
    static void damage_##name(struct sample *p) \
    {                                          \
        statement;                             \
    }
DAMAGE(magic, p->header.magic++)
DAMAGE(version, p->header.version++)
DAMAGE(reserved, p->header.reserved = 1)
DAMAGE(more_steps, p->header.steps++)
DAMAGE(too_many_steps, p->header.steps = 0xffffffff)
DAMAGE(fewer_slots, p->header.slots = 2)
DAMAGE(too_many_slots, p->header.slots = PROGRAM_MAX_SLOTS + 1)
DAMAGE(no_data, p->header.data_bytes = 0)
DAMAGE(more_data, p->header.data_bytes++)
DAMAGE(open_string, p->data[DATA_BYTES - 1] = 'x')
DAMAGE(kind, p->steps[0].kinds[5] = 3)
DAMAGE(data_outside, p->steps[0].args[1] = DATA_BYTES)
DAMAGE(data_far_outside, p->steps[0].args[1] = 1ull << 40)
DAMAGE(slot_outside, p->steps[1].args[0] = SLOTS)
DAMAGE(result_outside, p->steps[1].result_slot = SLOTS)
DAMAGE(fields_outside, p->steps[4].slot_fields = 2)
DAMAGE(fields_wrap, p->steps[4].first_slot_field = 0xffffffff)
DAMAGE(field_slot, p->slot_fields[0].slot = SLOTS)
DAMAGE(field_at, p->slot_fields[0].at = DATA_BYTES - 4)
DAMAGE(field_wraps, p->slot_fields[0].at = 0xfffffffe)
DAMAGE(pointer_at, p->pointer_fields[0].at = DATA_BYTES - 8)
DAMAGE(pointer_target, p->pointer_fields[0].target = DATA_BYTES)

static void damaged_programs_are_refused(void)
{
    CHECK(refused(damage_magic) && refused(damage_version) && refused(damage_reserved));
    CHECK(refused(damage_more_steps) && refused(damage_too_many_steps));
    CHECK(refused(damage_fewer_slots) && refused(damage_too_many_slots));
    CHECK(refused(damage_no_data) && refused(damage_more_data) && refused(damage_open_string));
    CHECK(refused(damage_kind) && refused(damage_data_outside) && refused(damage_data_far_outside));
    CHECK(refused(damage_slot_outside) && refused(damage_result_outside));
    CHECK(refused(damage_fields_outside) && refused(damage_fields_wrap));
    CHECK(refused(damage_field_slot) && refused(damage_field_at) && refused(damage_field_wraps));
    CHECK(refused(damage_pointer_at) && refused(damage_pointer_target));
}

static void every_cut_is_refused(void)
{
    size_t bytes;
    void *whole = sample_program(&bytes);
    for (size_t n = 0; n < bytes; n++) {
        void *cut = malloc(n ? n : 1);
        struct program program;
        memcpy(cut, whole, n);
        CHECK(program_open(&program, cut, n) == -EINVAL);
        free(cut);
    }
    free(whole);
}

// What a damaged program that was accepted after all touches stays within it: the sanitizer watches. Its system calls are
// made harmless first.
static void run_harmlessly(const struct program *program, struct skiff_program_step *steps)
{
    int64_t slots[PROGRAM_MAX_SLOTS];
    struct trace *trace = calloc(1, sizeof *trace + program->header->steps * sizeof trace->reports[0]);
    for (uint32_t i = 0; i < program->header->steps; i++)
        steps[i].number = __NR_getpid;
    program_link(program);
    program_prepare(program, slots, NULL, 0);
    CHECK(program_run(program, slots, trace));
    free(trace);
}

static void any_damage_is_harmless(void)
{
    int accepted = 0;
    for (int round = 0; round < 200000; round++) {
        size_t bytes;
        uint8_t *encoded = sample_program(&bytes);
        for (uint32_t flips = 1 + random_below(4); flips > 0; flips--) {
            uint32_t at = random_below((uint32_t)bytes);
            if (random_below(2))
                encoded[at] = (uint8_t)next_random();
            else
                encoded[at] ^= (uint8_t)(1u << random_below(8));
        }
        struct program program;
        if (program_open(&program, encoded, bytes) == 0) {
            accepted++;
            run_harmlessly(&program, (void *)(encoded + sizeof(struct skiff_program_header)));
        }
        free(encoded);
    }
    CHECK(accepted > 0);
}

void test_programs(void)
{
    RUN(a_program_runs);
    RUN(the_first_failure_stops_it);
    RUN(damaged_programs_are_refused);
    RUN(every_cut_is_refused);
    RUN(any_damage_is_harmless);
}

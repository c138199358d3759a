#include <errno.h>
#include <stdlib.h>

#include "../../native/kernel/sys.h"
#include "../../native/shim/launch.h"
#include "check.h"
#include "sample.h"

enum { NAME_BYTES = 8, FORWARD_TEXT_BYTES = 8 };

// A record with one client, the sample program twice (ending in an execve), and a log.
static uint8_t *sample_launch(size_t *bytes)
{
    size_t program_bytes;
    uint8_t *program = sample_program(&program_bytes);
    struct skiff_program_header *header = (void *)program;
    struct skiff_program_step *steps = (void *)(header + 1);
    steps[header->steps - 1].number = __NR_execve;
    size_t before_at = sizeof(struct skiff_launch_header) + sizeof(struct skiff_attach_request);
    size_t main_at = before_at + (program_bytes + 7) / 8 * 8, name_at = main_at + (program_bytes + 7) / 8 * 8;
    size_t forward_at = name_at + NAME_BYTES;
    *bytes = forward_at + sizeof(struct skiff_log_forward) + FORWARD_TEXT_BYTES;
    uint8_t *record = calloc(1, *bytes);
    struct skiff_launch_header launch = {
        .magic = LAUNCH_MAGIC,
        .version = LAUNCH_VERSION,
        .total_bytes = (uint32_t)*bytes,
        .flags = LAUNCH_LOG,
        .log_folder = 7,
        .cgroup = -1,
        .first_attached = 8,
        .attached = 1,
        .first_passed = 9,
        .passed = 2,
        .before_at = (uint32_t)before_at,
        .before_bytes = (uint32_t)program_bytes,
        .main_at = (uint32_t)main_at,
        .main_bytes = (uint32_t)program_bytes,
        .log_name_at = (uint32_t)name_at,
        .log_name_bytes = NAME_BYTES,
        .log_max_files = 1,
        .log_forward_at = (uint32_t)forward_at,
        .log_forward_bytes = sizeof(struct skiff_log_forward) + FORWARD_TEXT_BYTES,
    };
    struct skiff_log_forward forward = {
        .format = FORWARD_FORMAT_JOURNAL, .address_bytes = 16, .before_bytes = 5, .after_bytes = 3};
    memcpy(record + forward_at, &forward, sizeof forward);
    memcpy(record, &launch, sizeof launch);
    memcpy(record + before_at, program, program_bytes);
    memcpy(record + main_at, program, program_bytes);
    memcpy(record + name_at, "json.log", NAME_BYTES);
    free(program);
    return record;
}

static void a_launch_is_read(void)
{
    size_t bytes;
    uint8_t *record = sample_launch(&bytes);
    struct launch launch;
    CHECK(launch_parse(&launch, record, bytes) == 0);
    CHECK(strcmp(launch.log_name, "json.log") == 0);
    CHECK(strcmp(launch.log_attributes, "") == 0);
    CHECK(launch.log_forward && launch.log_forward->before_bytes == 5);
    CHECK(launch.before.header && launch.main.header->steps == 5);
    free(record);
}

static bool refused_with(void (*damage)(struct skiff_launch_header *header, uint8_t *record))
{
    size_t bytes;
    uint8_t *record = sample_launch(&bytes);
    struct launch launch;
    damage((void *)record, record);
    bool refused = launch_parse(&launch, record, bytes) == -EINVAL;
    free(record);
    return refused;
}

#define DAMAGE(name, statement)                                              \
    static void damage_##name(struct skiff_launch_header *h, uint8_t *record) \
    {                                                                        \
        (void)record;                                                        \
        statement;                                                           \
    }
DAMAGE(length, h->total_bytes--)
DAMAGE(log_fd, h->log_folder = -1)
DAMAGE(low_fd, h->cgroup = 2)
DAMAGE(attached_fd, h->first_attached = 3)
DAMAGE(many_attached, h->attached = 1 << 20)
DAMAGE(passed_wrap, (h->first_passed = INT32_MAX, h->passed = 500))
DAMAGE(many_passed, h->passed = PROGRAM_MAX_SLOTS)
DAMAGE(odd_program, h->main_at++)
DAMAGE(program_outside, h->main_at = 0xfffffff8)
DAMAGE(no_program, h->main_bytes = 0)
DAMAGE(no_exec, ((struct skiff_program_header *)(void *)(record + h->main_at))->steps = 0)
DAMAGE(name_outside, h->log_name_at = h->total_bytes - NAME_BYTES + 1)
DAMAGE(long_name, h->log_name_bytes = LOG_LIMITS_MAX_NAME + 1)
DAMAGE(path, record[h->log_name_at + 4] = '/')
DAMAGE(hidden, record[h->log_name_at] = '.')
DAMAGE(no_files, h->log_max_files = 0)
DAMAGE(keys, ((struct skiff_attach_request *)(void *)(record + sizeof *h))->key_count = ATTACH_LIMITS_MAX_KEYS + 1)

#define FORWARD ((struct skiff_log_forward *)(void *)(record + h->log_forward_at))
DAMAGE(forward_outside, h->log_forward_bytes++)
DAMAGE(forward_short, h->log_forward_bytes = 8)
DAMAGE(forward_odd, h->log_forward_at++)
DAMAGE(forward_format, FORWARD->format = 0)
DAMAGE(forward_address, FORWARD->address_bytes = sizeof FORWARD->address + 1)
DAMAGE(forward_text, FORWARD->before_bytes++)
DAMAGE(forward_wrap, (FORWARD->before_bytes = 9, FORWARD->after_bytes = UINT32_MAX))

static void damaged_launches_are_refused(void)
{
    CHECK(refused_with(damage_length) && refused_with(damage_log_fd) && refused_with(damage_low_fd));
    CHECK(refused_with(damage_attached_fd) && refused_with(damage_many_attached));
    CHECK(refused_with(damage_passed_wrap) && refused_with(damage_many_passed));
    CHECK(refused_with(damage_odd_program) && refused_with(damage_program_outside));
    CHECK(refused_with(damage_no_program) && refused_with(damage_no_exec));
    CHECK(refused_with(damage_name_outside) && refused_with(damage_long_name));
    CHECK(refused_with(damage_forward_outside) && refused_with(damage_forward_short) && refused_with(damage_forward_odd));
    CHECK(refused_with(damage_forward_format) && refused_with(damage_forward_address));
    CHECK(refused_with(damage_forward_text) && refused_with(damage_forward_wrap));
    CHECK(refused_with(damage_path) && refused_with(damage_hidden) && refused_with(damage_no_files));
    CHECK(refused_with(damage_keys));
}

static void any_damage_is_harmless(void)
{
    for (int round = 0; round < 100000; round++) {
        size_t bytes;
        uint8_t *record = sample_launch(&bytes);
        for (uint32_t flips = 1 + random_below(3); flips > 0; flips--)
            record[random_below(sizeof(struct skiff_launch_header) + 64)] ^= (uint8_t)(1u << random_below(8));
        struct launch launch;
        if (launch_parse(&launch, record, bytes) == 0) {
            program_link(&launch.main);
            if (launch.before.header)
                program_link(&launch.before);
        }
        free(record);
    }
}

void test_launch(void)
{
    RUN(a_launch_is_read);
    RUN(damaged_launches_are_refused);
    RUN(any_damage_is_harmless);
}

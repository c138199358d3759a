#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "../kernel/sys.h"

static char log_name[LOG_LIMITS_MAX_NAME + 1];
static char log_attributes[LOG_LIMITS_MAX_ATTRIBUTES + 1];

static bool part_fits(const struct skiff_launch_header *header, uint32_t at, uint32_t bytes)
{
    return at <= header->total_bytes && bytes <= header->total_bytes - at;
}

// -1, or a descriptor beyond the fixed ones.
static bool optional_fd(int32_t fd)
{
    return fd == -1 || fd >= SHIM_FD_FIRST_OPTIONAL;
}

static bool fd_range(int32_t first, uint32_t count)
{
    return count == 0 || (first >= SHIM_FD_FIRST_OPTIONAL && count <= (uint32_t)(INT32_MAX - first));
}

static bool numbers_valid(const struct skiff_launch_header *header)
{
    if (header->magic != LAUNCH_MAGIC || header->version != LAUNCH_VERSION || header->reserved != 0)
        return false;
    if (!optional_fd(header->log_folder) || !optional_fd(header->cgroup))
        return false;
    if (!fd_range(header->first_attached, header->attached) || !fd_range(header->first_passed, header->passed))
        return false;
    return header->attached <= ATTACH_LIMITS_MAX_CLIENTS / 2 && header->passed <= PROGRAM_MAX_SLOTS - SLOT_FIRST_PASSED;
}

static int open_part(struct program *program, uint8_t *record, const struct skiff_launch_header *header, uint32_t at,
                     uint32_t bytes)
{
    if (at % 8 != 0 || !part_fits(header, at, bytes))
        return -EINVAL;
    return program_open(program, record + at, bytes);
}

// The last step replaces the process, or the shim could not tell a program that ended from a command that runs.
static bool ends_with_exec(const struct program *program)
{
    uint32_t steps = program->header->steps;
    if (steps == 0)
        return false;
    uint32_t number = program->steps[steps - 1].number;
    return number == __NR_execve || number == __NR_execveat;
}

static int copy_string(char *into, size_t capacity, const struct skiff_launch_header *header, uint32_t at, uint32_t bytes)
{
    if (bytes >= capacity || !part_fits(header, at, bytes))
        return -EINVAL;
    memcpy(into, (const char *)header + at, bytes);
    into[bytes] = '\0';
    return 0;
}

static bool is_file_name(const char *name)
{
    size_t length = 0;
    for (; name[length]; length++)
        if (name[length] == '/')
            return false;
    return length > 0 && name[0] != '.';
}

static bool log_valid(const struct skiff_launch_header *header)
{
    if (!(header->flags & LAUNCH_LOG))
        return true;
    return header->log_folder >= 0 && header->log_max_files >= 1 && header->log_max_files <= 1 << 20 && is_file_name(log_name);
}

// NULL when there is none; the texts follow it in the record.
static int open_forward(const struct skiff_launch_header *header, const struct skiff_log_forward **into)
{
    *into = NULL;
    uint32_t bytes = header->log_forward_bytes;
    if (bytes == 0)
        return 0;
    if (header->log_forward_at % 8 != 0 || !part_fits(header, header->log_forward_at, bytes) || bytes < sizeof **into)
        return -EINVAL;
    const struct skiff_log_forward *forward = (const void *)((const char *)header + header->log_forward_at);
    if (forward->before_bytes > LOG_LIMITS_MAX_FORWARD_TEXT || forward->after_bytes > LOG_LIMITS_MAX_FORWARD_TEXT ||
        bytes - sizeof *forward != forward->before_bytes + forward->after_bytes)
        return -EINVAL;
    if (forward->format < FORWARD_FORMAT_UNIX || forward->format > FORWARD_FORMAT_JOURNAL)
        return -EINVAL;
    if (forward->address_bytes < sizeof(uint16_t) || forward->address_bytes > sizeof forward->address)
        return -EINVAL;
    *into = forward;
    return 0;
}

int launch_parse(struct launch *launch, void *record, size_t bytes)
{
    const struct skiff_launch_header *header = record;
    if (bytes < sizeof *header || header->total_bytes != bytes || !numbers_valid(header))
        return -EINVAL;
    if (!part_fits(header, sizeof *header, header->attached * (uint32_t)sizeof *launch->attached))
        return -EINVAL;
    *launch = (struct launch){
        .header = header,
        .attached = (const void *)(header + 1),
        .log_name = log_name,
        .log_attributes = log_attributes,
    };
    for (uint32_t i = 0; i < header->attached; i++)
        if (launch->attached[i].key_count > ATTACH_LIMITS_MAX_KEYS)
            return -EINVAL;
    if (header->before_bytes > 0 &&
        open_part(&launch->before, record, header, header->before_at, header->before_bytes) < 0)
        return -EINVAL;
    if (open_part(&launch->main, record, header, header->main_at, header->main_bytes) < 0 || !ends_with_exec(&launch->main))
        return -EINVAL;
    if (copy_string(log_name, sizeof log_name, header, header->log_name_at, header->log_name_bytes) < 0 ||
        copy_string(log_attributes, sizeof log_attributes, header, header->log_attributes_at,
                    header->log_attributes_bytes) < 0)
        return -EINVAL;
    if (open_forward(header, &launch->log_forward) < 0)
        return -EINVAL;
    return log_valid(header) ? 0 : -EINVAL;
}

int launch_open(struct launch *launch)
{
    struct stat status;
    long error = sys_fstat(SHIM_FD_LAUNCH, &status);
    if (error < 0)
        return (int)error;
    if (status.st_size <= 0 || status.st_size > LAUNCH_MAX_BYTES)
        return -EINVAL;
    // The record is sealed: nobody can change it between the check and its use.
    long seals = sys_fcntl(SHIM_FD_LAUNCH, F_GET_SEALS, 0);
    if (seals < 0 || !(seals & F_SEAL_WRITE) || !(seals & F_SEAL_SHRINK))
        return -EINVAL;
    long record = sys_mmap((size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, SHIM_FD_LAUNCH);
    if (record < 0)
        return (int)record;
    return launch_parse(launch, (void *)record, (size_t)status.st_size);
}

void launch_close(struct launch *launch)
{
    sys_munmap((void *)(uintptr_t)launch->header, launch->header->total_bytes);
    launch->header = NULL;
    sys_close(SHIM_FD_LAUNCH);
}

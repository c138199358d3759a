// What a daemon that was not there needs to know, as JSON that can be read with cat.
#include <errno.h>
#include <fcntl.h>

#include "../kernel/sys.h"
#include "shim.h"
#include "text.h"

enum { STAT_BYTES = 1024, START_TIME_FIELD = 22, FIRST_FIELD_AFTER_NAME = 3 };

static int write_record(const char *name, const char *temporary, const struct text *text)
{
    long fd = sys_openat(SHIM_FD_RUN_FOLDER, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return (int)fd;
    long written = sys_write((int)fd, text->bytes, text->length);
    sys_close((int)fd);
    long error = written == (long)text->length ? sys_renameat(SHIM_FD_RUN_FOLDER, temporary, name)
                                               : (written < 0 ? written : -ENOSPC);
    if (error < 0)
        sys_unlinkat(SHIM_FD_RUN_FOLDER, temporary);
    return (int)error;
}

static void member(struct text *text, const char *before_name, const char *name)
{
    text_string(text, before_name);
    text_string(text, "\"");
    text_string(text, name);
    text_string(text, "\":");
}

static void time_member(struct text *text, const char *name, uint64_t epoch_ns)
{
    member(text, ",", name);
    text_string(text, "\"");
    text_time(text, epoch_ns);
    text_string(text, "\"");
}

int record_started(const struct skiff_started *started)
{
    char bytes[256];
    struct text text = {.bytes = bytes, .capacity = sizeof bytes};
    member(&text, "{", "pid");
    text_signed(&text, started->pid);
    member(&text, ",", "startTicks");
    text_string(&text, "\"");
    text_unsigned(&text, started->start_ticks);
    text_string(&text, "\"");
    member(&text, ",", "shimPid");
    text_signed(&text, started->shim_pid);
    time_member(&text, "startedAt", started->time_ns);
    text_string(&text, "}\n");
    return write_record("started.json", ".tmp-started.json", &text);
}

int record_exited(const struct skiff_exited *exited)
{
    // wait4(2): the low seven bits are the signal, the next the core dump, the second byte the exit status.
    int signal = exited->wait_status & 0x7f;
    int code = signal != 0 ? 128 + signal : (exited->wait_status >> 8) & 0xff;
    char bytes[256];
    struct text text = {.bytes = bytes, .capacity = sizeof bytes};
    member(&text, "{", "pid");
    text_signed(&text, exited->pid);
    member(&text, ",", "waitStatus");
    text_signed(&text, exited->wait_status);
    member(&text, ",", "exitCode");
    text_signed(&text, code);
    member(&text, ",", "signal");
    text_signed(&text, signal);
    time_member(&text, "finishedAt", exited->time_ns);
    member(&text, ",", "logEntriesLost");
    text_unsigned(&text, exited->log_entries_lost);
    text_string(&text, "}\n");
    return write_record("exit.json", ".tmp-exit.json", &text);
}

// proc_pid_stat(5). The name, in parentheses, may itself hold blanks and parentheses: fields are counted from its end.
static uint64_t parse_start_time(const char *stat, size_t n)
{
    size_t at = n;
    while (at > 0 && stat[at - 1] != ')')
        at--;
    for (int field = FIRST_FIELD_AFTER_NAME - 1; at < n; at++) {
        if (stat[at] == ' ' && ++field == START_TIME_FIELD) {
            uint64_t ticks = 0;
            for (at++; at < n && stat[at] >= '0' && stat[at] <= '9'; at++)
                ticks = ticks * 10 + (uint64_t)(stat[at] - '0');
            return ticks;
        }
    }
    return 0;
}

uint64_t start_ticks(pid_t pid)
{
    char path[32], stat[STAT_BYTES];
    struct text text = {.bytes = path, .capacity = sizeof path};
    text_string(&text, "/proc/");
    text_signed(&text, pid);
    text_string(&text, "/stat");
    text_end(&text);
    long fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    long n = sys_read((int)fd, stat, sizeof stat);
    sys_close((int)fd);
    return n > 0 ? parse_start_time(stat, (size_t)n) : 0;
}

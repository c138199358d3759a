#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../kernel/sys.h"
#include "text.h"

static const char *const STREAM_NAMES[] = {"stdout", "stderr"};

int log_open(struct log *log)
{
    long fd = sys_openat(log->folder, log->name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    struct stat status;
    if (fd < 0)
        return (int)fd;
    long error = sys_fstat((int)fd, &status);
    if (error < 0)
        return (int)error;
    log->fd = (int)fd;
    log->size = (uint64_t)status.st_size;
    return 0;
}

static size_t last_entry_end(const uint8_t *bytes, size_t n)
{
    while (n > 0 && bytes[n - 1] != '\n')
        n--;
    return n;
}

static void count_lost(struct log *log, size_t from)
{
    for (size_t i = from; i < log->used; i++)
        if (log->buffer[i] == '\n')
            log->entries_lost++;
}

void log_flush(struct log *log)
{
    size_t written = 0;
    while (written < log->used) {
        long n = sys_write(log->fd, log->buffer + written, log->used - written);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            break;
        written += (size_t)n;
    }
    size_t whole = written;
    if (written < log->used) {
        whole = last_entry_end(log->buffer, written);
        if (whole < written)
            sys_ftruncate(log->fd, (off_t)(log->size + whole));
        count_lost(log, whole);
    }
    log->size += whole;
    log->used = 0;
}

static void rotate_if_full(struct log *log)
{
    if (log->max_bytes == 0 || log->size + log->used < log->max_bytes)
        return;
    log_flush(log);
    int fd = log_rotate(log->folder, log->name, log->max_files);
    // Without a new file (no inode left) the old one, whatever it is called now, is better than none.
    if (fd < 0)
        return;
    sys_close(log->fd);
    log->fd = fd;
    log->size = 0;
    log->rotated = log->max_files > 1;
}

static void write_time(struct log *log, struct text *entry, uint64_t time_ns)
{
    if (log->shown_time_bytes == 0 || log->shown_time_ns != time_ns) {
        struct text shown = {.bytes = log->shown_time, .capacity = sizeof log->shown_time};
        text_time(&shown, time_ns);
        log->shown_time_ns = time_ns;
        log->shown_time_bytes = shown.length;
    }
    text_bytes(entry, log->shown_time, log->shown_time_bytes);
}

// {"log":"…\n","stream":"stdout","attrs":{…},"time":"…"}
static void write_entry(struct log *log, enum log_stream stream, const uint8_t *line, size_t n, bool complete, uint64_t time_ns)
{
    rotate_if_full(log);
    if (log->used + LOG_ENTRY_MAX > LOG_BUFFER)
        log_flush(log);
    struct text entry = {.bytes = (char *)log->buffer, .capacity = LOG_BUFFER, .length = log->used};
    text_string(&entry, "{\"log\":\"");
    entry.length += json_escape(log->buffer + entry.length, line, n);
    text_string(&entry, complete ? "\\n\",\"stream\":\"" : "\",\"stream\":\"");
    text_string(&entry, STREAM_NAMES[stream]);
    if (log->attributes_bytes > 0) {
        text_string(&entry, "\",\"attrs\":");
        text_bytes(&entry, log->attributes, log->attributes_bytes);
        text_string(&entry, ",\"time\":\"");
    } else {
        text_string(&entry, "\",\"time\":\"");
    }
    write_time(log, &entry, time_ns);
    text_string(&entry, "\"}\n");
    log->used = entry.length;
}

// A piece of a line: `complete` when its newline has come.
static void end_piece(struct log *log, enum log_stream stream, const uint8_t *bytes, size_t n, bool complete, uint64_t now_ns)
{
    struct log_line *line = &log->lines[stream];
    if (!line->continued)
        line->time_ns = now_ns;
    if (log->also)
        log->also(stream, bytes, n, complete, line->time_ns);
    if (log->fd >= 0)
        write_entry(log, stream, bytes, n, complete, line->time_ns);
    line->continued = !complete;
    line->used = 0;
}

static size_t find_newline(const uint8_t *bytes, size_t n)
{
    size_t at = 0;
    while (at < n && bytes[at] != '\n')
        at++;
    return at;
}

void log_write(struct log *log, enum log_stream stream, const uint8_t *bytes, size_t n, uint64_t now_ns)
{
    struct log_line *line = &log->lines[stream];
    while (n > 0) {
        size_t room = LOG_LINE_MAX - line->used;
        size_t length = find_newline(bytes, n < room ? n : room);
        bool complete = length < n && bytes[length] == '\n' && length < room;
        bool full = length == room;
        if (line->used > 0 || !(complete || full)) {
            memcpy(line->bytes + line->used, bytes, length);
            line->used += length;
            if (complete || full)
                end_piece(log, stream, line->bytes, line->used, complete, now_ns);
        } else {
            end_piece(log, stream, bytes, length, complete, now_ns);
        }
        bytes += length + (complete ? 1 : 0);
        n -= length + (complete ? 1 : 0);
    }
}

void log_end(struct log *log, enum log_stream stream, uint64_t now_ns)
{
    struct log_line *line = &log->lines[stream];
    if (line->used > 0)
        end_piece(log, stream, line->bytes, line->used, false, now_ns);
}

// A process's output as Docker's json-file log driver writes it: one JSON object per line, lines cut at 16 KiB, files
// rotated by size.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../generated/abi.h"
#include "json.h"

enum {
    LOG_LINE_MAX = 16384,
    // One entry in its worst case: the line escaped, the attributes, and what stands around them.
    LOG_ENTRY_MAX = LOG_LINE_MAX * JSON_WORST_CASE + LOG_LIMITS_MAX_ATTRIBUTES + 128,
    LOG_BUFFER = 128 << 10,
};
_Static_assert(LOG_ENTRY_MAX <= LOG_BUFFER, "an entry must fit into the buffer");

enum log_stream { LOG_STDOUT = 0, LOG_STDERR = 1 };

// The beginning of a line whose end has not come yet.
struct log_line {
    size_t used;
    // Earlier pieces of this line were logged already, with the time of the first.
    bool continued;
    uint64_t time_ns;
    uint8_t bytes[LOG_LINE_MAX];
};

// Also sends a piece of a line elsewhere; NULL in struct log: nowhere.
typedef void log_also(enum log_stream stream, const uint8_t *line, size_t n, bool complete, uint64_t time_ns);

struct log {
    int folder;
    // -1: there is no file.
    int fd;
    log_also *also;
    // Set when it was rotated; for whoever tells the daemon.
    bool rotated;
    const char *name;
    const char *attributes;
    size_t attributes_bytes;
    // 0: never rotate.
    uint64_t max_bytes;
    uint32_t max_files;
    // Bytes in the file: whole entries.
    uint64_t size;
    uint64_t entries_lost;
    struct log_line lines[2];
    // The time of the last entry as it was written: that of the next is often the same.
    uint64_t shown_time_ns;
    size_t shown_time_bytes;
    char shown_time[32];
    // Entries that are not in the file yet.
    size_t used;
    uint8_t buffer[LOG_BUFFER];
};

// Opens or creates the file; the fields up to max_files are set by the caller. 0 or -errno.
int log_open(struct log *log);
// Takes output that was read at `now_ns`. Writes complete lines, when the buffer is full.
void log_write(struct log *log, enum log_stream stream, const uint8_t *bytes, size_t n, uint64_t now_ns);
// The stream has ended: writes what there is of its last line.
void log_end(struct log *log, enum log_stream stream, uint64_t now_ns);
// Hands the buffer to the kernel. A full disk costs the entries that do not fit, and never a cut one.
void log_flush(struct log *log);

// log-rotation.c: makes NAME the newest of `max_files` older ones' successors and returns a new, empty file, or -errno;
// -EAGAIN: the daemon is putting a compressed file in a plain one's place at this moment.
int log_rotate(int folder, const char *name, uint32_t max_files);

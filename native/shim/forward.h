// Log entries on their way to syslog or to the journal: made into messages, kept in a queue, sent without waiting. The
// receiver may be away or slow: the container goes on, and what finds no room in the queue is lost and counted.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../generated/abi.h"
#include "log.h"

// What every message has in common.
struct forward_format {
    // FORWARD_FORMAT_*
    uint32_t format;
    uint32_t facility;
    int32_t utc_offset_seconds;
    int32_t pid;
    const char *before;
    size_t before_bytes;
    const char *after;
    size_t after_bytes;
};

// forward-message.c
// More than a message has besides its line.
size_t forward_overhead(const struct forward_format *format);
// `into` has room for the overhead and the line. Returns the message's length; 0: there is nothing to send.
size_t forward_message(const struct forward_format *format, uint8_t *into, enum log_stream stream, const uint8_t *line,
                       size_t n, bool complete, uint64_t time_ns);

// forward-queue.c: messages in their order, in one piece of memory that is touched only as far as it is used.
struct forward_queue {
    uint8_t *base;
    size_t capacity;
    size_t begin;
    size_t end;
    // The furthest that was used since it was last empty.
    size_t peak;
    // Of the first message, when it goes by a stream.
    size_t sent;
};

static inline size_t forward_queue_used(const struct forward_queue *queue) { return queue->end - queue->begin; }
// Room for a message of at most `max` bytes, or NULL; forward_queue_add() with its real length makes it the last one.
uint8_t *forward_queue_room(struct forward_queue *queue, size_t max);
void forward_queue_add(struct forward_queue *queue, size_t n);
// The first message, or NULL.
const uint8_t *forward_queue_first(const struct forward_queue *queue, size_t *n);
void forward_queue_remove(struct forward_queue *queue);

// forward.c
int forward_open(const struct skiff_log_forward *forward);
log_also forward_line;
// Sends what can be sent now. Once a turn of the loop.
void forward_send(void);
// The process has to wait, as `mode=blocking` has it.
bool forward_holds(void);
// How many bytes of output may be read at once, so that their messages find room however short the lines are.
size_t forward_read_max(void);
// After the end of the process: everything is sent, or has been tried for long enough.
bool forward_is_done(void);
uint64_t forward_lost(void);

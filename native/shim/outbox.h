// Output on its way to the attached clients: pieces, each behind the 8-byte header of Docker's multiplexed stream
//
//     stream (1 stdout, 2 stderr), 0, 0, 0, length (32 bits, big-endian)
//
// kept once, however many clients there are; each has a cursor. Mostly every client takes all at once and the memory is
// used again from its beginning. Its limits bound what a slow client can cost: when it is full, output is not read.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { OUTBOX_HEADER = 8, OUTBOX_PIECE_MAX = 64 << 10, OUTBOX_CAPACITY = 3 * OUTBOX_PIECE_MAX };
enum outbox_stream { STREAM_STDOUT = 1, STREAM_STDERR = 2 };

struct outbox {
    uint8_t *base;
    size_t capacity;
    size_t end;
};

// Where a client stands: between two pieces (at == piece_end) or within one.
struct cursor {
    size_t at;
    size_t piece_end;
};

int outbox_open(struct outbox *outbox);
// Room for the next piece's bytes (OUTBOX_PIECE_MAX of them), or NULL: the slowest client must take something first.
uint8_t *outbox_room(struct outbox *outbox);
// Makes room whatever it takes: for the last output of a process that has ended. False: out of memory.
int outbox_grow(struct outbox *outbox);
// Adds the piece whose bytes were put into outbox_room().
void outbox_add(struct outbox *outbox, enum outbox_stream stream, size_t n);
// Forgets the first `n` bytes, which all clients have passed; cursors must be moved back by as much.
void outbox_forget(struct outbox *outbox, size_t n);

// The next bytes for a client that asked for `flags` (ATTACH_*): how many there are, and where.
size_t cursor_peek(struct cursor *cursor, const struct outbox *outbox, uint32_t flags, const uint8_t **bytes);
// `n` of them were taken.
void cursor_advance(struct cursor *cursor, const struct outbox *outbox, size_t n);

#define _GNU_SOURCE
#include "outbox.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "../generated/abi.h"
#include "../kernel/sys.h"

int outbox_open(struct outbox *outbox)
{
    long base = sys_mmap(OUTBOX_CAPACITY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (base < 0)
        return (int)base;
    *outbox = (struct outbox){.base = (uint8_t *)base, .capacity = OUTBOX_CAPACITY, .end = 0};
    return 0;
}

uint8_t *outbox_room(struct outbox *outbox)
{
    size_t piece = outbox->end + OUTBOX_HEADER;
    return outbox->capacity - outbox->end >= OUTBOX_HEADER + OUTBOX_PIECE_MAX ? outbox->base + piece : NULL;
}

int outbox_grow(struct outbox *outbox)
{
    size_t capacity = outbox->capacity * 2;
    long base = sys_mremap(outbox->base, outbox->capacity, capacity, MREMAP_MAYMOVE);
    if (base < 0)
        return (int)base;
    outbox->base = (uint8_t *)base;
    outbox->capacity = capacity;
    return 0;
}

void outbox_add(struct outbox *outbox, enum outbox_stream stream, size_t n)
{
    uint8_t *header = outbox->base + outbox->end;
    memset(header, 0, 4);
    header[0] = (uint8_t)stream;
    header[4] = (uint8_t)(n >> 24);
    header[5] = (uint8_t)(n >> 16);
    header[6] = (uint8_t)(n >> 8);
    header[7] = (uint8_t)n;
    outbox->end += OUTBOX_HEADER + n;
}

void outbox_forget(struct outbox *outbox, size_t n)
{
    memmove(outbox->base, outbox->base + n, outbox->end - n);
    outbox->end -= n;
}

static size_t piece_bytes(const uint8_t *header)
{
    size_t n = (size_t)header[4] << 24 | (size_t)header[5] << 16 | (size_t)header[6] << 8 | header[7];
    return OUTBOX_HEADER + n;
}

static bool wants(uint32_t flags, uint8_t stream)
{
    return flags & (stream == STREAM_STDERR ? ATTACH_STDERR : ATTACH_STDOUT);
}

static bool wants_everything(uint32_t flags)
{
    const uint32_t all = ATTACH_STDOUT | ATTACH_STDERR | ATTACH_FRAMED;
    return (flags & all) == all;
}

size_t cursor_peek(struct cursor *cursor, const struct outbox *outbox, uint32_t flags, const uint8_t **bytes)
{
    while (cursor->at == cursor->piece_end && cursor->at < outbox->end) {
        const uint8_t *header = outbox->base + cursor->at;
        cursor->piece_end += piece_bytes(header);
        if (!wants(flags, header[0]))
            cursor->at = cursor->piece_end;
        else if (!(flags & ATTACH_FRAMED))
            cursor->at += OUTBOX_HEADER;
    }
    *bytes = outbox->base + cursor->at;
    return (wants_everything(flags) ? outbox->end : cursor->piece_end) - cursor->at;
}

void cursor_advance(struct cursor *cursor, const struct outbox *outbox, size_t n)
{
    cursor->at += n;
    while (cursor->piece_end < cursor->at)
        cursor->piece_end += piece_bytes(outbox->base + cursor->piece_end);
}

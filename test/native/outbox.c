#include <stdlib.h>

#include "../../native/generated/abi.h"
#include "../../native/kernel/sys.h"
#include "../../native/shim/outbox.h"
#include "check.h"

enum { CLIENTS = 6, EXPECTED_MAX = 1 << 20 };

static const uint32_t FLAGS[CLIENTS] = {
    ATTACH_STDOUT | ATTACH_STDERR | ATTACH_FRAMED,
    ATTACH_STDOUT | ATTACH_FRAMED,
    ATTACH_STDERR | ATTACH_FRAMED,
    ATTACH_STDOUT | ATTACH_STDERR,
    ATTACH_STDERR,
    0,
};

struct reader {
    struct cursor cursor;
    size_t taken;
    size_t expected_bytes;
    uint8_t *expected;
    bool wrong;
};

static struct outbox outbox;

static void expect_bytes(struct reader *reader, const void *bytes, size_t n)
{
    memcpy(reader->expected + reader->expected_bytes, bytes, n);
    reader->expected_bytes += n;
}

static void add_piece(struct reader readers[CLIENTS], enum outbox_stream stream, size_t n)
{
    uint8_t *room = outbox_room(&outbox);
    if (!room)
        return;
    for (size_t i = 0; i < n; i++)
        room[i] = (uint8_t)next_random();
    const uint8_t header[OUTBOX_HEADER] = {(uint8_t)stream, 0, 0, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    for (int c = 0; c < CLIENTS; c++) {
        if (!(FLAGS[c] & (stream == STREAM_STDERR ? ATTACH_STDERR : ATTACH_STDOUT)))
            continue;
        if (FLAGS[c] & ATTACH_FRAMED)
            expect_bytes(&readers[c], header, sizeof header);
        expect_bytes(&readers[c], room, n);
    }
    outbox_add(&outbox, stream, n);
}

static void take(struct reader *reader, uint32_t flags, size_t limit)
{
    const uint8_t *bytes;
    size_t n;
    while (limit > 0 && (n = cursor_peek(&reader->cursor, &outbox, flags, &bytes)) > 0) {
        n = n < limit ? n : limit;
        reader->wrong |= reader->taken + n > reader->expected_bytes || memcmp(reader->expected + reader->taken, bytes, n) != 0;
        cursor_advance(&reader->cursor, &outbox, n);
        reader->taken += n;
        limit -= n;
    }
}

static void forget(struct reader readers[CLIENTS])
{
    size_t slowest = outbox.end;
    for (int c = 0; c < CLIENTS; c++)
        slowest = readers[c].cursor.at < slowest ? readers[c].cursor.at : slowest;
    outbox_forget(&outbox, slowest);
    for (int c = 0; c < CLIENTS; c++) {
        readers[c].cursor.at -= slowest;
        readers[c].cursor.piece_end -= slowest;
    }
}

// Clients that take whatever they please see what they asked for, framed as Docker frames it.
static void every_client_gets_its_own(void)
{
    struct reader readers[CLIENTS] = {0};
    for (int c = 0; c < CLIENTS; c++)
        readers[c].expected = malloc(EXPECTED_MAX);
    CHECK(outbox_open(&outbox) == 0);
    for (int round = 0; round < 3000; round++) {
        if (readers[0].expected_bytes < EXPECTED_MAX - OUTBOX_PIECE_MAX)
            add_piece(readers, random_below(2) ? STREAM_STDOUT : STREAM_STDERR, 1 + random_below(600));
        for (int c = 0; c < CLIENTS; c++)
            take(&readers[c], FLAGS[c], random_below(800));
        if (random_below(3) == 0)
            forget(readers);
    }
    for (int c = 0; c < CLIENTS; c++) {
        take(&readers[c], FLAGS[c], SIZE_MAX);
        CHECK(!readers[c].wrong);
        CHECK(readers[c].taken == readers[c].expected_bytes);
        CHECK(readers[c].cursor.at == outbox.end);
        free(readers[c].expected);
    }
    sys_munmap(outbox.base, outbox.capacity);
}

static void a_full_outbox_says_so_and_can_grow(void)
{
    CHECK(outbox_open(&outbox) == 0);
    int pieces = 0;
    while (outbox_room(&outbox)) {
        memset(outbox_room(&outbox), pieces, OUTBOX_PIECE_MAX);
        outbox_add(&outbox, STREAM_STDOUT, OUTBOX_PIECE_MAX);
        pieces++;
    }
    CHECK(pieces == 2);
    CHECK(outbox_grow(&outbox) == 0 && outbox_room(&outbox));
    struct cursor cursor = {0};
    const uint8_t *bytes;
    for (int i = 0; i < pieces; i++) {
        CHECK(cursor_peek(&cursor, &outbox, ATTACH_STDOUT, &bytes) == OUTBOX_PIECE_MAX);
        CHECK(bytes[0] == i && bytes[OUTBOX_PIECE_MAX - 1] == i);
        cursor_advance(&cursor, &outbox, OUTBOX_PIECE_MAX);
    }
    sys_munmap(outbox.base, outbox.capacity);
}

void test_outbox(void)
{
    RUN(every_client_gets_its_own);
    RUN(a_full_outbox_says_so_and_can_grow);
}

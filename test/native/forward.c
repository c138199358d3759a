#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../../native/shim/forward.h"
#include "check.h"

// 2026-02-03T04:05:06.007008009Z
#define MOMENT 1770091506007008009ull

static bool message_is(uint32_t kind, enum log_stream stream, const char *line, bool complete, const char *expected)
{
    struct forward_format format = {.format = kind,
                                    .facility = 3,
                                    .utc_offset_seconds = -5 * 3600,
                                    .pid = 42,
                                    .before = kind == FORWARD_FORMAT_JOURNAL ? "TAG=t\n" : "t ",
                                    .after = "] "};
    format.before_bytes = strlen(format.before);
    format.after_bytes = strlen(format.after);
    size_t n = strlen(line);
    // As much room as is promised to be enough: the sanitizer sees one byte more.
    char *into = malloc(forward_overhead(&format) + n);
    size_t length = forward_message(&format, (uint8_t *)into, stream, (const uint8_t *)line, n, complete, MOMENT);
    bool same = length == strlen(expected) && memcmp(into, expected, length) == 0;
    if (!same)
        printf("  %.*s\n", (int)length, into);
    free(into);
    return same;
}

static void messages_are_those_of_the_formats(void)
{
    // Local time where there is no zone, which may be another day.
    CHECK(message_is(FORWARD_FORMAT_UNIX, LOG_STDOUT, "x", true, "<30>Feb  2 23:05:06 t 42] x\n"));
    CHECK(message_is(FORWARD_FORMAT_RFC3164, LOG_STDERR, "x", false, "<27>Feb  2 23:05:06 t 42] x\n"));
    CHECK(message_is(FORWARD_FORMAT_RFC5424, LOG_STDOUT, "x y", true, "<30>1 2026-02-03T04:05:06Z t 42] x y\n"));
    CHECK(message_is(FORWARD_FORMAT_RFC5424_MICRO, LOG_STDOUT, "x", true, "<30>1 2026-02-03T04:05:06.007008Z t 42] x\n"));
    CHECK(message_is(FORWARD_FORMAT_RFC5424, LOG_STDOUT, "", true, ""));
    CHECK(message_is(FORWARD_FORMAT_JOURNAL, LOG_STDOUT, "", true,
                     "TAG=t\nPRIORITY=6\nSYSLOG_TIMESTAMP=2026-02-03T04:05:06.007008009Z\nMESSAGE=\n"));
    CHECK(message_is(FORWARD_FORMAT_JOURNAL, LOG_STDERR, "x", false,
                     "TAG=t\nPRIORITY=3\nSYSLOG_TIMESTAMP=2026-02-03T04:05:06.007008009Z\nCONTAINER_PARTIAL_MESSAGE=true\n"
                     "MESSAGE=x\n"));
}

// Messages of random lengths go in and out in turns; what comes out is what went in, whatever had to be moved.
static void a_queue_keeps_its_order(void)
{
    enum { CAPACITY = 64 << 10, MAX = 3000, ROUNDS = 20000 };
    void *memory = mmap(NULL, CAPACITY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct forward_queue queue = {.base = memory, .capacity = CAPACITY};
    uint32_t added = 0, removed = 0, refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = sizeof added + random_below(MAX);
        uint8_t *room = forward_queue_room(&queue, n);
        if (room) {
            memset(room, (uint8_t)added, n);
            memcpy(room, &added, sizeof added);
            forward_queue_add(&queue, n);
            added++;
        } else {
            refused++;
            // There was really no room.
            CHECK(forward_queue_used(&queue) + sizeof(uint32_t) + n > CAPACITY);
        }
        for (uint32_t out = random_below(i % 1000 < 500 ? 2 : 4); out > 0; out--) {
            size_t length;
            const uint8_t *first = forward_queue_first(&queue, &length);
            if (!first)
                break;
            CHECK(memcmp(first, &removed, sizeof removed) == 0);
            CHECK(length == sizeof removed || first[length - 1] == (uint8_t)removed);
            forward_queue_remove(&queue);
            removed++;
        }
    }
    CHECK(refused > 0 && removed > ROUNDS / 3);
    size_t length;
    for (; forward_queue_first(&queue, &length); removed++)
        forward_queue_remove(&queue);
    CHECK(added == removed && forward_queue_used(&queue) == 0);
    munmap(memory, CAPACITY);
}

void test_forward(void)
{
    RUN(messages_are_those_of_the_formats);
    RUN(a_queue_keeps_its_order);
}

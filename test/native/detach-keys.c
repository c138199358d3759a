#include <stdlib.h>

#include "../../native/shim/detach-keys.h"
#include "check.h"

static struct detach_keys keys_of(const char *keys)
{
    struct detach_keys made = {.count = (uint8_t)strlen(keys)};
    memcpy(made.keys, keys, made.count);
    return made;
}

// Feeds input in pieces of `size`; what passed is appended to `into`.
static bool feed(struct detach_keys *keys, const char *input, size_t size, char *into)
{
    size_t passed = 0, n = strlen(input);
    bool detached = false;
    for (size_t at = 0; at < n && !detached; at += size) {
        size_t piece = n - at < size ? n - at : size;
        uint8_t *out = malloc(piece + ATTACH_LIMITS_MAX_KEYS);
        size_t length = detach_keys_filter(keys, (const uint8_t *)input + at, piece, out, &detached);
        memcpy(into + passed, out, length);
        passed += length;
        free(out);
    }
    into[passed] = '\0';
    return detached;
}

static void expect(const char *sequence, const char *input, const char *passed, bool detached, uint8_t held)
{
    for (size_t size = 1; size <= strlen(input); size++) {
        struct detach_keys keys = keys_of(sequence);
        char got[256];
        CHECK(feed(&keys, input, size, got) == detached);
        CHECK(strcmp(got, passed) == 0);
        CHECK(keys.typed == held);
    }
}

static void the_sequence_detaches(void)
{
    expect("\x10\x11", "\x10\x11", "", true, 0);
    expect("\x10\x11", "ls\r\x10\x11rest", "ls\r", true, 0);
    expect("q", "abcq", "abc", true, 0);
    expect("aab", "xaab", "x", true, 0);
}

static void a_broken_sequence_is_passed_on(void)
{
    expect("\x10\x11", "\x10x", "\x10x", false, 0);
    expect("\x10\x11", "a\x10" "b\x10" "c", "a\x10" "b\x10" "c", false, 0);
    // Docker does not begin a new sequence with the key that broke the old one.
    expect("\x10\x11", "\x10\x10\x11", "\x10\x10\x11", false, 0);
    expect("\x10\x11", "\x10\x10\x10\x11", "\x10\x10", true, 0);
}

static void what_may_become_the_sequence_is_held_back(void)
{
    expect("\x10\x11", "ls\x10", "ls", false, 1);
    expect("abc", "xab", "x", false, 2);
}

static void without_keys_all_passes(void)
{
    expect("", "\x10\x11 anything", "\x10\x11 anything", false, 0);
}

void test_detach_keys(void)
{
    RUN(the_sequence_detaches);
    RUN(a_broken_sequence_is_passed_on);
    RUN(what_may_become_the_sequence_is_held_back);
    RUN(without_keys_all_passes);
}

#include <stdlib.h>

#include "../../native/shim/json.h"
#include "check.h"

// In memory of exactly the promised size: the sanitizer sees a byte too many.
static bool escapes_to(const char *from, size_t n, const char *expected)
{
    uint8_t *copy = malloc(n), *into = malloc(n * JSON_WORST_CASE);
    memcpy(copy, from, n);
    size_t length = json_escape(into, copy, n);
    bool same = length == strlen(expected) && memcmp(into, expected, length) == 0;
    free(copy);
    free(into);
    return same;
}
#define ESCAPES(from, expected) CHECK(escapes_to(from, sizeof from - 1, expected))

static void ascii(void)
{
    ESCAPES("plain text ~\x7f", "plain text ~\x7f");
    ESCAPES("\"\\/", "\\\"\\\\/");
    ESCAPES("\n\r", "\\n\\r");
    ESCAPES("\t\b\f\x01\x1b", "\\u0009\\u0008\\u000c\\u0001\\u001b");
    ESCAPES("a\0b", "a\\u0000b");
    ESCAPES("<a href=\"x\">&</a>", "\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u003c/a\\u003e");
}

static void valid_utf8_is_copied(void)
{
    ESCAPES("é – 漢字 😀", "é – 漢字 😀");
    ESCAPES("\xef\xbf\xbd", "\xef\xbf\xbd");
    ESCAPES("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf");
    ESCAPES("\xe2\x80\xa8|\xe2\x80\xa9|\xe2\x80\xaa", "\\u2028|\\u2029|\xe2\x80\xaa");
}

static void each_invalid_byte_is_replaced(void)
{
    ESCAPES("\x80", "\\ufffd");
    ESCAPES("a\xff\xfe" "b", "a\\ufffd\\ufffdb");
    ESCAPES("\xc3", "\\ufffd");
    ESCAPES("\xe6\xbc", "\\ufffd\\ufffd");
    ESCAPES("\xc0\xaf", "\\ufffd\\ufffd");             // overlong
    ESCAPES("\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd");  // overlong
    ESCAPES("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd");  // surrogate
    ESCAPES("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd");
    ESCAPES("\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd");
    ESCAPES("\xc3(", "\\ufffd(");
}

// Whatever comes in, what goes out is printable and within its bounds.
static void any_bytes(void)
{
    for (int round = 0; round < 5000; round++) {
        size_t n = random_below(64);
        uint8_t *from = malloc(n + 1), *into = malloc(n * JSON_WORST_CASE + 1);
        for (size_t i = 0; i < n; i++)
            from[i] = (uint8_t)next_random();
        size_t length = json_escape(into, from, n);
        bool clean = length <= n * JSON_WORST_CASE;
        for (size_t i = 0; i < length; i++)
            clean &= into[i] >= 0x20 && into[i] != '<' && into[i] != '>' && into[i] != '&';
        CHECK(clean);
        free(from);
        free(into);
    }
}

void test_json(void)
{
    RUN(ascii);
    RUN(valid_utf8_is_copied);
    RUN(each_invalid_byte_is_replaced);
    RUN(any_bytes);
}

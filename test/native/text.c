#include <stdio.h>
#include <time.h>

#include "../../native/shim/text.h"
#include "check.h"

static bool time_is(uint64_t epoch_ns, const char *expected)
{
    char bytes[64];
    struct text text = {.bytes = bytes, .capacity = sizeof bytes};
    text_time(&text, epoch_ns);
    return text_end(&text) && strcmp(bytes, expected) == 0;
}

static void times_have_the_digits_that_go_writes(void)
{
    CHECK(time_is(0, "1970-01-01T00:00:00Z"));
    CHECK(time_is(1000000000ull * 951827696, "2000-02-29T12:34:56Z"));
    CHECK(time_is(1000000000ull * 1136214245 + 999999999, "2006-01-02T15:04:05.999999999Z"));
    CHECK(time_is(1000000000ull * 1136214245 + 120000000, "2006-01-02T15:04:05.12Z"));
    CHECK(time_is(1000000000ull * 1136214245 + 1, "2006-01-02T15:04:05.000000001Z"));
    CHECK(time_is(1000000000ull * 4107542399, "2100-02-28T23:59:59Z"));
    CHECK(time_is(1000000000ull * 4107542400, "2100-03-01T00:00:00Z"));
}

static void dates_agree_with_libc(void)
{
    for (int i = 0; i < 20000; i++) {
        time_t seconds = (time_t)(((uint64_t)next_random() << 2) | random_below(4));
        struct tm civil;
        char expected[64];
        gmtime_r(&seconds, &civil);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &civil);
        if (!CHECK(time_is((uint64_t)seconds * 1000000000u, expected)))
            return;
    }
}

static void numbers_and_limits(void)
{
    char bytes[32];
    struct text text = {.bytes = bytes, .capacity = sizeof bytes};
    text_signed(&text, INT64_MIN);
    text_string(&text, " ");
    text_unsigned(&text, 0);
    CHECK(text_end(&text) && strcmp(bytes, "-9223372036854775808 0") == 0);

    struct text small = {.bytes = bytes, .capacity = 4};
    text_string(&small, "abcdef");
    CHECK(!text_end(&small) && strcmp(bytes, "abc") == 0);
}

void test_text(void)
{
    RUN(times_have_the_digits_that_go_writes);
    RUN(dates_agree_with_libc);
    RUN(numbers_and_limits);
}

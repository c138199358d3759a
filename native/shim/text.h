// Text put together in a fixed piece of memory, without stdio. What does not fit is cut off and remembered.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *bytes;
    size_t capacity;
    size_t length;
    bool cut;
};

void text_bytes(struct text *text, const void *bytes, size_t n);
void text_string(struct text *text, const char *string);
void text_unsigned(struct text *text, uint64_t value);
void text_signed(struct text *text, int64_t value);
// RFC 3339 in UTC with as many digits of the second as are not zero, as Go's time.RFC3339Nano.
void text_time(struct text *text, uint64_t epoch_ns);
// The same with exactly `digits` digits of the second, 0 to 6.
void text_time_digits(struct text *text, uint64_t epoch_ns, int digits);
// "Jan  2 15:04:05", RFC 3164, section 4.1.2.
void text_time_bsd(struct text *text, uint64_t epoch_seconds);
// Ends the text with a NUL, for the kernel. False when something was cut off.
bool text_end(struct text *text);

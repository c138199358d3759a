#include "json.h"

#include <stdbool.h>
#include <string.h>

static const char HEX[] = "0123456789abcdef";

// Bytes that stand for themselves.
static inline bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

static size_t escape_ascii(uint8_t *into, uint8_t byte)
{
    into[0] = '\\';
    switch (byte) {
    case '"':
    case '\\':
        into[1] = byte;
        return 2;
    case '\n':
        into[1] = 'n';
        return 2;
    case '\r':
        into[1] = 'r';
        return 2;
    default:
        memcpy(into + 1, "u00", 3);
        into[4] = (uint8_t)HEX[byte >> 4];
        into[5] = (uint8_t)HEX[byte & 15];
        return 6;
    }
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

// The length of the valid UTF-8 sequence at `from`, which begins with a byte from 0x80 on; 0: it is not valid.
// The Unicode Standard, table 3-7, "Well-Formed UTF-8 Byte Sequences".
static size_t sequence_length(const uint8_t *from, size_t n)
{
    uint8_t first = from[0];
    if (first >= 0xc2 && first <= 0xdf)
        return n >= 2 && is_continuation(from[1]) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (n < 3 || !is_continuation(from[1]) || !is_continuation(from[2]))
            return 0;
        bool overlong = first == 0xe0 && from[1] < 0xa0, surrogate = first == 0xed && from[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (n < 4 || !is_continuation(from[1]) || !is_continuation(from[2]) || !is_continuation(from[3]))
            return 0;
        bool overlong = first == 0xf0 && from[1] < 0x90, too_large = first == 0xf4 && from[1] > 0x8f;
        return overlong || too_large ? 0 : 4;
    }
    return 0;
}

size_t json_escape(uint8_t *into, const uint8_t *from, size_t n)
{
    uint8_t *at = into;
    for (size_t i = 0; i < n;) {
        if (is_plain(from[i])) {
            *at++ = from[i++];
            continue;
        }
        if (from[i] < 0x80) {
            at += escape_ascii(at, from[i++]);
            continue;
        }
        size_t length = sequence_length(from + i, n - i);
        if (length == 0) {
            memcpy(at, "\\ufffd", 6);
            at += 6;
            i++;
        } else if (length == 3 && from[i] == 0xe2 && from[i + 1] == 0x80 && (from[i + 2] | 1) == 0xa9) {
            // U+2028 and U+2029 end a line in JavaScript.
            memcpy(at, from[i + 2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
            at += 6;
            i += 3;
        } else {
            memcpy(at, from + i, length);
            at += length;
            i += length;
        }
    }
    return (size_t)(at - into);
}

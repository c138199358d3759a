#include "detach-keys.h"

#include <string.h>

size_t detach_keys_filter(struct detach_keys *keys, const uint8_t *from, size_t n, uint8_t *into, bool *detached)
{
    size_t length = 0;
    *detached = false;
    for (size_t i = 0; i < n; i++) {
        if (keys->count > 0 && from[i] == keys->keys[keys->typed]) {
            if (++keys->typed < keys->count)
                continue;
            keys->typed = 0;
            *detached = true;
            return length;
        }
        // As with Docker: the key that breaks the sequence is passed on, it does not begin a new one.
        memcpy(into + length, keys->keys, keys->typed);
        length += keys->typed;
        keys->typed = 0;
        into[length++] = from[i];
    }
    return length;
}

// The keys that, typed one after the other, disconnect a client (docker's --detach-keys).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../generated/abi.h"

struct detach_keys {
    uint8_t count;
    // How many of them were typed just now, and are held back.
    uint8_t typed;
    uint8_t keys[ATTACH_LIMITS_MAX_KEYS];
};

// Copies input without the keys; `into` has room for n + ATTACH_LIMITS_MAX_KEYS bytes. Returns how many bytes it got, and
// in *detached whether the sequence was completed: what follows it is dropped.
size_t detach_keys_filter(struct detach_keys *keys, const uint8_t *from, size_t n, uint8_t *into, bool *detached);

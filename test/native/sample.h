// A small program in the encoded form, to be run and to be damaged.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Opens /dev/null, writes to it by a slot, fails at closing -1 (tolerated), writes by an iovec whose pointer is linked,
// and reads a slot's value out of its data. In memory of exactly its size, to be freed.
void *sample_program(size_t *bytes);

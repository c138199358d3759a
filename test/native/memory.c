// The shim's own memcpy and its kin, under other names beside libc's.
#include <string.h>

#define memcpy own_memcpy
#define memmove own_memmove
#define memset own_memset
#define memcmp own_memcmp
#define strlen own_strlen
void *own_memcpy(void *restrict to, const void *restrict from, size_t n);
void *own_memmove(void *to, const void *from, size_t n);
void *own_memset(void *to, int byte, size_t n);
int own_memcmp(const void *left, const void *right, size_t n);
size_t own_strlen(const char *text);
#include "../../native/freestanding/memory.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen

#include "check.h"

enum { AREA = 1500 };

static uint8_t area[AREA], expected[AREA];

static void fill_areas(void)
{
    for (int i = 0; i < AREA; i++)
        area[i] = expected[i] = (uint8_t)next_random();
}

static void moves_overlap_as_libc_has_them(void)
{
    for (int round = 0; round < 20000; round++) {
        // Distances around a word's, lengths around the limit of the processor's own copying.
        size_t n = random_below(2) ? random_below(64) : random_below(700);
        size_t from = random_below((uint32_t)(AREA - 64 - n)) + 32;
        size_t to = from + random_below(64) - 32;
        fill_areas();
        own_memmove(area + to, area + from, n);
        memmove(expected + to, expected + from, n);
        if (!CHECK(memcmp(area, expected, AREA) == 0))
            return;
    }
}

static void copies_and_fills(void)
{
    for (int round = 0; round < 5000; round++) {
        size_t n = random_below(AREA / 2), from = random_below((uint32_t)(AREA / 2 - n)), to = AREA / 2 + from;
        int byte = (int)random_below(256);
        fill_areas();
        CHECK(own_memcpy(area + to, area + from, n) == area + to);
        memcpy(expected + to, expected + from, n);
        CHECK(own_memset(area + from, byte, n) == area + from);
        memset(expected + from, byte, n);
        if (!CHECK(memcmp(area, expected, AREA) == 0))
            return;
    }
}

static void compares_and_measures(void)
{
    CHECK(own_memcmp("abc", "abd", 3) < 0 && own_memcmp("abd", "abc", 3) > 0);
    CHECK(own_memcmp("abc", "abd", 2) == 0 && own_memcmp("\xff", "\x01", 1) > 0);
    CHECK(own_strlen("") == 0 && own_strlen("skiff") == 5);
}

void test_memory(void)
{
    RUN(moves_overlap_as_libc_has_them);
    RUN(copies_and_fills);
    RUN(compares_and_measures);
}

// What the compiler itself calls where there is no libc.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Below this many bytes a loop of words is faster than the processor's own copying.
enum { LARGE = 256 };

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

// Forwards. Right too where the target overlaps the source's beginning and lies at least a word before it.
static void copy(char *to, const char *from, size_t n)
{
#if defined(__x86_64__)
    if (n >= LARGE) {
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
        return;
    }
#endif
    for (; n >= sizeof(word); n -= sizeof(word), to += sizeof(word), from += sizeof(word))
        *(word *)to = *(const word *)from;
    while (n-- > 0)
        *to++ = *from++;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    copy(to, from, n);
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    char *target = to;
    const char *source = from;
    if (target >= source + n || target + sizeof(word) <= source)
        copy(target, source, n);
    else if (target <= source)
        for (size_t i = 0; i < n; i++)
            target[i] = source[i];
    else
        while (n-- > 0)
            target[n] = source[n];
    return to;
}

void *memset(void *to, int byte, size_t n)
{
#if defined(__x86_64__)
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
#else
    for (char *at = to; n > 0; n--)
        *at++ = (char)byte;
#endif
    return to;
}

int memcmp(const void *left, const void *right, size_t n)
{
    const unsigned char *a = left, *b = right;
    for (; n > 0; n--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

size_t strlen(const char *text)
{
    const char *end = text;
    while (*end)
        end++;
    return (size_t)(end - text);
}

// clock_gettime(2) by way of the vDSO, see vdso(7): found by its symbol's GNU hash (System V ABI, "DT_GNU_HASH").
#include "../kernel/clock.h"

#include <elf.h>
#include <string.h>
#include <time.h>

#include "../kernel/sys.h"
#include "program.h"

#if defined(__x86_64__)
#define CLOCK_SYMBOL "__vdso_clock_gettime"
#else
#define CLOCK_SYMBOL "__kernel_clock_gettime"
#endif

typedef int clock_function(clockid_t, struct timespec *);

static clock_function *vdso_clock;

struct symbols {
    const Elf64_Sym *table;
    const char *names;
    const uint32_t *hash;
};

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static const Elf64_Sym *find_symbol(struct symbols symbols, const char *name)
{
    uint32_t bucket_count = symbols.hash[0], first_hashed = symbols.hash[1], bloom_words = symbols.hash[2];
    const uint32_t *buckets = symbols.hash + 4 + bloom_words * 2;
    const uint32_t *chains = buckets + bucket_count;
    uint32_t wanted = gnu_hash(name);
    for (uint32_t index = buckets[wanted % bucket_count]; index >= first_hashed; index++) {
        uint32_t hash = chains[index - first_hashed];
        const char *found = symbols.names + symbols.table[index].st_name;
        if ((hash | 1) == (wanted | 1) && strlen(found) == strlen(name) && memcmp(found, name, strlen(name)) == 0)
            return &symbols.table[index];
        if (hash & 1)
            break;
    }
    return NULL;
}

void clock_find(const void *vdso)
{
    const Elf64_Ehdr *header = vdso;
    const Elf64_Phdr *segments = (const void *)((const char *)vdso + header->e_phoff);
    const char *base = NULL;
    const Elf64_Dyn *dynamic = NULL;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD)
            base = (const char *)vdso + segments[i].p_offset - segments[i].p_vaddr;
        if (segments[i].p_type == PT_DYNAMIC)
            dynamic = (const void *)((const char *)vdso + segments[i].p_offset);
    }
    if (!base || !dynamic)
        return;
    struct symbols symbols = {NULL, NULL, NULL};
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        const void *value = base + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB)
            symbols.table = value;
        else if (dynamic->d_tag == DT_STRTAB)
            symbols.names = value;
        else if (dynamic->d_tag == DT_GNU_HASH)
            symbols.hash = value;
    }
    if (!symbols.table || !symbols.names || !symbols.hash)
        return;
    const Elf64_Sym *symbol = find_symbol(symbols, CLOCK_SYMBOL);
    if (symbol)
        vdso_clock = (clock_function *)(uintptr_t)(base + symbol->st_value);
}

static uint64_t read_clock(int clock)
{
    struct timespec now = {0, 0};
    if (!vdso_clock || vdso_clock(clock, &now) != 0)
        sys_clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_realtime_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

// NAME → NAME.1 → NAME.2 … The daemon may have compressed older ones to NAME.N.gz: they move along.
#include <errno.h>
#include <fcntl.h>

#include "../kernel/sys.h"
#include "log.h"
#include "text.h"

enum { NAME_BYTES = LOG_LIMITS_MAX_NAME + 32 };

static void numbered(char *into, const char *name, uint32_t number, const char *suffix)
{
    struct text text = {.bytes = into, .capacity = NAME_BYTES};
    text_string(&text, name);
    if (number > 0) {
        text_string(&text, ".");
        text_unsigned(&text, number);
        text_string(&text, suffix);
    }
    text_end(&text);
}

static void shift(int folder, const char *name, uint32_t number, const char *suffix)
{
    char from[NAME_BYTES], to[NAME_BYTES];
    numbered(from, name, number, suffix);
    numbered(to, name, number + 1, suffix);
    // Gaps are normal: there are as many files as were needed so far.
    sys_renameat(folder, from, to);
}

int log_rotate(int folder, const char *name, uint32_t max_files)
{
    char last[NAME_BYTES];
    for (uint32_t number = max_files; number-- > 1;) {
        if (number == max_files - 1) {
            numbered(last, name, number, "");
            sys_unlinkat(folder, last);
            numbered(last, name, number, ".gz");
            sys_unlinkat(folder, last);
        } else {
            shift(folder, name, number, "");
            shift(folder, name, number, ".gz");
        }
    }
    if (max_files > 1)
        shift(folder, name, 0, "");
    return (int)sys_openat(folder, name, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
}

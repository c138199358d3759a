// NAME → NAME.1 → NAME.2 … The daemon may have compressed older ones to NAME.N.gz: they move along. It renames a compressed
// file into its place under a lock on the folder (src/containers/logs/compress.ts): names must not move meanwhile. Who finds
// the lock taken does not wait, since the other may have been stopped; the file grows a little longer.
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

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

static void shift_all(int folder, const char *name, uint32_t max_files)
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
    shift(folder, name, 0, "");
}

int log_rotate(int folder, const char *name, uint32_t max_files)
{
    if (max_files > 1) {
        long error = sys_flock(folder, LOCK_EX | LOCK_NB);
        if (error < 0)
            return (int)error;
        shift_all(folder, name, max_files);
        sys_flock(folder, LOCK_UN);
    }
    return (int)sys_openat(folder, name, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
}

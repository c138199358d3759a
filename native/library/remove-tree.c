// Deletes a small folder in one go, for a thread of libuv's pool: Node's rm() comes back to JavaScript after each system call.
#define _GNU_SOURCE
#include <errno.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>

enum { OPEN_FOLDERS = 8 };

int64_t skiff_remove_tree(const char *path, int32_t most);

static __thread int32_t left;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    if (left-- == 0)
        return E2BIG;
    return remove(path) == 0 ? 0 : errno;
}

// Returns 0, or -errno with something of it still there; -E2BIG after `most` entries. Links are not followed.
int64_t skiff_remove_tree(const char *path, int32_t most)
{
    left = most;
    int result = nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    return result == -1 ? -errno : -result;
}

// What is in a folder, with the status of each: one way from JavaScript to the kernel for a hundred files.
//
// Records lie one behind the other, each at a multiple of eight bytes: struct statx, then the name and a NUL.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// struct linux_dirent64 of getdents64(2): an entry takes 24 bytes at least.
enum { LISTING_BYTES = 8192, SMALLEST_ENTRY = 24, RECORD_OVERHEAD = sizeof(struct statx) + 8 };

// Whatever one listing says fits into so many bytes.
enum { ROOM = LISTING_BYTES / SMALLEST_ENTRY * RECORD_OVERHEAD + LISTING_BYTES };

struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

int64_t skiff_scan_folder(int folder, uint8_t *records, int64_t size);

static bool is_self_or_parent(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

// Returns the size of the record; 0 if there is no such file any more, or -errno.
static int64_t write_record(int folder, const char *name, uint8_t *record)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC;
    if (statx(folder, name, flags, STATX_BASIC_STATS, (struct statx *)record) == -1)
        return errno == ENOENT ? 0 : -errno;
    size_t length = strlen(name) + 1;
    memcpy(record + sizeof(struct statx), name, length);
    return (int64_t)((sizeof(struct statx) + length + 7) & ~(size_t)7);
}

// Writes records of the next files of an open folder, `.` and `..` left out. Returns how many bytes they take, 0 at the end of
// the folder, or -errno: EINVAL if there is not enough room for them in any case.
int64_t skiff_scan_folder(int folder, uint8_t *records, int64_t size)
{
    if (size < ROOM)
        return -EINVAL;
    _Alignas(struct entry) char listing[LISTING_BYTES];
    int64_t used = 0;
    // Once more, if all that was listed has gone since.
    while (used == 0) {
        long listed = syscall(SYS_getdents64, folder, listing, sizeof listing);
        if (listed <= 0)
            return listed == -1 ? -errno : 0;
        for (long at = 0; at < listed;) {
            const struct entry *entry = (const struct entry *)(listing + at);
            at += entry->length;
            if (is_self_or_parent(entry->name))
                continue;
            int64_t record = write_record(folder, entry->name, records + used);
            if (record < 0)
                return record;
            used += record;
        }
    }
    return used;
}

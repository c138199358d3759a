// Replaces a small file so that it survives a power cut, in one go, for a thread of libuv's pool: Node comes back to JavaScript
// after each of the eight system calls, and to wake a thread takes longer than most of them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int64_t skiff_replace_durably(const char *temporary, const char *path, const char *folder, const void *data, int64_t size,
                              int32_t mode);

static int write_all(int fd, const char *data, int64_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, (size_t)size);
        if (written == -1 && errno == EINTR)
            continue;
        if (written == -1)
            return -1;
        data += written;
        size -= written;
    }
    return 0;
}

// Closes it, whatever has become of it. Leaves errno as the first failure has set it.
static int finish(int fd, int result)
{
    int error = errno;
    if (close(fd) == -1 && result == 0)
        return -1;
    errno = error;
    return result;
}

static int write_new(const char *path, const void *data, int64_t size, int32_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd == -1)
        return -1;
    return finish(fd, write_all(fd, data, size) == 0 && fsync(fd) == 0 ? 0 : -1);
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd == -1 ? -1 : finish(fd, fsync(fd));
}

// Returns 0, or -errno with the old file, or none, at `path`; except that a folder which cannot be synced may have the new one.
int64_t skiff_replace_durably(const char *temporary, const char *path, const char *folder, const void *data, int64_t size,
                              int32_t mode)
{
    if (write_new(temporary, data, size, mode) == -1 || rename(temporary, path) == -1) {
        int error = errno;
        if (error != EEXIST)
            unlink(temporary);
        return -error;
    }
    return sync_folder(folder) == 0 ? 0 : -errno;
}

// Folders made and removed and files of the kernel's written in one go, for a thread of libuv's pool: a container's groups on cgroup v1
// take forty system calls, and Node comes back to JavaScript after each of them.
//
// Steps are NUL-terminated, one after the other, without the spaces shown here after the letter:
//
//     m MODE PATH   mkdir(2), MODE in octal digits; the umask takes from it
//     r PATH        rmdir(2); what is not there is removed
//     o PATH        open(2) for writing, in the place of the file that was opened before
//     w VALUE       write(2), once, to that file
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t skiff_file_steps(const char *steps, int64_t length, int32_t *done);

static int make_folder(const char *mode_and_path)
{
    char *end;
    mode_t mode = (mode_t)strtoul(mode_and_path, &end, 8);
    return mkdir(end + 1, mode);
}

static int open_next(int *file, const char *path)
{
    if (*file != -1)
        close(*file);
    *file = open(path, O_WRONLY | O_CLOEXEC);
    return *file == -1 ? -1 : 0;
}

static int take_step(const char *step, int *file)
{
    const char *rest = step + 1;
    switch (*step) {
    case 'm':
        return make_folder(rest);
    case 'r':
        return rmdir(rest) == 0 || errno == ENOENT ? 0 : -1;
    case 'o':
        return open_next(file, rest);
    case 'w':
        return write(*file, rest, strlen(rest)) == -1 ? -1 : 0;
    default:
        errno = EINVAL;
        return -1;
    }
}

// Returns 0, or the -errno of the step that failed; no other is taken after it. `done` tells how many succeeded.
int64_t skiff_file_steps(const char *steps, int64_t length, int32_t *done)
{
    int file = -1;
    int64_t result = 0;
    *done = 0;
    for (const char *step = steps; step < steps + length && result == 0; step += strlen(step) + 1) {
        if (take_step(step, &file) == -1)
            result = -errno;
        else
            ++*done;
    }
    if (file != -1)
        close(file);
    return result;
}

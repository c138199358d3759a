// Starts a program without copying the caller's page tables: as vfork(2), but from an open file, with descriptors of one's
// choice, and safe in a process that has threads and signal handlers.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdint.h>
#include <sys/wait.h>

#include "../kernel/sys.h"

enum { STACK_BYTES = 16384, FIRST_FD = 3, MAX_FDS = 2048, MAX_ARGUMENTS = 8 };

struct spawn {
    int executable;
    int32_t *fds;
    int fd_count;
    char *argv[MAX_ARGUMENTS + 1];
    // Written by the child, which shares this memory with us.
    long error;
};

int64_t skiff_spawn(int executable, int32_t *fds, int fd_count, char *arguments, int argument_count);

// Gives the child /dev/null as 0 to 2 and `fds` from 3 on. All are first copied beyond the places that they shall take, so
// that none is overwritten before its turn.
static long place_fds(struct spawn *spawn)
{
    int beyond = FIRST_FD + spawn->fd_count;
    long executable = sys_fcntl(spawn->executable, F_DUPFD_CLOEXEC, beyond);
    if (executable < 0)
        return executable;
    spawn->executable = (int)executable;
    for (int i = 0; i < spawn->fd_count; i++) {
        long copy = sys_fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, beyond);
        if (copy < 0)
            return copy;
        spawn->fds[i] = (int32_t)copy;
    }
    for (int i = 0; i < spawn->fd_count; i++)
        sys_dup3(spawn->fds[i], FIRST_FD + i, 0);
    long null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    if (null < 0)
        return null;
    for (int fd = 0; fd < FIRST_FD; fd++)
        if (fd != null)
            sys_dup3((int)null, fd, 0);
    return sys_close_range((unsigned)beyond, ~0u, CLOSE_RANGE_CLOEXEC);
}

// Runs in the caller's memory while the caller waits: it may change nothing there but `spawn`.
static int child(void *argument)
{
    struct spawn *spawn = argument;
    char *const environment[] = {NULL};
    long error = place_fds(spawn);
    if (error >= 0)
        error = sys5(__NR_execveat, spawn->executable, (long)"", (long)spawn->argv, (long)environment, AT_EMPTY_PATH);
    spawn->error = error;
    sys_exit(127);
}

// Returns the child's pid, or -errno when it could not be executed. It begins with all signals blocked and an empty
// environment. `fds` are clobbered; `arguments` are NUL-terminated strings, one after the other.
int64_t skiff_spawn(int executable, int32_t *fds, int fd_count, char *arguments, int argument_count)
{
    if (fd_count < 0 || fd_count > MAX_FDS || argument_count < 1 || argument_count > MAX_ARGUMENTS)
        return -EINVAL;
    struct spawn spawn = {.executable = executable, .fds = fds, .fd_count = fd_count};
    for (int i = 0; i < argument_count; i++) {
        spawn.argv[i] = arguments;
        while (*arguments++)
            ;
    }
    // A handler of ours that ran in the child would run in our memory: until its exec it gets no signals.
    const kernel_sigset all = ALL_SIGNALS;
    kernel_sigset before;
    _Alignas(16) char stack[STACK_BYTES];
    sys_sigprocmask(SIG_SETMASK, &all, &before);
    int pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &spawn);
    int error = errno;
    if (pid > 0 && spawn.error < 0)
        while (sys_wait(pid, NULL, __WALL) == -EINTR)
            ;
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return -error;
    return spawn.error < 0 ? spawn.error : pid;
}

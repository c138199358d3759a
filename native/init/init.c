// skiff-init: PID 1 of a container started with --init. Runs its arguments as a child, hands signals on to it, reaps
// whatever is orphaned, and ends as the child ends.
#include <errno.h>
#include <stdbool.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "../freestanding/program.h"
#include "../kernel/sys.h"

enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127, LAST_SIGNAL = 64, STDIN = 0 };

// Job control stops a process that reads or writes a terminal in the background: that must not happen to PID 1.
static const int IGNORED[] = {SIGTTIN, SIGTTOU};

static void set_action(int signal, void (*handler)(int))
{
    const struct kernel_sigaction action = {.handler = handler};
    sys_sigaction(signal, &action);
}

static long search_path(char **argv, char **envp)
{
    const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (char **entry = envp; *entry; entry++)
        if ((*entry)[0] == 'P' && (*entry)[1] == 'A' && (*entry)[2] == 'T' && (*entry)[3] == 'H' && (*entry)[4] == '=')
            path = *entry + 5;
    long error = -ENOENT;
    while (*path) {
        char file[4096];
        size_t n = 0;
        for (; *path && *path != ':'; path++)
            if (n < sizeof file - 1)
                file[n++] = *path;
        if (*path)
            path++;
        if (n > 0 && n < sizeof file - 1)
            file[n++] = '/';
        for (const char *name = argv[0]; *name && n < sizeof file - 1; name++)
            file[n++] = *name;
        file[n] = '\0';
        long result = sys3(__NR_execve, (long)file, (long)argv, (long)envp);
        // Found, but not executable: said, unless a later folder has one that is.
        if (result == -EACCES)
            error = result;
        else if (result != -ENOENT && result != -ENOTDIR)
            return result;
    }
    return error;
}

static _Noreturn void be_child(char **argv, char **envp, const kernel_sigset *mask)
{
    // A process group of its own, in the terminal's foreground: ^C goes to it, and not to init as well.
    pid_t self = (pid_t)sys_getpid();
    sys2(__NR_setpgid, 0, 0);
    sys_ioctl(STDIN, TIOCSPGRP, &self);
    for (size_t i = 0; i < sizeof IGNORED / sizeof IGNORED[0]; i++)
        set_action(IGNORED[i], SIG_DFL);
    sys_sigprocmask(SIG_SETMASK, mask, NULL);

    bool is_path = false;
    for (const char *at = argv[0]; *at; at++)
        is_path |= *at == '/';
    long error = is_path ? sys3(__NR_execve, (long)argv[0], (long)argv, (long)envp) : search_path(argv, envp);
    sys_exit(error == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
}

// Reaps all that have ended; ends init when its child is among them.
static void reap(long child)
{
    for (;;) {
        int status;
        long pid = sys_wait(-1, &status, WNOHANG | __WALL);
        if (pid <= 0)
            return;
        if (pid == child)
            sys_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
}

int main(int argc, char **argv, char **envp)
{
    // "--" ends the options, of which there are none: Docker's own init is called like that.
    char **command = argv + 1;
    if (argc > 1 && command[0][0] == '-' && command[0][1] == '-' && command[0][2] == '\0')
        command++;
    if (!*command)
        return EXIT_NOT_FOUND;
    // Blocked signals wait to be fetched; init itself is never interrupted. The kernel's own faults are not held back.
    const kernel_sigset faults = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1) | 1ull << (SIGFPE - 1) | 1ull << (SIGILL - 1) |
                                 1ull << (SIGTRAP - 1) | 1ull << (SIGABRT - 1) | 1ull << (SIGSYS - 1);
    const kernel_sigset fetched = ALL_SIGNALS & ~faults & ~(1ull << (SIGTTIN - 1)) & ~(1ull << (SIGTTOU - 1));
    kernel_sigset before;
    sys_sigprocmask(SIG_SETMASK, &fetched, &before);
    for (size_t i = 0; i < sizeof IGNORED / sizeof IGNORED[0]; i++)
        set_action(IGNORED[i], SIG_IGN);

    long child = sys5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        be_child(command, envp, &before);
    if (child < 0)
        return EXIT_CANNOT_EXECUTE;
    for (;;) {
        siginfo_t info;
        long signal = sys4(__NR_rt_sigtimedwait, (long)&fetched, (long)&info, 0, sizeof fetched);
        if (signal == SIGCHLD)
            reap(child);
        else if (signal > 0)
            sys_kill((pid_t)child, (int)signal);
    }
}

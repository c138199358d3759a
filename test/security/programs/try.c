/*
 * One attempt at something that a container must not do: prints `ok`, or the name of the error. What succeeds has no effect
 * beyond this process, except for a node that mknod makes (it is removed again) and a mount.
 *
 *   try open PATH r|w               opens what is there, without truncating or writing it
 *   try mknod b|c MAJOR MINOR       makes a device node and opens it for reading
 *   try unshare user|mnt|pid|…      a new namespace
 *   try clone3 user                 the same by the newer call, whose arguments a seccomp filter cannot see
 *   try setns PATH                  somebody else's namespace
 *   try connect NAME                an abstract socket, whose name may be padded with zeroes
 *   try mount FSTYPE DATA TARGET    a file system
 *   try key NAME                    finds a key of type user from the session keyring on
 *   try joinkeys NAME               joins the session keyring of that name, and looks for a key in it
 *   try addkey NAME                 adds a key to the session keyring
 *   try ptrace PID                  attaches to a process
 *   try handle PATH                 opens by a file handle, past any mount (CAP_DAC_READ_SEARCH; "shocker")
 *   try push                        pushes input into the controlling terminal (TIOCSTI)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static long try_open(char **argv)
{
    return open(argv[0], (*argv[1] == 'w' ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY);
}

static long try_mknod(char **argv)
{
    const char *path = "/tmp/attack-node";
    unlink(path);
    mode_t type = *argv[0] == 'b' ? S_IFBLK : S_IFCHR;
    if (mknod(path, type | 0600, makedev((unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]))) < 0)
        return -1;
    long result = open(path, O_RDONLY | O_NONBLOCK);
    int error = errno;
    unlink(path);
    errno = error;
    return result;
}

static int clone_flag(const char *name)
{
    static const struct {
        const char *name;
        int flag;
    } table[] = {
        {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},   {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET},
        {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].flag;
    exit(2);
}

static long try_unshare(char **argv)
{
    return unshare(clone_flag(argv[0]));
}

static long try_clone3(char **argv)
{
    struct clone_args arguments = {.flags = (unsigned)clone_flag(argv[0]), .exit_signal = SIGCHLD};
    long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0)
        _exit(0);
    return child;
}

static long try_setns(char **argv)
{
    int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : setns(fd, 0);
}

static long try_connect(char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path + 1, argv[0], sizeof address.sun_path - 2);
    socklen_t exact = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[0]));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, exact) == 0)
        return 0;
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static long try_mount(char **argv)
{
    return mount("none", argv[2], argv[0], 0, argv[1]);
}

static long try_key(char **argv)
{
    return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", argv[0], 0);
}

static long try_joinkeys(char **argv)
{
    return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, argv[0]);
}

static long try_addkey(char **argv)
{
    return syscall(SYS_add_key, "user", argv[0], "x", 1, KEY_SPEC_SESSION_KEYRING);
}

static long try_ptrace(char **argv)
{
    return ptrace(PTRACE_ATTACH, atoi(argv[0]), 0, 0);
}

static long try_handle(char **argv)
{
    struct {
        struct file_handle header;
        unsigned char bytes[128];
    } handle = {.header.handle_bytes = 128};
    int mount_id, mount_fd = open(argv[0], O_RDONLY);
    if (mount_fd < 0 || name_to_handle_at(AT_FDCWD, argv[0], &handle.header, &mount_id, 0) < 0)
        return -1;
    return open_by_handle_at(mount_fd, &handle.header, O_RDONLY);
}

static long try_push(char **argv)
{
    (void)argv;
    int tty = open("/dev/tty", O_RDWR);
    return tty < 0 ? -1 : ioctl(tty, TIOCSTI, "x");
}

static const struct {
    const char *name;
    int arguments;
    long (*run)(char **);
} attempts[] = {
    {"open", 2, try_open},       {"mknod", 3, try_mknod},       {"unshare", 1, try_unshare}, {"clone3", 1, try_clone3},
    {"setns", 1, try_setns},     {"connect", 1, try_connect},   {"mount", 3, try_mount},     {"key", 1, try_key},
    {"joinkeys", 1, try_joinkeys}, {"addkey", 1, try_addkey},   {"ptrace", 1, try_ptrace},   {"handle", 1, try_handle},
    {"push", 0, try_push},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof attempts / sizeof *attempts; i++) {
        if (strcmp(attempts[i].name, argv[1]) != 0 || argc - 2 != attempts[i].arguments)
            continue;
        long result = attempts[i].run(argv + 2);
        puts(result < 0 ? strerrorname_np(errno) : "ok");
        return 0;
    }
    fprintf(stderr, "try: no such attempt\n");
    return 2;
}

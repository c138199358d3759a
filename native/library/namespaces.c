// Namespaces made, or worked in, by one call. setns(2) moves the calling thread, and JavaScript must never stand in a foreign
// namespace: each function here goes there and comes back, and a process that cannot come back is not worth going on.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "../kernel/sys.h"

int64_t skiff_make_network_namespace(void);
int64_t skiff_make_network_namespace_of(int userns);
int64_t skiff_make_user_namespace(const char *uid_map, const char *gid_map);
int64_t skiff_socket_in_network_namespace(int netns, int domain, int type, int protocol);

static long open_own(void)
{
    return sys_openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0);
}

static void come_back(int home)
{
    if (sys2(__NR_setns, home, CLONE_NEWNET) < 0)
        abort();
    sys_close(home);
}

// netdevice(7). Shell: `ip link set lo up`
static long raise_loopback(void)
{
    long socket = sys3(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0)
        return socket;
    struct ifreq request = {.ifr_flags = IFF_UP};
    strcpy(request.ifr_name, "lo");
    long error = sys_ioctl((int)socket, SIOCSIFFLAGS, &request);
    sys_close((int)socket);
    return error;
}

// A new network namespace with its loopback up, held by the descriptor that is returned.
int64_t skiff_make_network_namespace(void)
{
    long home = open_own();
    if (home < 0)
        return home;
    long error = sys1(__NR_unshare, CLONE_NEWNET);
    if (error < 0) {
        sys_close((int)home);
        return error;
    }
    long netns = raise_loopback();
    if (netns >= 0)
        netns = open_own();
    come_back((int)home);
    return netns;
}

// socket(2), made in the namespace that `netns` is a descriptor of.
int64_t skiff_socket_in_network_namespace(int netns, int domain, int type, int protocol)
{
    long home = open_own();
    if (home < 0)
        return home;
    long error = sys2(__NR_setns, netns, CLONE_NEWNET);
    if (error < 0) {
        sys_close((int)home);
        return error;
    }
    long socket = sys3(__NR_socket, domain, type, protocol);
    come_back((int)home);
    return socket;
}

// What a child does for us in a namespace that a thread cannot enter; it shares our memory and our descriptors.
struct errand {
    int (*run)(struct errand *errand);
    int userns;
    int gate;
    long result;
};

enum { STACK_BYTES = 16384 };

static int run_errand(void *argument)
{
    struct errand *errand = argument;
    sys_exit(errand->run(errand));
}

// Returns the child's pid, or -errno. A process, not a thread: setns(2) refuses threads a user namespace.
static long send_child(struct errand *errand, unsigned char *stack, int flags)
{
    // A handler of ours that ran in the child would run in our memory.
    const kernel_sigset all = ALL_SIGNALS;
    kernel_sigset before;
    sys_sigprocmask(SIG_SETMASK, &all, &before);
    // No signal at its end: it is nobody's business but ours.
    long pid = clone(run_errand, stack + STACK_BYTES, CLONE_VM | CLONE_FILES | flags, errand);
    long error = pid < 0 ? -errno : 0;
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
    return error < 0 ? error : pid;
}

static void await_child(long pid)
{
    while (sys_wait((int)pid, NULL, __WALL) == -EINTR)
        ;
}

static int make_network(struct errand *errand)
{
    long error = sys2(__NR_setns, errand->userns, CLONE_NEWUSER);
    if (error >= 0)
        error = sys1(__NR_unshare, CLONE_NEWNET);
    if (error >= 0)
        error = raise_loopback();
    errand->result = error >= 0 ? open_own() : error;
    return 0;
}

// The same as skiff_make_network_namespace, owned by a user namespace: its root may do there what root may do.
int64_t skiff_make_network_namespace_of(int userns)
{
    _Alignas(16) unsigned char stack[STACK_BYTES];
    struct errand errand = {.run = make_network, .userns = userns, .result = -ECANCELED};
    long pid = send_child(&errand, stack, CLONE_VFORK);
    if (pid < 0)
        return pid;
    await_child(pid);
    return errand.result;
}

static int wait_at_gate(struct errand *errand)
{
    char byte;
    return sys_read(errand->gate, &byte, sizeof byte) < 0;
}

static long write_map(long pid, const char *name, const char *map)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    long file = sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (file < 0)
        return file;
    long written = sys3(__NR_write, file, (long)map, (long)strlen(map));
    sys_close((int)file);
    return written;
}

static long open_mapped(long pid, const char *uid_map, const char *gid_map)
{
    long error = write_map(pid, "uid_map", uid_map);
    if (error >= 0)
        error = write_map(pid, "gid_map", gid_map);
    if (error < 0)
        return error;
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/ns/user", pid);
    return sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

// A user namespace with these maps (user_namespaces(7)), held by the descriptor that is returned.
int64_t skiff_make_user_namespace(const char *uid_map, const char *gid_map)
{
    _Alignas(16) unsigned char stack[STACK_BYTES];
    int gate[2];
    long error = sys_pipe2(gate, O_CLOEXEC);
    if (error < 0)
        return error;
    struct errand errand = {.run = wait_at_gate, .gate = gate[0]};
    long pid = send_child(&errand, stack, CLONE_NEWUSER);
    long userns = pid < 0 ? pid : open_mapped(pid, uid_map, gid_map);
    sys_close(gate[1]);
    if (pid > 0)
        await_child(pid);
    sys_close(gate[0]);
    return userns;
}

/*
 * Things that a container may or may not do, each tried in a child of its own. A seccomp rule that looks at arguments,
 * a capability or a device rule makes the difference; what succeeds is undone, or ends with the child.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRATCH "/tmp/probe-scratch"

/* A list of numbers with a name each: one kind of attempt, tried with several arguments. */
struct variant {
    const char *name;
    long a, b, c;
};

static long try_socket(const void *argument)
{
    const struct variant *v = argument;
    return socket((int)v->a, (int)v->b, (int)v->c);
}

static const struct variant sockets[] = {
    {"unix stream", AF_UNIX, SOCK_STREAM, 0},
    {"inet dgram", AF_INET, SOCK_DGRAM, 0},
    {"inet ping", AF_INET, SOCK_DGRAM, 1},
    {"inet raw icmp", AF_INET, SOCK_RAW, 1},
    {"inet6 stream", AF_INET6, SOCK_STREAM, 0},
    {"packet", AF_PACKET, SOCK_RAW, 0},
    {"netlink route", AF_NETLINK, SOCK_RAW, 0},
    {"netlink audit", AF_NETLINK, SOCK_RAW, 9},
    {"netlink generic", AF_NETLINK, SOCK_RAW, 16},
    {"vsock", 40, SOCK_STREAM, 0},
    {"alg", 38, SOCK_SEQPACKET, 0},
    {"key", AF_KEY, SOCK_RAW, 2},
    {"xdp", 44, SOCK_RAW, 0},
    {"bluetooth", 31, SOCK_RAW, 1},
};

static long try_unshare(const void *argument)
{
    return unshare((int)((const struct variant *)argument)->a);
}

/* By the raw call, so that the flags are all that the filter sees. The child of the child ends at once. */
static long try_clone(const void *argument)
{
    long child = syscall(SYS_clone, ((const struct variant *)argument)->a | SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    return child;
}

static long try_setns(const void *argument)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", ((const struct variant *)argument)->name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : setns(fd, 0);
}

/* `name` is the namespace's in /proc/self/ns. */
static const struct variant namespaces[] = {
    {"user", CLONE_NEWUSER, 0, 0}, {"mnt", CLONE_NEWNS, 0, 0}, {"pid", CLONE_NEWPID, 0, 0},
    {"net", CLONE_NEWNET, 0, 0}, {"ipc", CLONE_NEWIPC, 0, 0}, {"uts", CLONE_NEWUTS, 0, 0},
    {"cgroup", CLONE_NEWCGROUP, 0, 0}, {"time", CLONE_NEWTIME, 0, 0}, {"nothing", 0, 0, 0},
};

static long try_personality(const void *argument)
{
    return syscall(SYS_personality, ((const struct variant *)argument)->a);
}

static const struct variant personalities[] = {
    {"linux", 0, 0, 0}, {"linux32", 0x8, 0, 0}, {"uname26", 0x20000, 0, 0}, {"uname26 linux32", 0x20008, 0, 0},
    {"no randomization", 0x40000, 0, 0}, {"query", 0xffffffffL, 0, 0},
};

static long try_node(const void *argument)
{
    const struct variant *v = argument;
    unlink(SCRATCH);
    long result = mknod(SCRATCH, (mode_t)v->a | 0600, makedev(v->b, v->c));
    int error = errno;
    unlink(SCRATCH);
    errno = error;
    return result;
}

/* Opening is what the device cgroup guards apart from making. */
static long try_device(const void *argument)
{
    const struct variant *v = argument;
    unlink(SCRATCH);
    long result = mknod(SCRATCH, (mode_t)v->a | 0600, makedev(v->b, v->c));
    if (result == 0)
        result = open(SCRATCH, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int error = errno;
    unlink(SCRATCH);
    errno = error;
    return result;
}

static const struct variant nodes[] = {
    {"fifo", S_IFIFO, 0, 0}, {"null 1:3", S_IFCHR, 1, 3}, {"mem 1:1", S_IFCHR, 1, 1}, {"kmsg 1:11", S_IFCHR, 1, 11},
    {"tty0 4:0", S_IFCHR, 4, 0}, {"ttyS0 4:64", S_IFCHR, 4, 64}, {"console 5:1", S_IFCHR, 5, 1}, {"tun 10:200", S_IFCHR, 10, 200},
    {"fuse 10:229", S_IFCHR, 10, 229}, {"vda 254:0", S_IFBLK, 254, 0}, {"loop0 7:0", S_IFBLK, 7, 0}, {"unknown 240:9", S_IFCHR, 240, 9},
};

/* A mount that succeeds is taken away again, on whatever it was made. */
static long mount_and_undo(const char *source, const char *type, unsigned long flags, const char *options)
{
    mkdir(SCRATCH, 0700);
    long result = mount(source, SCRATCH, type, flags, options);
    int error = errno;
    if (result == 0)
        umount2(SCRATCH, MNT_DETACH);
    rmdir(SCRATCH);
    errno = error;
    return result;
}

static long mount_tmpfs(const void *unused) { (void)unused; return mount_and_undo("none", "tmpfs", 0, NULL); }
static long mount_proc(const void *unused) { (void)unused; return mount_and_undo("none", "proc", 0, NULL); }
static long mount_sysfs(const void *unused) { (void)unused; return mount_and_undo("none", "sysfs", 0, NULL); }
static long mount_cgroup2(const void *unused) { (void)unused; return mount_and_undo("none", "cgroup2", 0, NULL); }
static long mount_bind(const void *unused) { (void)unused; return mount_and_undo("/etc", NULL, MS_BIND, NULL); }
static long fs_open(const void *unused) { (void)unused; return syscall(SYS_fsopen, "tmpfs", 0); }
static long tree_clone(const void *unused) { (void)unused; return syscall(SYS_open_tree, AT_FDCWD, "/", 1); }
static long remount_root(const void *unused) { (void)unused; return mount("none", "/", NULL, MS_REMOUNT | MS_BIND, NULL); }
static long unmount_proc(const void *unused) { (void)unused; return umount2("/proc", MNT_EXPIRE); }
static long swap_root(const void *unused) { (void)unused; return syscall(SYS_pivot_root, ".", "."); }
static long change_root(const void *unused) { (void)unused; return chroot("/"); }

static long set_hostname(const void *unused)
{
    (void)unused;
    char name[128] = "";
    gethostname(name, sizeof name);
    return sethostname(name, strlen(name));
}

static long set_user(const void *unused) { (void)unused; return setuid(12345); }
static long set_group(const void *unused) { (void)unused; return setgid(12345); }
static long set_groups(const void *unused) { (void)unused; gid_t group = 12345; return (long)syscall(SYS_setgroups, 1, &group); }
static long drop_bound(const void *unused) { (void)unused; return prctl(PR_CAPBSET_DROP, 0); }
static long lower_nice(const void *unused) { (void)unused; return setpriority(PRIO_PROCESS, 0, -5); }
static long real_time(const void *unused) { (void)unused; struct sched_param p = {1}; return sched_setscheduler(0, SCHED_FIFO, &p); }
static long io_real_time(const void *unused) { (void)unused; return syscall(SYS_ioprio_set, 1, 0, 1 << 13); }
static long lock_memory(const void *unused) { (void)unused; static char page[8192]; return mlock(page, sizeof page); }
static long read_clock(const void *unused) { (void)unused; struct timex t = {0}; return adjtimex(&t) < 0 ? -1 : 0; }
static long tick_clock(const void *unused) { (void)unused; struct timex t = {.modes = ADJ_TICK, .tick = -1}; return adjtimex(&t) < 0 ? -1 : 0; }
static long kernel_log(const void *unused) { (void)unused; return syscall(SYS_syslog, 10, 0, 0); }
static long port_access(const void *unused) { (void)unused; return syscall(SYS_ioperm, 0x80, 1, 0); }
static long ask_bpf(const void *unused) { (void)unused; union bpf_attr a = {0}; return syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &a, sizeof a); }
static long page_faults(const void *unused) { (void)unused; return syscall(SYS_userfaultfd, 0); }
static long watch_files(const void *unused) { (void)unused; return fanotify_init(FAN_CLASS_NOTIF, O_RDONLY); }
static long trace_me(const void *unused) { (void)unused; return ptrace(PTRACE_TRACEME, 0, 0, 0); }
static long trace_init(const void *unused) { (void)unused; return ptrace(PTRACE_SEIZE, 1, 0, 0); }
static long compare_self(const void *unused) { (void)unused; return syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 1); }
static long signal_init(const void *unused) { (void)unused; return kill(1, 0); }
static long session_keyring(const void *unused) { (void)unused; return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0); }
static long add_key(const void *unused) { (void)unused; return syscall(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_PROCESS_KEYRING); }

static long ask_io_uring(const void *unused)
{
    (void)unused;
    struct io_uring_params p = {0};
    return syscall(SYS_io_uring_setup, 1, &p);
}

static long watch_events(const void *unused)
{
    (void)unused;
    struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE, .size = sizeof a, .config = PERF_COUNT_SW_CPU_CLOCK};
    return syscall(SYS_perf_event_open, &a, -1, 0, -1, 0);
}

static long read_self(const void *unused)
{
    (void)unused;
    char from = 1, to = 0;
    struct iovec local = {&to, 1}, remote = {&from, 1};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

/* The way of CVE-2014-6407's successors: a handle names a file of the whole file system, whatever the root is. */
static long open_by_handle(const void *unused)
{
    (void)unused;
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } h = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int mount_id;
    if (name_to_handle_at(AT_FDCWD, "/etc", &h.handle, &mount_id, 0) < 0)
        return -1;
    int folder = open("/etc", O_RDONLY | O_CLOEXEC);
    return open_by_handle_at(folder, &h.handle, O_RDONLY);
}

static long with_file(long (*act)(const char *path))
{
    int fd = open(SCRATCH, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    long result = act(SCRATCH);
    int error = errno;
    unlink(SCRATCH);
    close(fd);
    errno = error;
    return result;
}

static long chown_it(const char *path) { return chown(path, 12345, 12345); }
static long setuid_it(const char *path) { return chown(path, 12345, 12345) < 0 ? -1 : chmod(path, 04755); }
static long user_attribute(const char *path) { return setxattr(path, "user.probe", "x", 1, 0); }
static long trusted_attribute(const char *path) { return setxattr(path, "trusted.probe", "x", 1, 0); }

static long file_capability(const char *path)
{
    // VFS_CAP_REVISION_2, nothing permitted or inheritable: capabilities(7).
    static const char value[20] = {0, 0, 0, 2};
    return setxattr(path, "security.capability", value, sizeof value, 0);
}

static long immutable_flag(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), flags = 0x10, none = 0;
    long result = ioctl(fd, _IOW('f', 2, long), &flags);
    int error = errno;
    if (result == 0)
        ioctl(fd, _IOW('f', 2, long), &none);
    errno = error;
    return result;
}

static long change_owner(const void *unused) { (void)unused; return with_file(chown_it); }
static long set_setuid(const void *unused) { (void)unused; return with_file(setuid_it); }
static long set_user_attribute(const void *unused) { (void)unused; return with_file(user_attribute); }
static long set_trusted_attribute(const void *unused) { (void)unused; return with_file(trusted_attribute); }
static long set_file_capability(const void *unused) { (void)unused; return with_file(file_capability); }
static long set_immutable(const void *unused) { (void)unused; return with_file(immutable_flag); }

static long raise_limit(const void *unused)
{
    (void)unused;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_max++;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

static long protect_from_oom(const void *unused)
{
    (void)unused;
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -1 : write(fd, "-1000", 5);
}

static long make_cgroup(const void *unused)
{
    (void)unused;
    const char *path = access("/sys/fs/cgroup/memory", F_OK) == 0 ? "/sys/fs/cgroup/memory/probe" : "/sys/fs/cgroup/probe";
    long result = mkdir(path, 0700);
    int error = errno;
    rmdir(path);
    errno = error;
    return result;
}

/* Types a character into the terminal (CVE-2016-2568 and its kin), from outside of its session. */
static long push_input(const void *unused)
{
    (void)unused;
    char byte = 0;
    return ioctl(STDIN_FILENO, TIOCSTI, &byte);
}

static long low_port(const void *unused)
{
    (void)unused;
    // sockaddr_in of 127.0.0.1:79, byte by byte.
    struct sockaddr address = {.sa_family = AF_INET, .sa_data = {0, 79, 127, 0, 0, 1}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? -1 : bind(fd, &address, sizeof address);
}

struct attempt {
    const char *name;
    long (*run)(const void *);
};

static const struct attempt attempts[] = {
    {"mount tmpfs", mount_tmpfs}, {"mount proc", mount_proc}, {"mount sysfs", mount_sysfs}, {"mount cgroup2", mount_cgroup2},
    {"bind mount", mount_bind}, {"fsopen", fs_open}, {"open_tree clone", tree_clone}, {"remount / writable", remount_root},
    {"unmount /proc", unmount_proc}, {"pivot_root", swap_root}, {"chroot", change_root}, {"sethostname", set_hostname},
    {"setuid", set_user}, {"setgid", set_group}, {"setgroups", set_groups}, {"drop from bounding set", drop_bound},
    {"lower nice", lower_nice}, {"real-time scheduling", real_time}, {"real-time I/O", io_real_time}, {"mlock", lock_memory},
    {"read clock state", read_clock}, {"change clock tick", tick_clock}, {"syslog", kernel_log}, {"ioperm", port_access},
    {"bpf", ask_bpf}, {"userfaultfd", page_faults}, {"fanotify", watch_files}, {"ptrace traceme", trace_me},
    {"ptrace init", trace_init}, {"kcmp", compare_self}, {"signal init", signal_init}, {"session keyring", session_keyring},
    {"add key", add_key}, {"io_uring", ask_io_uring}, {"perf", watch_events}, {"read own memory", read_self},
    {"open by handle", open_by_handle}, {"chown", change_owner}, {"setuid bit of another", set_setuid},
    {"user attribute", set_user_attribute}, {"trusted attribute", set_trusted_attribute}, {"file capability", set_file_capability},
    {"immutable flag", set_immutable}, {"raise file limit", raise_limit}, {"lower oom score", protect_from_oom},
    {"make cgroup", make_cgroup}, {"push terminal input", push_input}, {"bind port 79", low_port},
};

static void report_variants(const char *key, long (*run)(const void *), const struct variant *list, size_t count)
{
    json_begin(key, '{');
    for (size_t i = 0; i < count; i++)
        json_string(list[i].name, outcome(run, &list[i]));
    json_end('}');
}

#define VARIANTS(key, run, list) report_variants(key, run, list, sizeof list / sizeof *list)

void report_attempts(void)
{
    json_begin("attempts", '{');
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        json_string(attempts[i].name, outcome(attempts[i].run, NULL));
    VARIANTS("socket", try_socket, sockets);
    VARIANTS("unshare", try_unshare, namespaces);
    VARIANTS("clone", try_clone, namespaces);
    VARIANTS("setns", try_setns, namespaces);
    VARIANTS("personality", try_personality, personalities);
    VARIANTS("mknod", try_node, nodes);
    VARIANTS("open device", try_device, nodes);
    json_end('}');
}

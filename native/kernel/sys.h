// The system calls that the native programs make, without libc: each returns its result, or -errno.
// They are inline, so that a process that shares memory with its parent (spawn.c) may use them too.
#pragma once

#include <asm/unistd.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#if defined(__x86_64__)
static inline long sys6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline long sys6(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return x0;
}
#else
#error "skiff knows x86_64 and aarch64"
#endif

#define sys5(n, a, b, c, d, e) sys6(n, a, b, c, d, e, 0)
#define sys4(n, a, b, c, d) sys6(n, a, b, c, d, 0, 0)
#define sys3(n, a, b, c) sys6(n, a, b, c, 0, 0, 0)
#define sys2(n, a, b) sys6(n, a, b, 0, 0, 0, 0)
#define sys1(n, a) sys6(n, a, 0, 0, 0, 0, 0)
#define sys0(n) sys6(n, 0, 0, 0, 0, 0, 0)

// The kernel's signal set: one bit per signal, 64 of them.
typedef uint64_t kernel_sigset;
#define ALL_SIGNALS (~(kernel_sigset)0)

// rt_sigaction(2) as the kernel takes it.
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    kernel_sigset mask;
};

static inline long sys_read(int fd, void *into, size_t n) { return sys3(__NR_read, fd, (long)into, (long)n); }
static inline long sys_write(int fd, const void *from, size_t n) { return sys3(__NR_write, fd, (long)from, (long)n); }
static inline long sys_close(int fd) { return sys1(__NR_close, fd); }
static inline long sys_openat(int folder, const char *path, int flags, mode_t mode)
{
    return sys4(__NR_openat, folder, (long)path, flags, mode);
}
static inline long sys_fstat(int fd, struct stat *into) { return sys2(__NR_fstat, fd, (long)into); }
static inline long sys_ftruncate(int fd, off_t length) { return sys2(__NR_ftruncate, fd, length); }
static inline long sys_unlinkat(int folder, const char *path) { return sys3(__NR_unlinkat, folder, (long)path, 0); }
static inline long sys_renameat(int folder, const char *from, const char *to)
{
    return sys5(__NR_renameat2, folder, (long)from, folder, (long)to, 0);
}
static inline long sys_mmap(size_t bytes, int protection, int flags, int fd)
{
    return sys6(__NR_mmap, 0, (long)bytes, protection, flags, fd, 0);
}
static inline long sys_munmap(void *at, size_t bytes) { return sys2(__NR_munmap, (long)at, (long)bytes); }
static inline long sys_mremap(void *at, size_t from, size_t to, int flags)
{
    return sys4(__NR_mremap, (long)at, (long)from, (long)to, flags);
}
static inline long sys_fcntl(int fd, int command, long arg) { return sys3(__NR_fcntl, fd, command, arg); }
static inline long sys_ioctl(int fd, unsigned long request, void *arg)
{
    return sys3(__NR_ioctl, fd, (long)request, (long)arg);
}
static inline long sys_dup3(int from, int to, int flags) { return sys3(__NR_dup3, from, to, flags); }
static inline long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    return sys3(__NR_close_range, first, last, flags);
}
static inline long sys_pipe2(int ends[2], int flags) { return sys2(__NR_pipe2, (long)ends, flags); }
static inline long sys_socketpair(int type, int ends[2])
{
    return sys4(__NR_socketpair, AF_UNIX, type, 0, (long)ends);
}
static inline long sys_socket(int family, int type) { return sys3(__NR_socket, family, type, 0); }
static inline long sys_connect(int fd, const void *address, size_t n) { return sys3(__NR_connect, fd, (long)address, (long)n); }
static inline long sys_setsockopt(int fd, int level, int option, int value)
{
    return sys5(__NR_setsockopt, fd, level, option, (long)&value, sizeof value);
}
static inline long sys_accept4(int listener, int flags) { return sys4(__NR_accept4, listener, 0, 0, flags); }
static inline long sys_recv(int fd, void *into, size_t n, int flags)
{
    return sys6(__NR_recvfrom, fd, (long)into, (long)n, flags, 0, 0);
}
static inline long sys_send(int fd, const void *from, size_t n, int flags)
{
    return sys6(__NR_sendto, fd, (long)from, (long)n, flags, 0, 0);
}
static inline long sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return sys3(__NR_sendmsg, fd, (long)message, flags);
}
static inline long sys_recvmsg(int fd, struct msghdr *message, int flags)
{
    return sys3(__NR_recvmsg, fd, (long)message, flags);
}
static inline long sys_shutdown(int fd, int how) { return sys2(__NR_shutdown, fd, how); }
static inline long sys_epoll_create(void) { return sys1(__NR_epoll_create1, EPOLL_CLOEXEC); }
static inline long sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    return sys4(__NR_epoll_ctl, epoll, operation, fd, (long)event);
}
static inline long sys_epoll_wait(int epoll, struct epoll_event *events, int n, int timeout_ms)
{
    return sys6(__NR_epoll_pwait, epoll, (long)events, n, timeout_ms, 0, sizeof(kernel_sigset));
}
static inline long sys_signalfd(kernel_sigset signals, int flags)
{
    return sys4(__NR_signalfd4, -1, (long)&signals, sizeof signals, flags);
}
static inline long sys_timerfd_create(int clock, int flags) { return sys2(__NR_timerfd_create, clock, flags); }
static inline long sys_timerfd_settime(int fd, const struct itimerspec *value)
{
    return sys4(__NR_timerfd_settime, fd, 0, (long)value, 0);
}
static inline long sys_madvise(void *at, size_t n, int advice) { return sys3(__NR_madvise, (long)at, (long)n, advice); }
static inline long sys_flock(int fd, int operation) { return sys2(__NR_flock, fd, operation); }
static inline long sys_sigprocmask(int how, const kernel_sigset *set, kernel_sigset *old)
{
    return sys4(__NR_rt_sigprocmask, how, (long)set, (long)old, sizeof *set);
}
static inline long sys_sigaction(int signal, const struct kernel_sigaction *action)
{
    return sys4(__NR_rt_sigaction, signal, (long)action, 0, sizeof action->mask);
}
static inline long sys_kill(pid_t pid, int signal) { return sys2(__NR_kill, pid, signal); }
static inline long sys_wait(pid_t pid, int *status, int options)
{
    return sys4(__NR_wait4, pid, (long)status, options, 0);
}
static inline long sys_getpid(void) { return sys0(__NR_getpid); }
static inline long sys_setsid(void) { return sys0(__NR_setsid); }
static inline long sys_umask(mode_t mask) { return sys1(__NR_umask, mask); }
static inline long sys_chdir(const char *path) { return sys1(__NR_chdir, (long)path); }
static inline long sys_prctl(int option, unsigned long arg) { return sys5(__NR_prctl, option, (long)arg, 0, 0, 0); }
static inline long sys_clock_gettime(int clock, struct timespec *into)
{
    return sys2(__NR_clock_gettime, clock, (long)into);
}
static inline _Noreturn void sys_exit(int status)
{
    for (;;)
        sys1(__NR_exit_group, status);
}

// Loaded into skiffd by a test (LD_PRELOAD): counts the calls that change something outside of the process, and kills the process
// before the one that it is told to. The product knows nothing of it.
//
//     word 0   the process that is meant; its children inherit this library
//     word 1   how many such calls there have been since the test set this word to 0
//     word 2   kill before this one, counted from 1; 0: never
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int *words;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("SKIFF_TEST_KILL_AT");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory != MAP_FAILED)
        words = memory;
}

static void count(void)
{
    if (words == NULL || words[0] != getpid())
        return;
    int number = __atomic_add_fetch((int *)&words[1], 1, __ATOMIC_SEQ_CST);
    if (words[2] != 0 && number == words[2])
        kill(getpid(), SIGKILL);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define COUNTED(result, name, parameters, arguments) \
    result name parameters                           \
    {                                                \
        static __typeof__(&name) next;               \
        if (next == NULL)                            \
            next = NEXT(name);                       \
        count();                                     \
        return next arguments;                       \
    }

COUNTED(int, rename, (const char *from, const char *to), (from, to))
COUNTED(int, mkdir, (const char *path, mode_t mode), (path, mode))
COUNTED(int, rmdir, (const char *path), (path))
COUNTED(int, unlink, (const char *path), (path))
COUNTED(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags))
COUNTED(int, fsync, (int file), (file))
COUNTED(ssize_t, pwrite64, (int file, const void *bytes, size_t size, off64_t at), (file, bytes, size, at))

// Only what makes a file, or empties one.
int open64(const char *path, int flags, ...)
{
    static int (*next)(const char *, int, ...);
    if (next == NULL)
        next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    if (flags & (O_CREAT | O_TRUNC))
        count();
    return next(path, flags, mode);
}

// What goes past libc: the kernel's own calls, by number.
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    if (next == NULL)
        next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    switch (number) {
    case SYS_mkdirat:
    case SYS_unlinkat:
    case SYS_renameat2:
    case SYS_syncfs:
    case SYS_mount:
    case SYS_sendto:
        count();
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// The one door from JavaScript to the kernel: any system call, by number.
//
// Marshalling an argument through FFI costs about five times the call itself, so the words of a call do not travel as
// arguments. Each JavaScript thread owns a mailbox of eight words, shown once to skiff_use_mailbox():
//
//     word 0      1..6         7
//     number      arguments    result, or -errno
//
// libc's own wrappers leave the error in errno, which is lost by the time JavaScript could ask for it.
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

enum { NUMBER = 0, FIRST_ARGUMENT = 1, RESULT = 7 };

void skiff_use_mailbox(int64_t *words);
void skiff_syscall(void);

static __thread int64_t *mailbox;

void skiff_use_mailbox(int64_t *words)
{
    mailbox = words;
}

void skiff_syscall(void)
{
    const int64_t *args = mailbox + FIRST_ARGUMENT;
    int64_t result = syscall(mailbox[NUMBER], args[0], args[1], args[2], args[3], args[4], args[5]);
    mailbox[RESULT] = result == -1 ? -errno : result;
}

// Several system calls for the price of one way from JavaScript to the kernel: to make a small file takes five.
//
// Each JavaScript thread owns a list, shown once to skiff_use_list(): the number of calls, seven words of nothing, then eight
// words for each call, as in syscall.c:
//
//     word 0      1..6         7
//     number      arguments    result, or -errno
//
// FIRST_RESULT as an argument stands for the result of the first call: the descriptor of the file that it opened.
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

enum { WORDS = 8, RESULT = 7 };
#define FIRST_RESULT INT64_MIN

void skiff_use_list(int64_t *words);
int32_t skiff_run_list(void);

static __thread int64_t *list;

void skiff_use_list(int64_t *words)
{
    list = words;
}

static int64_t argument(int64_t word)
{
    return word == FIRST_RESULT ? list[WORDS + RESULT] : word;
}

// Returns how many calls succeeded: the next one is the one that failed, and the last one that was made.
int32_t skiff_run_list(void)
{
    int32_t count = (int32_t)list[0];
    for (int32_t done = 0; done < count; done++) {
        int64_t *call = list + WORDS * (done + 1);
        int64_t result = syscall(call[0], argument(call[1]), argument(call[2]), argument(call[3]), argument(call[4]),
                                 argument(call[5]), argument(call[6]));
        call[RESULT] = result == -1 ? -errno : result;
        if (result == -1)
            return done;
    }
    return count;
}

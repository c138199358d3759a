// How long commands take, without what it takes to start them from Node: a process of a hundred megabytes is copied for
// milliseconds.
//
//     stopwatch TIMES CLIENTS COMMAND [ARGUMENT…]
//
// Runs the command TIMES times, CLIENTS of them at once, and writes the milliseconds from the first start to the last end to
// descriptor 3. Fails if one of them does.
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

enum { RESULT_FD = 3 };

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void start(char **command)
{
    pid_t pid;
    int error = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", command[0], strerror(error));
        exit(127);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s TIMES CLIENTS COMMAND [ARGUMENT…]\n", argv[0]);
        return 2;
    }
    int times = atoi(argv[1]), clients = atoi(argv[2]);
    int started = 0, ended = 0, failed = 0;
    double begin = milliseconds();
    while (ended < times) {
        for (; started < times && started - ended < clients; started++)
            start(argv + 3);
        int status;
        if (wait(&status) == -1)
            return 1;
        ended++;
        failed += status != 0;
    }
    dprintf(RESULT_FD, "%.6f\n", milliseconds() - begin);
    return failed > 0;
}

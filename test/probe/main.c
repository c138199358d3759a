/*
 * The probe: run as a container's process, it prints as one line of JSON what a process can see of its containment.
 *
 *   probe               what it sees
 *   probe --attempts    and what happens when it tries things: every system call, and famous ways out
 */
#include "probe.h"

#include <string.h>

int main(int argc, char **argv, char **env)
{
    json_begin(NULL, '{');
    report_process(argv, env);
    report_files();
    if (argc > 1 && strcmp(argv[1], "--attempts") == 0) {
        report_syscalls();
        report_attempts();
    }
    json_end('}');
    json_flush();
    return 0;
}

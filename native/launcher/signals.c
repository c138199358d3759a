// Signals are fetched one by one, so that none is lost between two system calls. signalfd(2)
#include <sys/signalfd.h>

#include "../kernel/sys.h"
#include "launcher.h"

// What src/cli/main.ts catches, and the window's.
static const int FETCHED[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
                              SIGALRM, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};

static kernel_sigset before;

int signals_hold(void)
{
    kernel_sigset held = 0;
    for (size_t i = 0; i < sizeof FETCHED / sizeof FETCHED[0]; i++) {
        struct kernel_sigaction action = {0};
        sys4(__NR_rt_sigaction, FETCHED[i], 0, (long)&action, sizeof action.mask);
        // What was ignored when we began stays so (nohup(1)).
        if (action.handler != SIG_IGN)
            held |= 1ull << (FETCHED[i] - 1);
    }
    sys_sigprocmask(SIG_BLOCK, &held, &before);
    return (int)sys_signalfd(held, SFD_CLOEXEC | SFD_NONBLOCK);
}

void signals_release(void)
{
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
}

void signals_default(int signal)
{
    if (signal == SIGCONT || signal == SIGWINCH)
        return;
    const kernel_sigset one = 1ull << (signal - 1);
    terminal_restore();
    sys_kill((pid_t)sys_getpid(), signal);
    sys_sigprocmask(SIG_UNBLOCK, &one, NULL);
    // Only a stop comes back here.
    sys_sigprocmask(SIG_BLOCK, &one, NULL);
    terminal_resume();
}

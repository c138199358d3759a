// skiff-shim: stands beside one process, from its start to its end. Started by skiffd (src/runtime/shim/shim.ts) from a
// sealed memfd, with its signals blocked and the descriptors of SHIM_FD_*; lives on when skiffd does not.
#include <errno.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "../freestanding/program.h"
#include "../kernel/clock.h"
#include "../kernel/sys.h"
#include "ahead.h"
#include "clients.h"
#include "forward.h"
#include "launch.h"
#include "log.h"
#include "shim.h"
#include "streams.h"

enum { LAST_SIGNAL = 64 };

struct shim shim;
static struct log container_log;

static void children_ready(struct watch *watch, uint32_t events);
static struct watch children = {.ready = children_ready, .fd = -1};
static bool recorded;

static void leave_the_daemon(void)
{
    sys_setsid();
    sys_chdir("/");
    sys_umask(022);
    sys_prctl(PR_SET_NAME, (unsigned long)"skiff-shim");
    // Inherited by the child, and ended by its exec: until it is the container's own it cannot be traced from there, and
    // /proc/PID/fd and /proc/PID/exe are closed to it (CVE-2016-9962, CVE-2019-5736).
    sys_prctl(PR_SET_DUMPABLE, 0);
    // Orphans of a container without a PID namespace of its own are reaped here.
    sys_prctl(PR_SET_CHILD_SUBREAPER, 1);
    sys_close_range(SHIM_FD_LAUNCH, ~0u, CLOSE_RANGE_CLOEXEC);
    // What Node ignores (SIGPIPE) would be ignored in the container too. All signals are blocked: none ends the shim.
    const struct kernel_sigaction by_default = {.handler = SIG_DFL};
    for (int signal = 1; signal <= LAST_SIGNAL; signal++)
        sys_sigaction(signal, &by_default);
    const kernel_sigset all = ALL_SIGNALS;
    sys_sigprocmask(SIG_SETMASK, &all, NULL);
}

static struct log *open_log(const struct launch *launch)
{
    const struct skiff_launch_header *header = launch->header;
    container_log.fd = -1;
    if (launch->log_forward) {
        int error = forward_open(launch->log_forward);
        if (error < 0)
            start_fail(STAGE_SETUP, -error, 0);
        container_log.also = forward_line;
    }
    if (!(header->flags & LAUNCH_LOG))
        return launch->log_forward ? &container_log : NULL;
    container_log.folder = header->log_folder;
    container_log.name = launch->log_name;
    container_log.attributes = launch->log_attributes;
    container_log.attributes_bytes = header->log_attributes_bytes;
    container_log.max_bytes = header->log_max_bytes;
    container_log.max_files = header->log_max_files;
    int error = log_open(&container_log);
    if (error < 0)
        start_fail(STAGE_SETUP, -error, 0);
    return &container_log;
}

static void must(int result)
{
    if (result < 0)
        start_fail(STAGE_SETUP, -result, 0);
}

static void process_ended(int status)
{
    shim.exited = (struct skiff_exited){.pid = shim.pid, .wait_status = status, .time_ns = clock_realtime_ns()};
    shim.phase = ENDED;
    input_close();
    output_drain();
    output_flush_log();
    shim.exited.log_entries_lost = container_log.entries_lost + forward_lost();
    // On disk before it is told: a daemon that is killed now finds it.
    int error = record_exited(&shim.exited);
    // Without its folder nobody can ask any more.
    recorded = error == 0 || error == -ENOENT;
    control_tell_exited();
}

// Reaps all that have ended. False: there are no children at all.
static bool reap(void)
{
    for (;;) {
        int status;
        long pid = sys_wait(-1, &status, WNOHANG | __WALL);
        if (pid == -ECHILD)
            return false;
        if (pid <= 0)
            return true;
        if (pid == shim.pid)
            process_ended(status);
    }
}

static void children_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct signalfd_siginfo info;
    sys_read(watch->fd, &info, sizeof info);
    // Before it is reaped: /proc knows a process until then.
    if (start_finish())
        reap();
}

static void watch_children(void)
{
    long fd = sys_signalfd((kernel_sigset)1 << (SIGCHLD - 1), SFD_CLOEXEC | SFD_NONBLOCK);
    must((int)fd);
    children.fd = (int)fd;
    loop_watch(&children, EPOLLIN);
}

static bool all_done(void)
{
    if (shim.phase != ENDED || !output_ended() || !clients_none_attached())
        return false;
    // Without a record (a full disk) the shim waits for somebody to tell.
    if (!recorded && !control_exit_was_told())
        return false;
    if (!forward_is_done())
        return false;
    return !reap();
}

int main(int argc, char **argv, char **envp)
{
    (void)envp;
    struct launch launch;
    leave_the_daemon();
    if (argc > 1 && argv[1][0] == AHEAD_PLACEHOLDER)
        await_launch(argv[1]);
    must(loop_open());
    clients_add(SHIM_FD_CONTROL, CONTROL);
    must(launch_open(&launch));
    shim.flags = launch.header->flags;
    must(output_open(open_log(&launch)));
    watch_children();
    clients_open();
    for (uint32_t i = 0; i < launch.header->attached; i++) {
        struct client *client = clients_add(launch.header->first_attached + (int)i, ATTACHED);
        client_attach(client, &launch.attached[i]);
    }
    start_process(&launch);
    launch_close(&launch);
    while (!all_done()) {
        loop_turn();
        forward_send();
        output_refresh();
        output_flush_log();
        if (container_log.rotated && shim.flags & LAUNCH_TELL_ROTATIONS)
            control_tell_rotated();
        container_log.rotated = false;
    }
    return 0;
}

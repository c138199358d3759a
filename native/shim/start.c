#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../kernel/clock.h"
#include "../kernel/sys.h"
#include "clients.h"
#include "launch.h"
#include "shim.h"
#include "streams.h"

enum { FIRST_EXTRA_FD = 3, EXIT_PROGRAM_FAILED = 127, MAX_KEPT = 5 };

struct ends {
    int ours;
    int theirs;
};



static void report_ready(struct watch *watch, uint32_t events);

static struct watch report = {.ready = report_ready, .fd = -1};
static struct ends in = {-1, -1}, out = {-1, -1}, err = {-1, -1}, console = {-1, -1};
// The program ends in the search through $PATH, one exec after the other: it is over in any of them.
static uint32_t first_exec;
static int64_t slots[PROGRAM_MAX_SLOTS];

// Which end of pipe(2)'s two is the shim's.
static struct ends make_pipe(int our_end)
{
    int ends[2];
    long error = sys_pipe2(ends, O_CLOEXEC);
    if (error < 0)
        start_fail(STAGE_SETUP, (int)-error, 0);
    // Only our end: what the process does with its own is its business.
    sys_fcntl(ends[our_end], F_SETFL, O_NONBLOCK);
    return (struct ends){.ours = ends[our_end], .theirs = ends[!our_end]};
}

static struct ends make_null(void)
{
    long fd = sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        start_fail(STAGE_SETUP, (int)-fd, 0);
    return (struct ends){.ours = -1, .theirs = (int)fd};
}

static struct ends make_console(void)
{
    int ends[2];
    long error = sys_socketpair(SOCK_STREAM | SOCK_CLOEXEC, ends);
    if (error < 0)
        start_fail(STAGE_SETUP, (int)-error, 0);
    return (struct ends){.ours = ends[0], .theirs = ends[1]};
}

static void make_streams(void)
{
    if (shim.flags & LAUNCH_TTY) {
        console = make_console();
        return;
    }
    in = shim.flags & LAUNCH_STDIN_OPEN ? make_pipe(1) : make_null();
    out = make_pipe(0);
    err = make_pipe(0);
}

static void prepare_slots(const struct launch *launch, const struct program *program)
{
    int64_t preset[PROGRAM_MAX_SLOTS] = {
        [SLOT_STDIN] = in.theirs, [SLOT_STDOUT] = out.theirs, [SLOT_STDERR] = err.theirs, [SLOT_CONSOLE] = console.theirs};
    uint32_t passed = launch->header->passed;
    for (uint32_t i = 0; i < passed; i++)
        preset[SLOT_FIRST_PASSED + i] = launch->header->first_passed + (int32_t)i;
    program_prepare(program, slots, preset, SLOT_FIRST_PASSED + passed);
}

// Shared with the child, so that reporting needs no system call of it.
static struct trace *make_trace(const struct program *program)
{
    size_t bytes = sizeof(struct trace) + program->header->steps * sizeof(struct skiff_report);
    long trace = sys_mmap(bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    if (trace < 0)
        start_fail(STAGE_SETUP, (int)-trace, 0);
    return (struct trace *)trace;
}

static int last_error(const struct trace *trace)
{
    return trace->finished > 0 ? -trace->reports[trace->finished - 1].result : 0;
}

static void run_before(const struct launch *launch)
{
    if (!launch->before.header)
        return;
    shim.before = make_trace(&launch->before);
    program_link(&launch->before);
    prepare_slots(launch, &launch->before);
    if (!program_run(&launch->before, slots, shim.before))
        start_fail(STAGE_BEFORE, last_error(shim.before), 0);
}

// Closes everything but 0 to 2, what the program was given, and the report pipe. At once, not at the exec: a working
// folder of /proc/self/fd/N must not lead to a folder of the host (CVE-2024-21626).
static void close_foreign_fds(const struct skiff_launch_header *launch, int report_end)
{
    int kept[MAX_KEPT] = {in.theirs, out.theirs, err.theirs, console.theirs, report_end};
    unsigned next = FIRST_EXTRA_FD;
    if (launch->passed > 0) {
        if ((unsigned)launch->first_passed > next)
            sys_close_range(next, (unsigned)launch->first_passed - 1, 0);
        next = (unsigned)launch->first_passed + launch->passed;
    }
    // The shim made these after all others, in this order: their numbers ascend.
    for (int i = 0; i < MAX_KEPT; i++) {
        if (kept[i] < 0)
            continue;
        if ((unsigned)kept[i] > next)
            sys_close_range(next, (unsigned)kept[i] - 1, 0);
        next = (unsigned)kept[i] + 1;
    }
    sys_close_range(next, ~0u, 0);
}

static _Noreturn void be_child(const struct launch *launch, int report_end)
{
    // First of all: whatever happens from here, no descriptor survives the exec unless the program says so.
    sys_close_range(FIRST_EXTRA_FD, ~0u, CLOSE_RANGE_CLOEXEC);
    close_foreign_fds(launch->header, report_end);
    const kernel_sigset none = 0;
    sys_sigprocmask(SIG_SETMASK, &none, NULL);
    program_run(&launch->main, slots, shim.main);
    sys_exit(EXIT_PROGRAM_FAILED);
}

static long clone_child(const struct launch *launch)
{
    struct clone_args args = {.flags = launch->header->clone_flags, .exit_signal = SIGCHLD};
    if (launch->header->cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)launch->header->cgroup;
    }
    return sys2(__NR_clone3, (long)&args, sizeof args);
}

static void close_theirs(struct ends *ends)
{
    if (ends->theirs >= 0)
        sys_close(ends->theirs);
    ends->theirs = -1;
}

static void close_handed_over(const struct skiff_launch_header *launch)
{
    close_theirs(&in);
    close_theirs(&out);
    close_theirs(&err);
    close_theirs(&console);
    if (launch->passed > 0)
        sys_close_range((unsigned)launch->first_passed, (unsigned)launch->first_passed + launch->passed - 1, 0);
    if (launch->cgroup >= 0)
        sys_close(launch->cgroup);
}

static bool is_exec(uint32_t number)
{
    return number == __NR_execve || number == __NR_execveat;
}

static uint32_t find_first_exec(const struct program *program)
{
    uint32_t step = program->header->steps;
    while (step > 0 && is_exec(program->steps[step - 1].number))
        step--;
    return step;
}

void start_process(const struct launch *launch)
{
    make_streams();
    run_before(launch);
    shim.main = make_trace(&launch->main);
    program_link(&launch->main);
    prepare_slots(launch, &launch->main);
    // Its other end is closed by the exec, or by the child's death.
    struct ends pipe = make_pipe(0);
    long pid = clone_child(launch);
    if (pid == 0)
        be_child(launch, pipe.theirs);
    if (pid < 0)
        start_fail(STAGE_CLONE, (int)-pid, 0);
    shim.pid = (pid_t)pid;
    first_exec = find_first_exec(&launch->main);
    close_theirs(&pipe);
    close_handed_over(launch->header);
    report.fd = pipe.ours;
    loop_watch(&report, EPOLLIN);
}

static void report_ready(struct watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
    start_finish();
}

static _Noreturn void fail_in_child(void)
{
    int status = 0;
    sys_kill(shim.pid, SIGKILL);
    while (sys_wait(shim.pid, &status, __WALL) == -EINTR)
        ;
    if (shim.main->failed)
        start_fail(STAGE_MAIN, last_error(shim.main), status);
    start_fail(STAGE_KILLED, ECANCELED, status);
}

// The master side of the terminal, which the program sent before its exec.
static int receive_console(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec part = {&byte, sizeof byte};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    long n = sys_recvmsg(console.ours, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int master;
    if (n <= 0 || !header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof master))
        return -1;
    memcpy(&master, CMSG_DATA(header), sizeof master);
    return master;
}

static void take_over_streams(void)
{
    if (!(shim.flags & LAUNCH_TTY)) {
        if (in.ours >= 0)
            input_open_pipe(in.ours);
        output_watch_pipes(out.ours, err.ours);
        return;
    }
    int master = receive_console();
    if (master < 0) {
        sys_kill(shim.pid, SIGKILL);
        start_fail(STAGE_CONSOLE, ENOTTY, 0);
    }
    sys_close(console.ours);
    sys_fcntl(master, F_SETFL, O_NONBLOCK);
    if (shim.flags & LAUNCH_STDIN_OPEN)
        input_open_terminal(master);
    output_watch_terminal(master);
}

// An exec that succeeds does not come back: it is a step that was begun and never ended.
static bool in_exec(const struct trace *trace)
{
    return trace->started == trace->finished + 1 && trace->finished >= first_exec;
}

bool start_finish(void)
{
    char byte;
    if (report.fd < 0)
        return true;
    if (sys_read(report.fd, &byte, sizeof byte) == -EAGAIN)
        return false;
    loop_watch(&report, 0);
    sys_close(report.fd);
    report.fd = -1;
    if (!in_exec(shim.main))
        fail_in_child();

    shim.started = (struct skiff_started){
        .pid = shim.pid,
        .shim_pid = (int32_t)sys_getpid(),
        .start_ticks = start_ticks(shim.pid),
        .time_ns = clock_realtime_ns(),
        .before_reports = shim.before ? shim.before->finished : 0,
        .main_reports = shim.main->finished,
    };
    take_over_streams();
    shim.phase = RUNNING;
    // On disk before it is told: a daemon that dies in between finds the process again.
    int error = record_started(&shim.started);
    if (error < 0) {
        sys_kill(shim.pid, SIGKILL);
        start_fail(STAGE_RECORD, -error, 0);
    }
    control_tell_started();
    clients_resume_input();
    return true;
}

void start_fail(uint32_t stage, int error, int wait_status)
{
    struct skiff_failed failed = {
        .stage = stage,
        .error = error,
        .wait_status = wait_status,
        .before_reports = shim.before ? shim.before->finished : 0,
        .main_reports = shim.main ? shim.main->finished : 0,
    };
    control_tell_failed(&failed);
    sys_exit(1);
}

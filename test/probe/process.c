/* Who the process is and what it inherited: ids, capabilities, limits, signals, descriptors, namespaces, cgroups. */
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static void report_ids(void)
{
    uid_t uid[3];
    gid_t gid[3], groups[256];
    getresuid(&uid[0], &uid[1], &uid[2]);
    getresgid(&gid[0], &gid[1], &gid[2]);
    json_format("uid", "%u %u %u", uid[0], uid[1], uid[2]);
    json_format("gid", "%u %u %u", gid[0], gid[1], gid[2]);
    int count = getgroups(256, groups);
    json_begin("groups", '[');
    for (int i = 0; i < count; i++)
        json_number(NULL, groups[i]);
    json_end(']');
}

/* The lines of /proc/self/status that tell of privileges and signals. */
static void report_status(void)
{
    static const char *const wanted[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
        "Seccomp_filters", "Speculation_Store_Bypass", "SpeculationIndirectBranch", "SigQ", "SigBlk", "SigIgn", "SigCgt",
        "Umask", "Threads", "THP_enabled", "Cpus_allowed_list", "Mems_allowed_list", "TracerPid"};
    char buffer[8192], *rest = buffer, *line;
    json_begin("status", '{');
    read_file("/proc/self/status", buffer, sizeof buffer);
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *value = strchr(line, ':');
        if (value == NULL)
            continue;
        *value++ = 0;
        value += strspn(value, "\t ");
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strcmp(line, wanted[i]) == 0)
                json_string(line, value);
    }
    json_end('}');
}

static void report_prctl(void)
{
    int deathsig = -1, subreaper = -1;
    prctl(PR_GET_PDEATHSIG, &deathsig);
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    json_begin("prctl", '{');
    json_number("deathSignal", deathsig);
    json_number("childSubreaper", subreaper);
    json_number("dumpable", prctl(PR_GET_DUMPABLE));
    json_number("keepCapabilities", prctl(PR_GET_KEEPCAPS));
    json_number("securebits", prctl(PR_GET_SECUREBITS));
    json_number("timerSlackNs", prctl(PR_GET_TIMERSLACK));
    json_end('}');
}

static void report_limits(void)
{
    static const char *const names[RLIM_NLIMITS] = {"cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile",
        "memlock", "as", "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};
    json_begin("limits", '{');
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        getrlimit((__rlimit_resource_t)i, &limit);
        json_format(names[i], "%lld %lld", (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
    json_end('}');
}

static void report_scheduling(void)
{
    json_begin("scheduling", '{');
    json_number("policy", sched_getscheduler(0));
    json_number("nice", getpriority(PRIO_PROCESS, 0));
    json_number("ioPriority", syscall(SYS_ioprio_get, 1, 0));
    json_end('}');
}

static void report_session(void)
{
    struct winsize size = {0};
    json_begin("session", '{');
    json_number("pid", getpid());
    json_number("parent", getppid());
    json_number("group", getpgrp());
    json_number("session", getsid(0));
    for (int fd = 0; fd < 3; fd++)
        json_bool(fd == 0 ? "stdinIsTty" : fd == 1 ? "stdoutIsTty" : "stderrIsTty", isatty(fd));
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    json_string("controllingTty", tty < 0 ? errno_text(errno) : "yes");
    if (tty >= 0) {
        json_number("foregroundGroup", tcgetpgrp(tty));
        ioctl(tty, TIOCGWINSZ, &size);
        json_format("windowSize", "%u %u", size.ws_row, size.ws_col);
        close(tty);
    }
    json_end('}');
}

/* "pipe:[123]" becomes "pipe": the number differs from run to run. */
static void without_number(char *target)
{
    char *number = strchr(target, '[');
    if (number != NULL && number > target && number[-1] == ':' && number[1] >= '0' && number[1] <= '9')
        number[-1] = 0;
}

static void report_descriptors(void)
{
    json_begin("descriptors", '{');
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[64], target[4096];
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(folder))
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0)
            continue;
        target[length] = 0;
        without_number(target);
        int flags = fcntl(fd, F_GETFL);
        json_format(entry->d_name, "%s access=%d append=%d nonblock=%d cloexec=%d", target, flags & O_ACCMODE,
            (flags & O_APPEND) != 0, (flags & O_NONBLOCK) != 0, fcntl(fd, F_GETFD));
    }
    if (folder != NULL)
        closedir(folder);
    json_end('}');
}

static void report_namespaces(void)
{
    static const char *const names[] = {"mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"};
    json_begin("namespaces", '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64], target[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 0)
            json_bytes(names[i], target, (size_t)length);
    }
    json_end('}');
}

static void report_strings(const char *key, char **strings)
{
    json_begin(key, '[');
    for (; *strings != NULL; strings++)
        json_string(NULL, *strings);
    json_end(']');
}

static void report_text(const char *key, const char *path)
{
    static char buffer[65536];
    long length = read_file(path, buffer, sizeof buffer);
    if (length < 0)
        json_string(key, errno_text((int)-length));
    else
        json_bytes(key, buffer, (size_t)length);
}

static void report_sysctls(void)
{
    static const char *const names[] = {"kernel/hostname", "kernel/domainname", "kernel/shmmax", "kernel/shm_rmid_forced",
        "kernel/msgmax", "kernel/sem", "fs/mqueue/msg_max", "net/ipv4/ip_forward", "net/ipv4/ip_unprivileged_port_start",
        "net/ipv4/ping_group_range", "net/ipv4/ip_local_port_range", "net/core/somaxconn", "net/ipv6/conf/all/disable_ipv6",
        "net/ipv6/conf/default/disable_ipv6", "user/max_user_namespaces"};
    json_begin("sysctls", '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "/proc/sys/%s", names[i]);
        report_text(names[i], path);
    }
    json_end('}');
}

/* The name and state of pid 1, which --init puts before the process. */
static void report_init(void)
{
    json_begin("init", '{');
    report_text("cmdline", "/proc/1/cmdline");
    report_text("comm", "/proc/1/comm");
    json_end('}');
}

void report_process(char **argv, char **env)
{
    char path[4096];
    struct utsname uts;
    uname(&uts);
    report_ids();
    report_status();
    report_prctl();
    report_limits();
    report_scheduling();
    report_session();
    report_descriptors();
    report_namespaces();
    report_strings("argv", argv);
    report_strings("env", env);
    json_string("cwd", getcwd(path, sizeof path) != NULL ? path : errno_text(errno));
    ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    json_bytes("exe", path, length > 0 ? (size_t)length : 0);
    json_string("hostname", uts.nodename);
    json_string("domainname", uts.domainname);
    report_text("cgroup", "/proc/self/cgroup");
    report_text("oomScoreAdj", "/proc/self/oom_score_adj");
    report_text("timeOffsets", "/proc/self/timens_offsets");
    report_text("uidMap", "/proc/self/uid_map");
    report_text("personality", "/proc/self/personality");
    report_text("appArmor", "/proc/self/attr/current");
    report_sysctls();
    report_init();
}

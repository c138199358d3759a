/* The file system as the process finds it. */
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* proc_pid_mountinfo(5), a line: id, parent, device, root, mount point, options, optional fields, -, type, source, super options. */
static void report_mount(char *line)
{
    char *fields[6], *word;
    char propagation[256] = "";
    for (int i = 0; i < 6; i++)
        if ((fields[i] = strsep(&line, " ")) == NULL)
            return;
    while ((word = strsep(&line, " ")) != NULL && strcmp(word, "-") != 0) {
        // Of "shared:12" the word; the number of the peer group differs from run to run.
        strncat(propagation, strsep(&word, ":"), sizeof propagation - strlen(propagation) - 2);
        strcat(propagation, " ");
    }
    json_begin(NULL, '{');
    json_string("root", fields[3]);
    json_string("target", fields[4]);
    json_string("options", fields[5]);
    json_string("propagation", propagation);
    const char *const rest[] = {"type", "source", "superOptions"};
    for (int i = 0; i < 3; i++)
        json_string(rest[i], (word = strsep(&line, " ")) != NULL ? word : "");
    json_end('}');
}

static void report_mounts(void)
{
    static char buffer[1 << 18];
    char *rest = buffer, *line;
    read_file("/proc/self/mountinfo", buffer, sizeof buffer);
    json_begin("mounts", '[');
    while ((line = strsep(&rest, "\n")) != NULL)
        if (*line != 0)
            report_mount(line);
    json_end(']');
}

static char type_letter(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return '-';
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    case S_IFCHR: return 'c';
    case S_IFBLK: return 'b';
    case S_IFIFO: return 'p';
    default: return 's';
    }
}

/* "crw 666 0:5 1:3" or "l 777 0:0 -> target" */
static void report_node(const char *key, const char *path)
{
    struct stat node;
    if (lstat(path, &node) < 0) {
        json_string(key, errno_text(errno));
        return;
    }
    char more[4096] = "";
    if (S_ISLNK(node.st_mode)) {
        strcpy(more, " -> ");
        ssize_t length = readlink(path, more + 4, sizeof more - 5);
        more[4 + (length > 0 ? length : 0)] = 0;
    } else if (S_ISCHR(node.st_mode) || S_ISBLK(node.st_mode)) {
        snprintf(more, sizeof more, " %u:%u", major(node.st_rdev), minor(node.st_rdev));
    }
    json_format(key, "%c %o %u:%u%s", type_letter(node.st_mode), node.st_mode & 07777, node.st_uid, node.st_gid, more);
}

/* Every entry of a folder; one level deeper for the folders on it that `deeper` allows. */
static void report_folder(const char *key, const char *path, bool deeper)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    json_begin(key, '{');
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char child[512];
        snprintf(child, sizeof child, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            report_node(child, child);
            if (deeper && entries[i]->d_type == DT_DIR)
                report_folder(name, child, false);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    else
        json_string("error", errno_text(errno));
    json_end('}');
}

static const char *try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno_text(errno);
    close(fd);
    return "ok";
}

/* Whether there is anything to read in a file, or to see in a folder. */
static const char *content(const char *path, bool folder)
{
    if (folder) {
        struct dirent **entries;
        int count = scandir(path, &entries, NULL, NULL);
        for (int i = 0; i < count; i++)
            free(entries[i]);
        if (count >= 0)
            free(entries);
        return count < 0 ? errno_text(errno) : count > 2 ? "entries" : "empty";
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char byte;
    ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);
    const char *result = n < 0 ? errno_text(errno) : n == 0 ? "empty" : "bytes";
    if (fd >= 0)
        close(fd);
    return result;
}

/* Paths that engines mask or make read-only, and some beside them. Nothing is written: opening for it is enough. */
static void report_paths(void)
{
    static const char *const paths[] = {"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/proc/asound", "/proc/interrupts",
        "/sys/devices/virtual/powercap", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/proc",
        "/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/vm/drop_caches",
        "/proc/kmsg", "/proc/kallsyms", "/proc/config.gz", "/proc/cmdline", "/proc/self/oom_score_adj", "/proc/1/environ",
        "/sys", "/sys/kernel", "/sys/kernel/security", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/fs/bpf",
        "/sys/fs/cgroup", "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/module", "/dev", "/dev/shm", "/dev/mqueue", "/dev/pts",
        "/dev/console", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc", "/tmp", "/"};
    json_begin("paths", '{');
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct stat node;
        if (stat(paths[i], &node) < 0) {
            json_string(paths[i], errno_text(errno));
            continue;
        }
        bool folder = S_ISDIR(node.st_mode);
        struct statvfs fs;
        bool read_only = statvfs(paths[i], &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
        json_format(paths[i], "%c %o %s, write %s%s", type_letter(node.st_mode), node.st_mode & 07777, content(paths[i], folder),
            folder ? (access(paths[i], W_OK) == 0 ? "ok" : errno_text(errno)) : try_open(paths[i], O_WRONLY),
            read_only ? ", read-only file system" : "");
    }
    json_end('}');
}

static void report_contents(void)
{
    static const char *const paths[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
    json_begin("contents", '{');
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char buffer[16384];
        long length = read_file(paths[i], buffer, sizeof buffer);
        if (length < 0)
            json_string(paths[i], errno_text((int)-length));
        else
            json_bytes(paths[i], buffer, (size_t)length);
    }
    json_end('}');
}

static void report_links(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct if_nameindex *links = if_nameindex();
    json_begin("links", '{');
    for (struct if_nameindex *link = links; link != NULL && link->if_index != 0; link++) {
        struct ifreq request = {0};
        strncpy(request.ifr_name, link->if_name, IFNAMSIZ - 1);
        ioctl(fd, SIOCGIFFLAGS, &request);
        short flags = request.ifr_flags;
        ioctl(fd, SIOCGIFMTU, &request);
        json_format(link->if_name, "%s, mtu %d", (flags & IFF_UP) != 0 ? "up" : "down", request.ifr_mtu);
    }
    json_end('}');
    if (links != NULL)
        if_freenameindex(links);
    close(fd);
}

void report_files(void)
{
    report_mounts();
    report_folder("devices", "/dev", true);
    report_folder("root", "/", false);
    report_paths();
    report_contents();
    report_links();
}

/*
 * What a container costs at the least: the kernel's part, and nothing else. New namespaces, an overlay as the root, /proc, a command, its
 * end, and the removal of what it wrote. With a BRIDGE also a veth pair, one end in it, the other in the container with an address.
 *
 *   bare LOWER WORK TIMES [BRIDGE]      LOWER: a root file system; WORK: an empty folder; prints milliseconds, a line each
 *
 * clone(2), mount(2), pivot_root(2), rtnetlink(7). No cgroup, no seccomp filter, no log: nobody would call this a runtime.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void check(int result, const char *what)
{
    if (result < 0)
        die(what);
}

/* --- rtnetlink ----------------------------------------------------------------------------------------------------------- */

struct request {
    struct nlmsghdr header;
    char rest[1024];
};

static void *append(struct request *request, const void *bytes, size_t length)
{
    void *at = (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);
    if (bytes)
        memcpy(at, bytes, length);
    request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + NLMSG_ALIGN(length);
    return at;
}

static struct rtattr *begin(struct request *request, int type)
{
    struct rtattr head = {.rta_len = 0, .rta_type = type};
    return append(request, &head, sizeof head);
}

static void end(struct request *request, struct rtattr *attribute)
{
    attribute->rta_len = (char *)request + request->header.nlmsg_len - (char *)attribute;
}

static void attribute(struct request *request, int type, const void *bytes, size_t length)
{
    struct rtattr *head = begin(request, type);
    append(request, bytes, length);
    head->rta_len = RTA_LENGTH(length);
}

static void ask(int netlink, struct request *request, int type, int flags, const char *what)
{
    char answer[4096];
    request->header.nlmsg_type = type;
    request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    check(send(netlink, request, request->header.nlmsg_len, 0), what);
    check(recv(netlink, answer, sizeof answer, 0), what);
    struct nlmsgerr *error = NLMSG_DATA((struct nlmsghdr *)answer);
    if (error->error) {
        errno = -error->error;
        die(what);
    }
}

static struct request start_of(const void *fixed, size_t length)
{
    struct request request = {.header = {.nlmsg_len = NLMSG_HDRLEN}};
    append(&request, fixed, length);
    return request;
}

static void add_veth(int netlink, const char *name, int bridge, pid_t peer)
{
    struct ifinfomsg up = {.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP}, plain = {0};
    struct request request = start_of(&up, sizeof up);
    attribute(&request, IFLA_IFNAME, name, strlen(name) + 1);
    attribute(&request, IFLA_MASTER, &bridge, sizeof bridge);
    struct rtattr *info = begin(&request, IFLA_LINKINFO);
    attribute(&request, IFLA_INFO_KIND, "veth", 5);
    struct rtattr *data = begin(&request, IFLA_INFO_DATA);
    struct rtattr *other = begin(&request, VETH_INFO_PEER);
    append(&request, &plain, sizeof plain);
    attribute(&request, IFLA_IFNAME, "eth0", 5);
    attribute(&request, IFLA_NET_NS_PID, &peer, sizeof peer);
    end(&request, other);
    end(&request, data);
    end(&request, info);
    ask(netlink, &request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "add veth");
}

static void link_up(int netlink, int index)
{
    struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct request request = start_of(&up, sizeof up);
    ask(netlink, &request, RTM_NEWLINK, 0, "link up");
}

static void give_address(int netlink, int index)
{
    struct in_addr own, gateway;
    inet_pton(AF_INET, "10.249.0.2", &own);
    inet_pton(AF_INET, "10.249.0.1", &gateway);
    struct ifaddrmsg address = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index};
    struct request request = start_of(&address, sizeof address);
    attribute(&request, IFA_LOCAL, &own, sizeof own);
    ask(netlink, &request, RTM_NEWADDR, NLM_F_CREATE, "add address");
    struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST, .rtm_protocol = RTPROT_BOOT};
    request = start_of(&route, sizeof route);
    attribute(&request, RTA_GATEWAY, &gateway, sizeof gateway);
    ask(netlink, &request, RTM_NEWROUTE, NLM_F_CREATE, "add route");
}

static int open_netlink(void)
{
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    check(netlink, "socket");
    return netlink;
}

/* --- the container ------------------------------------------------------------------------------------------------------- */

static void contain(const char *lower, const char *merged, int veth)
{
    char options[4096];
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=upper,workdir=work", lower);
    check(mount("overlay", merged, "overlay", 0, options), "overlay");
    check(chdir(merged), "chdir");
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "umount2");
    check(chdir("/"), "chdir /");
    /* An image need not have it. */
    if (mkdir("/proc", 0555) < 0 && errno != EEXIST)
        die("mkdir /proc");
    check(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
    if (veth) {
        int netlink = open_netlink();
        int index = if_nametoindex("eth0");
        link_up(netlink, 1);
        link_up(netlink, index);
        give_address(netlink, index);
    }
    execl("/bin/true", "true", NULL);
    die("exec");
}

static void run(const char *lower, const char *bridge, int number)
{
    int go[2];
    char veth[IFNAMSIZ];
    char byte;
    check(mkdir("upper", 0755), "mkdir upper");
    check(mkdir("work", 0755), "mkdir work");
    check(mkdir("merged", 0755), "mkdir merged");
    check(pipe(go), "pipe");
    int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | SIGCHLD;
    pid_t child = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    check(child, "clone");
    if (child == 0) {
        close(go[1]);
        if (bridge && read(go[0], &byte, 1) != 1)
            exit(1);
        contain(lower, "merged", bridge != NULL);
    }
    if (bridge) {
        int netlink = open_netlink();
        /* The kernel removes them with the namespace, but when it has time to. */
        snprintf(veth, sizeof veth, "bare%d", number);
        add_veth(netlink, veth, if_nametoindex(bridge), child);
        close(netlink);
        check(write(go[1], "", 1), "write");
    }
    close(go[0]);
    close(go[1]);
    int status;
    check(waitpid(child, &status, 0), "waitpid");
    if (status != 0)
        exit(1);
    /* What the kernel made in it is empty. */
    rmdir("upper/proc");
    rmdir("work/work");
    check(rmdir("upper"), "rmdir upper");
    check(rmdir("work"), "rmdir work");
    check(rmdir("merged"), "rmdir merged");
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bare LOWER WORK TIMES [BRIDGE]\n");
        return 2;
    }
    check(chdir(argv[2]), argv[2]);
    for (int times = atoi(argv[3]); times > 0; times--) {
        double from = now_ms();
        run(argv[1], argc > 4 ? argv[4] : NULL, times);
        printf("%.3f\n", now_ms() - from);
    }
    return 0;
}

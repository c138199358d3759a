// A merged view of overlay layers that no mount table shows.
//
// mount(2) can only attach what it mounts. So a thread that lives for this alone takes a mount namespace of its own, mounts
// there, clones what it mounted (open_tree(2)) and ends, and its namespace with it. The clone stays, for whoever has its file
// descriptor. fsopen(2) would need no namespace, but takes at most 255 bytes of layers before Linux 6.5.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc has them since 2.36, and <linux/mount.h> does not get along with <sys/mount.h>.
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif

struct request {
    const char *folder;
    const char *options;
    uint64_t flags;
    int64_t result;
};

int64_t skiff_detached_overlay(const char *folder, const char *options, uint64_t flags);

static int64_t mount_and_clone(const struct request *request)
{
    // CLONE_FS first of all: the working directory belongs to all threads of the process otherwise.
    if (unshare(CLONE_FS | CLONE_NEWNS) == -1)
        return -errno;
    // Private, before anything is mounted: else the host would see it.
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
        return -errno;
    // The names of lower layers are relative to here.
    if (chdir(request->folder) == -1)
        return -errno;
    if (mount("overlay", request->folder, "overlay", request->flags, request->options) == -1)
        return -errno;
    // By its path and not as ".", which would be the folder underneath.
    long tree = syscall(SYS_open_tree, AT_FDCWD, request->folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return tree == -1 ? -errno : tree;
}

static void *run(void *argument)
{
    struct request *request = argument;
    request->result = mount_and_clone(request);
    return NULL;
}

// Mounts an overlay with these options, its relative names taken from `folder`. Returns the descriptor of its root folder
// (O_PATH, O_CLOEXEC), or -errno.
int64_t skiff_detached_overlay(const char *folder, const char *options, uint64_t flags)
{
    struct request request = {.folder = folder, .options = options, .flags = flags, .result = -EAGAIN};
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, &request);
    if (error != 0)
        return -error;
    pthread_join(thread, NULL);
    return request.result;
}

// A shim that was made before anybody needed it (src/runtime/shim/ahead.ts): begins with its end of the control connection alone, and waits there for its launch. That is one message: the id, for ps(1) to show, and the descriptors of SHIM_FD_*.
#include "ahead.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "../generated/abi.h"
#include "../kernel/sys.h"

static union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(AHEAD_MOST * sizeof(int))];
} rights;

static int place_of(unsigned index)
{
    return index < AHEAD_FIXED ? SHIM_FD_LAUNCH + (int)index : SHIM_FD_FIRST_OPTIONAL + (int)index - AHEAD_FIXED;
}

// The kernel gives each the lowest number that is free, in the order in which they were sent.
static bool all_in_place(const struct msghdr *message)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (!header || message->msg_flags & MSG_CTRUNC || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return false;
    unsigned count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (unsigned i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
        if (fd != place_of(i))
            return false;
    }
    return count >= AHEAD_FIXED;
}

void await_launch(char *name)
{
    sys_dup3(AHEAD_CONTROL, SHIM_FD_CONTROL, O_CLOEXEC);
    sys_close(AHEAD_CONTROL);
    struct iovec part = {name, strlen(name)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    // The end of the connection: there is no daemon any more, or it needs no shim.
    if (sys_recvmsg(SHIM_FD_CONTROL, &message, MSG_CMSG_CLOEXEC) != (long)part.iov_len)
        sys_exit(0);
    if (!all_in_place(&message))
        sys_exit(1);
}

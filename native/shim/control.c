#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "../kernel/sys.h"
#include "clients.h"
#include "shim.h"
#include "streams.h"

enum { MAX_PARTS = 4 };

static struct iovec reports_of(const struct trace *trace)
{
    if (!trace)
        return (struct iovec){NULL, 0};
    return (struct iovec){(void *)(uintptr_t)trace->reports, trace->finished * sizeof trace->reports[0]};
}

// A frame whose payload is a structure and the reports of both programs. Frames are a courtesy: what they tell is also on
// disk, so a connection that cannot take one is dropped, and the daemon looks there.
static bool send_frame(struct client *client, uint32_t type, const void *payload, size_t n, bool with_reports)
{
    struct skiff_frame_header header = {.type = type, .bytes = 0};
    struct iovec parts[MAX_PARTS] = {{&header, sizeof header}, {(void *)(uintptr_t)payload, n}};
    size_t count = 2, total = 0;
    if (with_reports) {
        parts[count++] = reports_of(shim.before);
        parts[count++] = reports_of(shim.main);
    }
    for (size_t i = 0; i < count; i++)
        total += parts[i].iov_len;
    header.bytes = (uint32_t)(total - sizeof header);
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    if (sys_sendmsg(client->watch.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (long)total)
        return true;
    client_drop(client);
    return false;
}

static void tell_started(struct client *client)
{
    send_frame(client, FRAME_STARTED, &shim.started, sizeof shim.started, true);
}

static bool exit_was_told;

static void tell_exited(struct client *client)
{
    if (send_frame(client, FRAME_EXITED, &shim.exited, sizeof shim.exited, false))
        exit_was_told = true;
}

void control_greet(struct client *client)
{
    if (shim.phase != STARTING)
        tell_started(client);
    if (shim.phase == ENDED && client->watch.fd >= 0)
        tell_exited(client);
}

void control_tell_started(void)
{
    clients_each(CONTROL, tell_started);
}

void control_tell_exited(void)
{
    clients_each(CONTROL, tell_exited);
}

// Told and not yet seen: then the daemon will look anyway. Unlike other frames it is not worth the connection, so that one
// which does not fit now is left out; the daemon finds the files later.
static bool rotation_is_told;

static void tell_rotated(struct client *client)
{
    const struct skiff_frame_header header = {.type = FRAME_ROTATED, .bytes = 0};
    if (sys_send(client->watch.fd, &header, sizeof header, MSG_DONTWAIT | MSG_NOSIGNAL) == (long)sizeof header)
        rotation_is_told = true;
}

void control_tell_rotated(void)
{
    if (!rotation_is_told)
        clients_each(CONTROL, tell_rotated);
}

bool control_exit_was_told(void)
{
    return exit_was_told;
}

static const struct skiff_failed *failure;

static void tell_failed(struct client *client)
{
    send_frame(client, FRAME_FAILED, failure, sizeof *failure, true);
}

void control_tell_failed(const struct skiff_failed *failed)
{
    failure = failed;
    clients_each(CONTROL, tell_failed);
}

static void answer_attach(struct client *client, const struct skiff_attach_request *request)
{
    struct skiff_attached answer = {.error = request->key_count > ATTACH_LIMITS_MAX_KEYS ? EINVAL : 0};
    if (!send_frame(client, FRAME_ATTACHED, &answer, sizeof answer, false))
        return;
    if (answer.error)
        client_drop(client);
    else
        client_attach(client, request);
}

// False: this frame is not for this connection.
static bool act(struct client *client, uint32_t type, const uint8_t *payload, size_t n)
{
    union {
        struct skiff_attach_request attach;
        struct skiff_resize resize;
        struct skiff_signal signal;
    } request = {0};
    memcpy(&request, payload, n < sizeof request ? n : sizeof request);

    if (client->role == NEWCOMER) {
        if (type == FRAME_ATTACH && n == sizeof request.attach) {
            answer_attach(client, &request.attach);
            return true;
        }
        if (type != FRAME_CONTROL || n != 0)
            return false;
        client->role = CONTROL;
        // A new daemon looks at the log's files by itself.
        rotation_is_told = false;
        control_greet(client);
        return true;
    }
    if (type == FRAME_RESIZE && n == sizeof request.resize)
        output_resize(request.resize.rows, request.resize.columns);
    else if (type == FRAME_SIGNAL && n == sizeof request.signal)
        shim.phase == RUNNING ? sys_kill(shim.pid, request.signal.number) : 0;
    else if (type == FRAME_ROTATION_SEEN && n == 0)
        rotation_is_told = false;
    else if (type == FRAME_CLOSE_STDIN && n == 0)
        input_close_after_rest();
    else
        return false;
    return true;
}

// Reads as far as `wanted` bytes of the frame, and not one more: what follows an ATTACH frame is the process's input.
static bool receive(struct client *client, size_t wanted)
{
    while (client->received < wanted) {
        long n = sys_recv(client->watch.fd, client->frame + client->received, wanted - client->received, MSG_DONTWAIT);
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN)
            return false;
        if (n <= 0) {
            client_drop(client);
            return false;
        }
        client->received += (uint32_t)n;
    }
    return true;
}

void control_ready(struct client *client)
{
    struct skiff_frame_header header;
    if (!receive(client, sizeof header))
        return;
    memcpy(&header, client->frame, sizeof header);
    if (header.bytes > FRAME_MAX_PAYLOAD) {
        client_drop(client);
        return;
    }
    if (!receive(client, sizeof header + header.bytes))
        return;
    client->received = 0;
    if (!act(client, header.type, client->frame + sizeof header, header.bytes))
        client_drop(client);
}

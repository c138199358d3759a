// Clients of the streams. Each direction of a connection ends on its own: a client that has no more to send (a half-close)
// still gets all output, and one that got all output is closed only when it has closed its side too, so that what it was
// sending cannot cost it, by a reset, what it had not read yet.
#include <errno.h>
#include <string.h>

#include "../kernel/sys.h"
#include "clients.h"
#include "shim.h"
#include "streams.h"

static uint8_t scratch[INPUT_READ_MAX];

static bool wants_output(const struct client *client)
{
    return client->flags & (ATTACH_STDOUT | ATTACH_STDERR);
}

static bool is_behind(const struct client *client)
{
    return client->output_open && client->cursor.at < outbox.end;
}

// Whether what it sends would be taken now. What is to be dropped anyway can always be taken.
static bool may_send(const struct client *client)
{
    // Before the process has started its input is not open yet: that is no reason to drop what waits for it.
    bool dropped = client->detached || !(client->flags & ATTACH_STDIN) || (shim.phase != STARTING && !input_is_open());
    return client->input_open && (dropped || (shim.phase != STARTING && !input_is_pending()));
}

// Asks the loop for what matters now, or lets the client go when nothing does.
static void refresh(struct client *client)
{
    if (client->watch.fd < 0)
        return;
    if (!client->input_open && !client->output_open) {
        client_drop(client);
        return;
    }
    uint32_t events = (may_send(client) ? EPOLLIN : 0) | (is_behind(client) ? EPOLLOUT : 0);
    // Once it has half-closed, only its vanishing is of interest; while its input has to wait, not even that.
    if (events == 0 && !client->input_open)
        events = EPOLLHUP;
    loop_watch(&client->watch, events);
}

static void end_output(struct client *client)
{
    if (!client->output_open)
        return;
    client->output_open = false;
    sys_shutdown(client->watch.fd, SHUT_WR);
}

static void end_input(struct client *client)
{
    if (!client->input_open)
        return;
    client->input_open = false;
    if (!wants_output(client))
        end_output(client);
    if ((client->flags & ATTACH_STDIN) && !client->detached && (shim.flags & LAUNCH_STDIN_ONCE))
        input_close_after_rest();
}

void client_attach(struct client *client, const struct skiff_attach_request *request)
{
    client->role = ATTACHED;
    client->flags = request->flags;
    client->keys.count = (uint8_t)request->key_count;
    memcpy(client->keys.keys, request->keys, request->key_count);
    client->input_open = true;
    client->output_open = true;
    client->output_ends = shim.phase == ENDED;
    client->cursor = (struct cursor){.at = outbox.end, .piece_end = outbox.end};
    if (client->output_ends)
        end_output(client);
    refresh(client);
}

// Reads a client's input straight into the process's, past the detach keys.
static void pass_input(struct client *client, uint8_t *room)
{
    bool filtered = client->keys.count > 0;
    long n = sys_recv(client->watch.fd, filtered ? scratch : room, INPUT_READ_MAX, MSG_DONTWAIT);
    if (n == -EAGAIN || n == -EINTR)
        return;
    if (n <= 0) {
        end_input(client);
        return;
    }
    size_t length = (size_t)n;
    if (filtered) {
        length = detach_keys_filter(&client->keys, scratch, (size_t)n, room, &client->detached);
        if (client->detached)
            end_output(client);
    }
    if (length > 0)
        input_add(length);
}

static void drop_input(struct client *client)
{
    long n = sys_recv(client->watch.fd, scratch, sizeof scratch, MSG_DONTWAIT);
    if (n != -EAGAIN && n != -EINTR && n <= 0)
        end_input(client);
}

static void read_input(struct client *client)
{
    if (client->detached || !(client->flags & ATTACH_STDIN) || !input_is_open())
        drop_input(client);
    else
        pass_input(client, input_room());
}

static void deliver(struct client *client)
{
    while (is_behind(client)) {
        const uint8_t *bytes;
        size_t n = cursor_peek(&client->cursor, &outbox, client->flags, &bytes);
        if (n == 0)
            break;
        long sent = sys_send(client->watch.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent == -EINTR)
            continue;
        if (sent == -EAGAIN)
            break;
        if (sent < 0) {
            // It has vanished, or will not read any more: it gets no further output. Its last input may still be there.
            end_output(client);
            break;
        }
        cursor_advance(&client->cursor, &outbox, (size_t)sent);
    }
    if (client->output_ends && !is_behind(client))
        end_output(client);
    refresh(client);
}

static size_t slowest;

static void find_slowest(struct client *client)
{
    if (client->output_open && client->cursor.at < slowest)
        slowest = client->cursor.at;
}

static void move_back(struct client *client)
{
    if (!client->output_open)
        return;
    client->cursor.at -= slowest;
    client->cursor.piece_end -= slowest;
}

void clients_forget_delivered(void)
{
    slowest = outbox.end;
    clients_each(ATTACHED, find_slowest);
    // All of it, as a rule; else only when the room runs out, since what stays has to be moved.
    if (slowest > 0 && (slowest == outbox.end || !outbox_room(&outbox))) {
        clients_each(ATTACHED, move_back);
        outbox_forget(&outbox, slowest);
    }
}

void clients_deliver(void)
{
    clients_each(ATTACHED, deliver);
    clients_forget_delivered();
}

static void announce_end(struct client *client)
{
    client->output_ends = true;
}

void clients_end_output(void)
{
    clients_each(ATTACHED, announce_end);
    clients_deliver();
}

void clients_resume_input(void)
{
    clients_each(ATTACHED, refresh);
}

void attached_ready(struct client *client, uint32_t events)
{
    // A client that has gone altogether: what it sent before is read first.
    if ((events & EPOLLHUP) && !client->input_open)
        client->output_open = false;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && may_send(client))
        read_input(client);
    if (client->watch.fd >= 0 && (events & EPOLLOUT))
        clients_deliver();
    refresh(client);
}

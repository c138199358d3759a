#include <errno.h>
#include <string.h>

#include "../kernel/sys.h"
#include "clients.h"
#include "loop.h"
#include "streams.h"

static void pipe_ready(struct watch *watch, uint32_t events);

static struct {
    struct watch watch;
    int fd;
    bool is_terminal;
    bool close_after_rest;
    size_t start;
    size_t end;
} input = {.fd = -1, .watch = {.ready = pipe_ready}};

static uint8_t bytes[INPUT_READ_MAX + ATTACH_LIMITS_MAX_KEYS];

void input_open_pipe(int fd)
{
    input.fd = fd;
    input.watch.fd = fd;
}

// The terminal's descriptor is watched, and closed, by output.c.
void input_open_terminal(int master)
{
    input.fd = master;
    input.is_terminal = true;
}

bool input_is_open(void)
{
    return input.fd >= 0;
}

bool input_is_pending(void)
{
    return input.end > input.start;
}

uint8_t *input_room(void)
{
    return input_is_pending() ? NULL : bytes;
}

void input_close(void)
{
    if (input.fd < 0)
        return;
    if (!input.is_terminal) {
        loop_watch(&input.watch, 0);
        sys_close(input.fd);
    }
    input.fd = -1;
    input.start = input.end = 0;
    clients_resume_input();
}

void input_continue(void)
{
    while (input_is_pending()) {
        long n = sys_write(input.fd, bytes + input.start, input.end - input.start);
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN)
            break;
        if (n < 0) {
            // Nobody will read it any more (EPIPE, EIO).
            input_close();
            break;
        }
        input.start += (size_t)n;
    }
    if (input_is_open() && !input.is_terminal)
        loop_watch(&input.watch, input_is_pending() ? EPOLLOUT : 0);
    if (input_is_pending())
        return;
    input.start = input.end = 0;
    if (input.close_after_rest)
        input_close();
    clients_resume_input();
}

static void pipe_ready(struct watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
    input_continue();
}

void input_add(size_t n)
{
    input.end = n;
    input_continue();
}

void input_close_after_rest(void)
{
    if (input.is_terminal)
        return;
    input.close_after_rest = true;
    if (!input_is_pending())
        input_close();
}

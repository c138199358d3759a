#include "loop.h"

#include "../kernel/sys.h"

enum { EVENTS_PER_TURN = 32 };

static int epoll = -1;

int loop_open(void)
{
    epoll = (int)sys_epoll_create();
    return epoll < 0 ? epoll : 0;
}

void loop_watch(struct watch *watch, uint32_t events)
{
    if (events == watch->events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = watch};
    int operation = events == 0 ? EPOLL_CTL_DEL : watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (sys_epoll_ctl(epoll, operation, watch->fd, &event) == 0)
        watch->events = events;
}

void loop_turn(void)
{
    struct epoll_event events[EVENTS_PER_TURN];
    long n = sys_epoll_wait(epoll, events, EVENTS_PER_TURN, -1);
    for (long i = 0; i < n; i++) {
        struct watch *watch = events[i].data.ptr;
        // An earlier callback of this turn may have ended it.
        if (watch->events != 0)
            watch->ready(watch, events[i].events);
    }
}

// The event loop: one epoll instance, level-triggered. See epoll(7).
#pragma once

#include <stdint.h>

// Something that the loop watches. A callback must bear being called when there is nothing to do: an event that was
// fetched together with another may have been overtaken by it.
struct watch {
    void (*ready)(struct watch *watch, uint32_t events);
    int fd;
    // EPOLL* that are asked for now; 0: not watched at all (an error or hang-up would be reported for ever).
    uint32_t events;
};

int loop_open(void);
// Changes what is asked for. Call with 0 before the descriptor is closed.
void loop_watch(struct watch *watch, uint32_t events);
// Waits for events and calls back.
void loop_turn(void);

// Everybody who is connected to the shim: daemons (control connections) and clients of the streams.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../generated/abi.h"
#include "detach-keys.h"
#include "loop.h"
#include "outbox.h"

enum role {
    // Has connected and not yet said what it is for.
    NEWCOMER,
    CONTROL,
    ATTACHED,
};

struct client {
    // First: the loop's callback gets a pointer to it. watch.fd < 0: this place in the table is free.
    struct watch watch;
    enum role role;
    // ATTACHED: ATTACH_*.
    uint32_t flags;
    // Output is still to be delivered; after that the client sees the end.
    bool output_open;
    // The process has ended: output_open lasts until the client has everything.
    bool output_ends;
    // The client may still send.
    bool input_open;
    // It typed the detach keys: what it sends is dropped.
    bool detached;
    struct detach_keys keys;
    struct cursor cursor;
    // NEWCOMER and CONTROL: the frame that is coming in.
    uint32_t received;
    uint8_t frame[sizeof(struct skiff_frame_header) + FRAME_MAX_PAYLOAD];
};

// clients.c: the table, and whatever changes who is in it.
void clients_open(void);
struct client *clients_add(int fd, enum role role);
void client_drop(struct client *client);
// Calls back for each client of a role.
void clients_each(enum role role, void (*call)(struct client *client));
// Nobody is attached any more.
bool clients_none_attached(void);

// attach.c: clients of the streams.
void client_attach(struct client *client, const struct skiff_attach_request *request);
void attached_ready(struct client *client, uint32_t events);
// Sends to all what they can take now, and forgets what all have.
void clients_deliver(void);
// Forgets what no client waits for any more: the slowest may have taken it, or may have gone.
void clients_forget_delivered(void);
// There will be no further output.
void clients_end_output(void);
// The process's input has room again: clients that waited may send.
void clients_resume_input(void);

// control.c: frames.
// Reads what has come of a frame and acts on it when it is complete. Drops a client that breaks the protocol.
void control_ready(struct client *client);
// Tells a control connection all that is known, or everybody what has just become known.
void control_greet(struct client *client);
void control_tell_started(void);
void control_tell_exited(void);
void control_tell_rotated(void);
// Some daemon knows.
bool control_exit_was_told(void);
void control_tell_failed(const struct skiff_failed *failed);

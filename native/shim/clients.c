#include "clients.h"

#include <errno.h>

#include "../kernel/sys.h"

static void listener_ready(struct watch *watch, uint32_t events);

static struct client table[ATTACH_LIMITS_MAX_CLIENTS];
// Places beyond this one were never used.
static int table_used;
static struct watch listener = {.ready = listener_ready, .fd = SHIM_FD_LISTENER};

void clients_open(void)
{
    loop_watch(&listener, EPOLLIN);
}

static void client_ready(struct watch *watch, uint32_t events)
{
    struct client *client = (struct client *)watch;
    if (client->role == ATTACHED)
        attached_ready(client, events);
    else
        control_ready(client);
}

static struct client *free_place(void)
{
    for (int i = 0; i < table_used; i++)
        if (table[i].watch.fd < 0)
            return &table[i];
    return table_used < ATTACH_LIMITS_MAX_CLIENTS ? &table[table_used++] : NULL;
}

struct client *clients_add(int fd, enum role role)
{
    struct client *client = free_place();
    if (!client) {
        sys_close(fd);
        return NULL;
    }
    *client = (struct client){.watch = {.ready = client_ready, .fd = fd}, .role = role};
    loop_watch(&client->watch, EPOLLIN);
    return client;
}

void client_drop(struct client *client)
{
    loop_watch(&client->watch, 0);
    sys_close(client->watch.fd);
    client->watch.fd = -1;
    // There may have been no descriptor left for one who waits.
    loop_watch(&listener, EPOLLIN);
}

static void listener_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    long fd = sys_accept4(watch->fd, SOCK_CLOEXEC);
    if (fd >= 0)
        clients_add((int)fd, NEWCOMER);
    else if (fd == -EMFILE || fd == -ENFILE)
        loop_watch(watch, 0);
}

void clients_each(enum role role, void (*call)(struct client *client))
{
    for (int i = 0; i < table_used; i++)
        if (table[i].watch.fd >= 0 && table[i].role == role)
            call(&table[i]);
}

bool clients_none_attached(void)
{
    for (int i = 0; i < table_used; i++)
        if (table[i].watch.fd >= 0 && table[i].role == ATTACHED)
            return false;
    return true;
}

// The socket of a log that is sent on: connected without waiting, connected again when the receiver comes back.
//
//     AWAY ── connect ──▶ CONNECTING ──▶ CONNECTED ── refused, closed ──▶ AWAY (tried again each second while there is work)
//
// With `mode=blocking` the process waits while a connected receiver is slow, but not for one that is away, and for one that
// takes nothing at all no longer than STALL_NS: no receiver can hold a container for ever.
#include "forward.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "../kernel/clock.h"
#include "../kernel/sys.h"
#include "loop.h"

#define SECOND_NS 1000000000ull
#define STALL_NS (10 * SECOND_NS)
// How long a shim outlives its process for the sake of messages that nobody takes.
#define LINGER_NS (3 * SECOND_NS)
enum { QUEUE_BYTES = 16 << 20, READ_MIN = 512, TCP_GIVE_UP_MS = 30000 };

enum state { AWAY, CONNECTING, CONNECTED };

static void socket_ready(struct watch *watch, uint32_t events);
static void tick(struct watch *watch, uint32_t events);

static struct watch connection = {.ready = socket_ready, .fd = -1};
static struct watch timer = {.ready = tick, .fd = -1};
static struct skiff_log_forward to;
static struct forward_format format;
static struct forward_queue queue;
static enum state state;
// The first connection is still being made: the daemon has just found the receiver there.
static bool first = true;
static bool is_open, blocked, stalled, ticking;
static uint64_t tried_ns, progress_ns, done_by_ns, lost;

static bool is_stream(void)
{
    return to.socket_type == SOCK_STREAM;
}

static uint16_t family(void)
{
    uint16_t value;
    memcpy(&value, to.address, sizeof value);
    return value;
}

static void go_away(void)
{
    if (connection.fd >= 0) {
        loop_watch(&connection, 0);
        sys_close(connection.fd);
    }
    connection.fd = -1;
    state = AWAY;
    first = false;
    blocked = stalled = false;
    // A message that a stream took half of is sent again as a whole.
    queue.sent = 0;
}

static void connected(void)
{
    state = CONNECTED;
    first = false;
    progress_ns = clock_monotonic_ns();
    loop_watch(&connection, is_stream() ? EPOLLIN | EPOLLRDHUP : 0);
}

static void try_to_connect(void)
{
    tried_ns = clock_monotonic_ns();
    connection.fd = (int)sys_socket(family(), (int)to.socket_type | SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection.fd < 0)
        return;
    if (is_stream() && family() != AF_UNIX)
        sys_setsockopt(connection.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_GIVE_UP_MS);
    long error = sys_connect(connection.fd, to.address, to.address_bytes);
    if (error == 0) {
        connected();
    } else if (error == -EINPROGRESS) {
        state = CONNECTING;
        loop_watch(&connection, EPOLLOUT);
    } else {
        go_away();
    }
}

int forward_open(const struct skiff_log_forward *forward)
{
    to = *forward;
    const char *texts = (const char *)(forward + 1);
    size_t texts_bytes = forward->before_bytes + forward->after_bytes;
    // The launch record goes; the texts stand in front of the queue.
    long memory = sys_mmap(QUEUE_BYTES + texts_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (memory < 0)
        return (int)memory;
    memcpy((void *)memory, texts, texts_bytes);
    size_t page = 4096, begin = (texts_bytes + page - 1) / page * page;
    format = (struct forward_format){
        .format = to.format,
        .facility = to.facility,
        .utc_offset_seconds = to.utc_offset_seconds,
        .pid = (int32_t)sys_getpid(),
        .before = (const char *)memory,
        .before_bytes = to.before_bytes,
        .after = (const char *)memory + to.before_bytes,
        .after_bytes = to.after_bytes,
    };
    // From a whole page on, so that what it no longer needs can be given back.
    queue = (struct forward_queue){.base = (uint8_t *)memory + begin, .capacity = QUEUE_BYTES + texts_bytes - begin};
    timer.fd = (int)sys_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer.fd < 0)
        return timer.fd;
    loop_watch(&timer, EPOLLIN);
    is_open = true;
    try_to_connect();
    return 0;
}

static void set_ticking(bool on)
{
    if (ticking == on)
        return;
    struct itimerspec each_second = {.it_value.tv_sec = on, .it_interval.tv_sec = on};
    if (sys_timerfd_settime(timer.fd, &each_second) == 0)
        ticking = on;
}

static void tick(struct watch *watch, uint32_t events)
{
    (void)events;
    uint64_t times;
    sys_read(watch->fd, &times, sizeof times);
    if (state == CONNECTED && blocked && clock_monotonic_ns() - progress_ns > STALL_NS)
        stalled = true;
}

static void socket_ready(struct watch *watch, uint32_t events)
{
    char ignored[256];
    if (watch->fd < 0)
        return;
    if (state == CONNECTING) {
        // A second connect(2) says what became of the first.
        long error = sys_connect(watch->fd, to.address, to.address_bytes);
        if (error == 0 || error == -EISCONN)
            connected();
        else if (error != -EALREADY && error != -EINPROGRESS)
            go_away();
        return;
    }
    if (events & EPOLLOUT) {
        blocked = false;
        loop_watch(watch, is_stream() ? EPOLLIN | EPOLLRDHUP : 0);
    }
    // Nothing is expected from a receiver but its end: noticed now, not by the loss of the next message.
    if (is_stream() && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        long n = sys_recv(watch->fd, ignored, sizeof ignored, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
            go_away();
    }
}

// Somebody will take what waits: `mode=blocking` may hold the process.
static bool is_waited_for(void)
{
    return to.blocking && ((state == CONNECTED && !stalled) || (state == CONNECTING && first));
}

void forward_line(enum log_stream stream, const uint8_t *line, size_t n, bool complete, uint64_t time_ns)
{
    size_t max = forward_overhead(&format) + n;
    bool full = !is_waited_for() && forward_queue_used(&queue) + max > to.buffer_bytes;
    uint8_t *room = full ? NULL : forward_queue_room(&queue, max);
    if (!room) {
        lost++;
        return;
    }
    size_t bytes = forward_message(&format, room, stream, line, n, complete, time_ns);
    if (bytes > 0)
        forward_queue_add(&queue, bytes);
}

// Whether there may be more to send.
static bool send_first(void)
{
    size_t n;
    const uint8_t *message = forward_queue_first(&queue, &n);
    if (!message)
        return false;
    long sent = sys_send(connection.fd, message + queue.sent, n - queue.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    // UDP tells of an earlier datagram that nobody took; this one was not sent yet.
    if (sent == -ECONNREFUSED && family() != AF_UNIX && !is_stream())
        sent = sys_send(connection.fd, message, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == -EINTR)
        return true;
    if (sent == -EAGAIN) {
        blocked = true;
        loop_watch(&connection, EPOLLOUT | (is_stream() ? EPOLLIN | EPOLLRDHUP : 0));
        return false;
    }
    bool refused = !is_stream() && (sent == -EMSGSIZE || sent == -ENOBUFS || (sent < 0 && family() != AF_UNIX));
    if (sent < 0 && !refused) {
        go_away();
        return false;
    }
    if (refused)
        lost++;
    else
        queue.sent += (size_t)sent;
    if (refused || queue.sent == n)
        forward_queue_remove(&queue);
    progress_ns = clock_monotonic_ns();
    stalled = false;
    return true;
}

void forward_send(void)
{
    if (!is_open)
        return;
    bool work = forward_queue_used(&queue) > 0;
    if (work && state == AWAY && clock_monotonic_ns() - tried_ns >= SECOND_NS)
        try_to_connect();
    while (state == CONNECTED && !blocked && send_first())
        ;
    set_ticking(forward_queue_used(&queue) > 0);
}

bool forward_holds(void)
{
    return is_open && is_waited_for() && forward_queue_used(&queue) > to.buffer_bytes;
}

size_t forward_read_max(void)
{
    if (!is_open)
        return SIZE_MAX;
    // At worst each second byte ends a line.
    size_t messages = (queue.capacity - forward_queue_used(&queue)) / (forward_overhead(&format) + sizeof(uint32_t) + 1);
    return messages * 2 > READ_MIN ? messages * 2 : READ_MIN;
}

bool forward_is_done(void)
{
    if (!is_open || forward_queue_used(&queue) == 0)
        return true;
    uint64_t now = clock_monotonic_ns();
    if (done_by_ns == 0)
        done_by_ns = now + LINGER_NS;
    // One that goes on taking, however slowly, gets everything.
    uint64_t until = state == CONNECTED && progress_ns + LINGER_NS > done_by_ns ? progress_ns + LINGER_NS : done_by_ns;
    return now >= until;
}

uint64_t forward_lost(void)
{
    return lost;
}

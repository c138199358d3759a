#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "../kernel/clock.h"
#include "../kernel/sys.h"
#include "clients.h"
#include "forward.h"
#include "loop.h"
#include "streams.h"

// A pipe's default capacity is 64 KiB; an unprivileged process can enlarge it to this (/proc/sys/fs/pipe-max-size).
enum { DRAIN_MAX = 1 << 20 };

struct source {
    // First: the loop's callback gets a pointer to it.
    struct watch watch;
    enum outbox_stream stream;
    bool is_terminal;
};

static void source_ready(struct watch *watch, uint32_t events);

struct outbox outbox;
static struct log *logfile;
static bool clients_have_ended;
static struct source sources[] = {
    {.watch = {.ready = source_ready, .fd = -1}, .stream = STREAM_STDOUT},
    {.watch = {.ready = source_ready, .fd = -1}, .stream = STREAM_STDERR},
};
enum { SOURCES = sizeof sources / sizeof sources[0] };

int output_open(struct log *to)
{
    logfile = to;
    return outbox_open(&outbox);
}

static void watch_source(struct source *source, int fd)
{
    source->watch.fd = fd;
    loop_watch(&source->watch, EPOLLIN);
}

void output_watch_pipes(int out, int err)
{
    watch_source(&sources[0], out);
    watch_source(&sources[1], err);
}

void output_watch_terminal(int master)
{
    sources[0].is_terminal = true;
    watch_source(&sources[0], master);
}

static enum log_stream log_stream_of(const struct source *source)
{
    return source->stream == STREAM_STDERR ? LOG_STDERR : LOG_STDOUT;
}

static void end_source(struct source *source)
{
    if (logfile)
        log_end(logfile, log_stream_of(source), clock_realtime_ns());
    if (source->is_terminal)
        input_close();
    loop_watch(&source->watch, 0);
    sys_close(source->watch.fd);
    source->watch.fd = -1;
}

// Reads once: bytes that were read, 0 when there is nothing now, or the source has ended.
static size_t read_source(struct source *source, uint8_t *room)
{
    size_t wanted = forward_read_max();
    long n = sys_read(source->watch.fd, room, wanted < OUTBOX_PIECE_MAX ? wanted : OUTBOX_PIECE_MAX);
    if (n == -EAGAIN || n == -EINTR)
        return 0;
    // A terminal whose last user has gone answers EIO.
    if (n <= 0) {
        end_source(source);
        return 0;
    }
    if (logfile)
        log_write(logfile, log_stream_of(source), room, (size_t)n, clock_realtime_ns());
    if (!clients_have_ended)
        outbox_add(&outbox, source->stream, (size_t)n);
    return (size_t)n;
}

static void source_ready(struct watch *watch, uint32_t events)
{
    struct source *source = (struct source *)watch;
    if (events & EPOLLOUT)
        input_continue();
    if (!(events & ~(uint32_t)EPOLLOUT) || source->watch.fd < 0)
        return;
    uint8_t *room = forward_holds() ? NULL : outbox_room(&outbox);
    if (room && read_source(source, room) > 0)
        clients_deliver();
}

void output_refresh(void)
{
    // Whoever held up the others may have vanished in this turn, without anything being delivered.
    clients_forget_delivered();
    uint32_t reading = outbox_room(&outbox) && !forward_holds() ? EPOLLIN : 0;
    for (int i = 0; i < SOURCES; i++) {
        struct source *source = &sources[i];
        uint32_t writing = source->is_terminal && input_is_pending() ? EPOLLOUT : 0;
        if (source->watch.fd >= 0)
            loop_watch(&source->watch, reading | writing);
    }
}

static void drain_source(struct source *source)
{
    size_t drained = 0;
    while (source->watch.fd >= 0 && drained < DRAIN_MAX) {
        // Clients that have not taken everything yet do not keep the rest out of the log, nor the exit from being told.
        if (!outbox_room(&outbox) && outbox_grow(&outbox) < 0)
            return;
        size_t n = read_source(source, outbox_room(&outbox));
        if (n == 0)
            return;
        drained += n;
        clients_deliver();
    }
}

void output_drain(void)
{
    for (int i = 0; i < SOURCES; i++) {
        drain_source(&sources[i]);
        // Somebody else still holds the stream: the line that was begun is logged as far as it goes.
        if (logfile && sources[i].watch.fd >= 0)
            log_end(logfile, log_stream_of(&sources[i]), clock_realtime_ns());
    }
    clients_have_ended = true;
    clients_end_output();
    // A client that does not take its rest must not keep the others from writing: there is always room to read into.
    if (!outbox_room(&outbox))
        outbox_grow(&outbox);
}

bool output_ended(void)
{
    for (int i = 0; i < SOURCES; i++)
        if (sources[i].watch.fd >= 0)
            return false;
    return true;
}

void output_flush_log(void)
{
    if (logfile && logfile->used > 0)
        log_flush(logfile);
}

void output_resize(uint16_t rows, uint16_t columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (sources[0].is_terminal && sources[0].watch.fd >= 0)
        sys_ioctl(sources[0].watch.fd, TIOCSWINSZ, &size);
}

// Carries frames until the command has ended: one thing at a time, so that whoever is slow holds up only its own command.
#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <string.h>

#include "../kernel/sys.h"
#include "launcher.h"

// A pipe of which poll(2) says that it can be written takes so much without blocking. PIPE_BUF in pipe(7)
enum { PIECE = 4096, BUFFER = 64 << 10, NOT_ENDED = -2 };

static struct {
    int socket;
    int signals;
    // How much of stdin was asked for.
    uint32_t wanted;
    bool catching;
} state;

static uint8_t buffer[BUFFER];

static bool send_all(int socket, const void *bytes, size_t n)
{
    for (const uint8_t *at = bytes; n > 0;) {
        long sent = sys_send(socket, at, n, MSG_NOSIGNAL);
        if (sent == -EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool frame_send(int socket, uint32_t type, const void *bytes, size_t n)
{
    const struct frame_header header = {.type = type, .bytes = (uint32_t)n};
    return send_all(socket, &header, sizeof header) && send_all(socket, bytes, n);
}

static bool receive_all(void *into, size_t n)
{
    for (uint8_t *at = into; n > 0;) {
        long got = sys_recv(state.socket, at, n, MSG_WAITALL);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static void say(const char *message) { sys_write(STDERR, message, strlen(message)); }

static void on_signals(void)
{
    struct signalfd_siginfo info;
    while (sys_read(state.signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGWINCH) {
            const struct window window = terminal_window();
            frame_send(state.socket, FRAME_WINDOW, &window, sizeof window);
        } else if (state.catching) {
            const uint8_t number = (uint8_t)info.ssi_signo;
            frame_send(state.socket, FRAME_SIGNAL, &number, sizeof number);
        } else {
            signals_default((int)info.ssi_signo);
        }
        if (info.ssi_signo == SIGCONT)
            terminal_resume();
    }
}

// Waits until one of the descriptors is ready, and serves signals meanwhile. fd -1 is not waited for.
static void wait_for(struct pollfd *watched, size_t n)
{
    struct pollfd all[3] = {{.fd = state.signals, .events = POLLIN}};
    memcpy(all + 1, watched, n * sizeof *watched);
    long ready = sys5(__NR_ppoll, (long)all, (long)(n + 1), 0, 0, 0);
    if (ready < 0)
        return;
    memcpy(watched, all + 1, n * sizeof *watched);
    if (all[0].revents)
        on_signals();
}

// NOT_ENDED, or with what code to end.
static int put(int fd, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        struct pollfd watched = {.fd = fd, .events = POLLOUT};
        wait_for(&watched, 1);
        if (!watched.revents)
            continue;
        long written = sys_write(fd, bytes, n < PIECE ? n : PIECE);
        if (written == -EINTR || written == -EAGAIN)
            continue;
        if (written == -EPIPE)
            return EXIT_CLOSED_PIPE;
        if (written < 0) {
            if (fd == STDOUT)
                say(written == -ENOSPC ? "skiff: write /dev/stdout: no space left on device\n"
                                       : "skiff: write /dev/stdout: input/output error\n");
            return EXIT_FAILED;
        }
        bytes += written;
        n -= (size_t)written;
    }
    return NOT_ENDED;
}

static int copy_out(int fd, size_t n)
{
    int result = NOT_ENDED;
    while (n > 0 && result == NOT_ENDED) {
        long got = sys_recv(state.socket, buffer, n < BUFFER ? n : BUFFER, 0);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            return EXIT_FAILED;
        result = put(fd, buffer, (size_t)got);
        n -= (size_t)got;
    }
    return result;
}

// What ended could not be read further counts as the end, as in Node.
static bool forward_stdin(void)
{
    long got = sys_read(STDIN, buffer, state.wanted < BUFFER ? state.wanted : BUFFER);
    if (got == -EINTR || got == -EAGAIN)
        return true;
    const size_t n = got > 0 ? (size_t)got : 0;
    state.wanted = n > 0 ? state.wanted - (uint32_t)n : 0;
    return frame_send(state.socket, FRAME_STDIN, buffer, n);
}

static int on_frame(void)
{
    struct frame_header header;
    uint32_t value = 0;
    if (!receive_all(&header, sizeof header)) {
        say("skiff: the daemon closed the connection before the command had ended\n");
        return EXIT_FAILED;
    }
    if (header.type == FRAME_STDOUT || header.type == FRAME_STDERR)
        return copy_out(header.type == FRAME_STDOUT ? STDOUT : STDERR, header.bytes);
    if (header.bytes > sizeof value || !receive_all(&value, header.bytes))
        return EXIT_FAILED;
    switch (header.type) {
    case FRAME_READ:
        state.wanted = value;
        return NOT_ENDED;
    case FRAME_RAW:
        terminal_raw(value != 0);
        return NOT_ENDED;
    case FRAME_CATCH:
        state.catching = value != 0;
        return NOT_ENDED;
    case FRAME_EXIT:
        return (int)value;
    case FRAME_DECLINE:
        return RUN_IN_NODE;
    default:
        say("skiff: the daemon speaks another language than this program: was one of them updated alone?\n");
        return EXIT_FAILED;
    }
}

int relay(int socket)
{
    state.socket = socket;
    state.signals = signals_hold();
    int code = NOT_ENDED;
    while (code == NOT_ENDED) {
        struct pollfd watched[] = {
            {.fd = socket, .events = POLLIN},
            {.fd = state.wanted > 0 ? STDIN : -1, .events = POLLIN},
        };
        wait_for(watched, 2);
        if (watched[1].revents && !forward_stdin())
            state.wanted = 0;
        if (watched[0].revents)
            code = on_frame();
    }
    terminal_restore();
    if (code == RUN_IN_NODE) {
        sys_close(state.signals);
        signals_release();
    }
    return code;
}

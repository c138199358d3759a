// skiff, the launcher: has a command line run by a warm process beside the daemon, and is its hands in the meantime.
//
//     launcher                                     command host (src/cli/launched), on SOCKET.cli
//        │ ── HELLO: arguments, environment, facts ──▶ │  DECLINE: run it yourself, in Node
//        │ ◀── STDOUT, STDERR ──────────────────────── │  nothing more is read while they cannot be written
//        │ ◀── READ n ───────── STDIN, empty at end ─▶ │  stdin is touched only when it is asked for
//        │ ◀── RAW, CATCH ──── SIGNAL, WINDOW ───────▶ │
//        │ ◀── EXIT code ───────────────────────────── │
//
// The launcher copies the three streams and does not hand its descriptors over: reading a terminal from the background,
// O_NONBLOCK, a file's position and SIGPIPE belong to the process that the shell started, and stay right only there.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../generated/frames.h"

// What EXIT was: the code. Asked to run it itself: RUN_IN_NODE.
enum { RUN_IN_NODE = -1, EXIT_FAILED = 1, EXIT_CLOSED_PIPE = 141 };

enum { STDIN = 0, STDOUT = 1, STDERR = 2 };

struct frame_header {
    uint32_t type;
    uint32_t bytes;
};

// The daemon's socket as the command line, SKIFF_HOST, DOCKER_HOST or the default names it, with ".cli" behind it.
// False: it is none, or the command line is for Node to understand.
bool address_find(char *path, size_t capacity, int argc, char **argv, char **envp);

// Where skiff is installed: the folder above the one that this program lies in.
bool root_find(char *path, size_t capacity);

// Sends HELLO. False: it could not be put together or sent.
bool hello_send(int socket, const char *root, int argc, char **argv, char **envp);

// Sends one frame. False: nobody is there any more.
bool frame_send(int socket, uint32_t type, const void *bytes, size_t n);

// From HELLO to EXIT.
int relay(int socket);

// The signals that the shell sends are held back from here on, and fetched from the descriptor.
int signals_hold(void);
void signals_release(void);
// Does what the signal does to a program that does not catch it; comes back if it only stopped us.
void signals_default(int signal);

// A frame's payload of WINDOW: rows and columns, 16 bits each; 0 0 without a terminal.
struct window {
    uint16_t rows;
    uint16_t columns;
};
struct window terminal_window(void);
// Bit 0: stdin is a terminal, 1: stdout, 2: stderr.
unsigned terminal_which(void);
void terminal_raw(bool raw);
// As it was before the first terminal_raw(true).
void terminal_restore(void);
// After a stop: raw again if it was.
void terminal_resume(void);

// The shim's ends of a process's standard streams: pipes, or the master side of its terminal.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "outbox.h"

// What the process writes, on its way to the log and to the clients (output.c).
extern struct outbox outbox;
int output_open(struct log *log);
void output_watch_pipes(int out, int err);
void output_watch_terminal(int master);
// Reads again or stops reading, as the slowest client has it. Once a turn, after the clients were served.
void output_refresh(void);
// The process has ended: reads what it left in its streams, and ends the clients after it. What others, who may still
// hold the streams, write from then on goes to the log alone.
void output_drain(void);
// The last writer has gone.
bool output_ended(void);
void output_flush_log(void);
void output_resize(uint16_t rows, uint16_t columns);

// What clients send to it (input.c).
enum { INPUT_READ_MAX = 16 << 10 };
void input_open_pipe(int fd);
void input_open_terminal(int master);
// Whether input is taken at all; when not, clients' bytes are dropped.
bool input_is_open(void);
// Room for INPUT_READ_MAX bytes and held back keys, or NULL: what was sent before has not been read yet.
uint8_t *input_room(void);
void input_add(size_t n);
// Closes a pipe as soon as everything in it was handed over.
void input_close_after_rest(void);
void input_close(void);
// The terminal can take input again.
void input_continue(void);
bool input_is_pending(void);

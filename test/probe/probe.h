/* What each part of the probe offers the others. Every report_ function writes one key of the JSON object and its value. */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* json.c: a writer that knows when a comma is due. A key of NULL is for the items of an array. */
void json_begin(const char *key, char bracket);
void json_end(char bracket);
void json_string(const char *key, const char *value);
void json_bytes(const char *key, const char *bytes, size_t length);
void json_format(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
void json_number(const char *key, long long value);
void json_bool(const char *key, bool value);
void json_null(const char *key);
void json_flush(void);

/* Reads a whole file, at most size - 1 bytes, and ends it with a 0. The number of bytes, or -errno. */
long read_file(const char *path, char *buffer, size_t size);
/* "EPERM" for 1. */
const char *errno_text(int error);

/* process.c: who the process is and what it inherited. */
void report_process(char **argv, char **env);

/* files.c: mounts, devices, masked and read-only paths, the root folder, generated files. */
void report_files(void);

/* syscalls.c: every system call with arguments that can do no harm, and how it ended. */
void report_syscalls(void);

/* attempts.c: things that a container should or should not be able to do, and how it ended. */
void report_attempts(void);

/* Runs `attempt` in a child that is killed after a second: "ok", an errno's name, or "signal N". */
const char *outcome(long (*attempt)(const void *), const void *argument);

#endif

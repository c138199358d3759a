/* The JSON writer and what all parts need. Everything is collected and written at once: one write, one log line. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *text;
static size_t used, capacity;
/* Whether the bracket that is open at each depth has an item already. */
static bool has_item[16];
static int depth;

static void put(const char *bytes, size_t length)
{
    if (used + length > capacity) {
        capacity = (used + length) * 2;
        text = realloc(text, capacity);
        if (text == NULL)
            abort();
    }
    memcpy(text + used, bytes, length);
    used += length;
}

static void put_text(const char *string)
{
    put(string, strlen(string));
}

static void put_quoted(const char *bytes, size_t length)
{
    put_text("\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char escaped[8];
        if (c == '"' || c == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", c);
            put_text(escaped);
        } else if (c < 0x20 || c >= 0x7f) {
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
            put_text(escaped);
        } else {
            put(bytes + i, 1);
        }
    }
    put_text("\"");
}

static void put_key(const char *key)
{
    if (has_item[depth])
        put_text(",");
    has_item[depth] = true;
    if (key != NULL) {
        put_quoted(key, strlen(key));
        put_text(":");
    }
}

void json_begin(const char *key, char bracket)
{
    put_key(key);
    put(&bracket, 1);
    has_item[++depth] = false;
}

void json_end(char bracket)
{
    put(&bracket, 1);
    depth--;
}

void json_bytes(const char *key, const char *bytes, size_t length)
{
    put_key(key);
    put_quoted(bytes, length);
}

void json_string(const char *key, const char *value)
{
    json_bytes(key, value, strlen(value));
}

void json_format(const char *key, const char *format, ...)
{
    char buffer[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    json_string(key, buffer);
}

static void put_raw(const char *key, const char *value)
{
    put_key(key);
    put_text(value);
}

void json_number(const char *key, long long value)
{
    char buffer[32];
    snprintf(buffer, sizeof buffer, "%lld", value);
    put_raw(key, buffer);
}

void json_bool(const char *key, bool value)
{
    put_raw(key, value ? "true" : "false");
}

void json_null(const char *key)
{
    put_raw(key, "null");
}

void json_flush(void)
{
    put_text("\n");
    for (size_t done = 0; done < used;) {
        ssize_t n = write(STDOUT_FILENO, text + done, used - done);
        if (n < 0)
            exit(1);
        done += (size_t)n;
    }
}

long read_file(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t length = 0;
    ssize_t n = 0;
    while (length < size - 1 && (n = read(fd, buffer + length, size - 1 - length)) > 0)
        length += (size_t)n;
    long result = n < 0 ? -errno : (long)length;
    close(fd);
    buffer[length] = 0;
    return result;
}

const char *errno_text(int error)
{
    const char *name = strerrorname_np(error);
    return name != NULL ? name : "unknown errno";
}

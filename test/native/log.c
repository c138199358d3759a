#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../native/shim/log.h"
#include "check.h"

#define SECOND 1000000000ull
#define AT_1 "\"time\":\"1970-01-01T00:00:01Z\"}\n"
#define AT_2 "\"time\":\"1970-01-01T00:00:02Z\"}\n"

static struct log *open_test_log(uint64_t max_bytes, uint32_t max_files, const char *attributes)
{
    struct log *log = calloc(1, sizeof *log);
    log->folder = open(test_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    log->name = "c.log";
    log->attributes = attributes;
    log->attributes_bytes = strlen(attributes);
    log->max_bytes = max_bytes;
    log->max_files = max_files;
    CHECK(log_open(log) == 0);
    return log;
}

static void close_test_log(struct log *log)
{
    close(log->fd);
    close(log->folder);
    free(log);
}

static char *contents(const struct log *log, const char *name)
{
    int fd = openat(log->folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct stat status;
    fstat(fd, &status);
    char *text = calloc(1, (size_t)status.st_size + 1);
    CHECK(read(fd, text, (size_t)status.st_size) == status.st_size);
    close(fd);
    return text;
}

static bool file_is(const struct log *log, const char *name, const char *expected)
{
    char *text = contents(log, name);
    bool same = text && strcmp(text, expected) == 0;
    if (!same)
        printf("  %s is: %s\n", name, text ? text : "(none)");
    free(text);
    return same;
}

static void write_string(struct log *log, enum log_stream stream, const char *text, uint64_t seconds)
{
    log_write(log, stream, (const uint8_t *)text, strlen(text), seconds * SECOND);
}

static void lines_wait_for_their_end(void)
{
    struct log *log = open_test_log(0, 1, "");
    write_string(log, LOG_STDOUT, "one\ntw", 1);
    write_string(log, LOG_STDERR, "oops\n", 1);
    write_string(log, LOG_STDOUT, "o\n\nthree", 2);
    log_end(log, LOG_STDOUT, 2 * SECOND);
    log_flush(log);
    CHECK(file_is(log, "c.log",
                  "{\"log\":\"one\\n\",\"stream\":\"stdout\"," AT_1 "{\"log\":\"oops\\n\",\"stream\":\"stderr\"," AT_1
                  "{\"log\":\"two\\n\",\"stream\":\"stdout\"," AT_2 "{\"log\":\"\\n\",\"stream\":\"stdout\"," AT_2
                  "{\"log\":\"three\",\"stream\":\"stdout\"," AT_2));
    close_test_log(log);
}

static void attributes_stand_before_the_time(void)
{
    struct log *log = open_test_log(0, 1, "{\"tag\":\"x\"}");
    write_string(log, LOG_STDOUT, "a\n", 1);
    log_flush(log);
    CHECK(file_is(log, "c.log", "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"x\"}," AT_1));
    close_test_log(log);
}

// A line of 16 KiB and more is cut; its pieces carry the time of the first, and only the last has the newline.
static void long_lines_are_cut(void)
{
    struct log *log = open_test_log(0, 1, "");
    char *line = malloc(LOG_LINE_MAX + 1);
    memset(line, 'x', LOG_LINE_MAX);
    line[LOG_LINE_MAX] = '\0';
    write_string(log, LOG_STDOUT, line, 1);
    write_string(log, LOG_STDOUT, "\n", 2);
    write_string(log, LOG_STDOUT, line, 1);
    write_string(log, LOG_STDOUT, "tail\n", 2);
    log_flush(log);
    char *expected = malloc(3 * LOG_LINE_MAX);
    sprintf(expected,
            "{\"log\":\"%s\",\"stream\":\"stdout\"," AT_1 "{\"log\":\"\\n\",\"stream\":\"stdout\"," AT_1
            "{\"log\":\"%s\",\"stream\":\"stdout\"," AT_1 "{\"log\":\"tail\\n\",\"stream\":\"stdout\"," AT_1,
            line, line);
    CHECK(file_is(log, "c.log", expected));
    free(line);
    free(expected);
    close_test_log(log);
}

// However output is cut into reads, the log is the same.
static void reads_leave_no_trace(void)
{
    enum { BYTES = 200000 };
    uint8_t *output = malloc(BYTES);
    for (int i = 0; i < BYTES; i++)
        output[i] = random_below(i < 100000 ? 40 : 30000) == 0 ? '\n' : (uint8_t)next_random();
    char *first = NULL;
    for (int round = 0; round < 8; round++) {
        struct log *log = open_test_log(0, 1, "");
        for (uint32_t at = 0, n; at < BYTES; at += n) {
            n = round == 0 ? BYTES : 1 + random_below(round % 2 ? 100 : 40000);
            n = n < BYTES - at ? n : BYTES - at;
            log_write(log, LOG_STDOUT, output + at, n, SECOND);
        }
        log_end(log, LOG_STDOUT, SECOND);
        log_flush(log);
        char *text = contents(log, "c.log");
        if (first) {
            CHECK(strcmp(first, text) == 0);
            free(text);
        } else {
            first = text;
        }
        unlinkat(log->folder, "c.log", 0);
        close_test_log(log);
    }
    free(first);
    free(output);
}

static void rotation_keeps_as_many_files_as_asked(void)
{
    // Each entry is longer than the limit: each begins a new file.
    struct log *log = open_test_log(10, 3, "");
    close(openat(log->folder, "c.log.1.gz", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const char *lines[] = {"1\n", "2\n", "3\n", "4\n"};
    for (int i = 0; i < 4; i++) {
        write_string(log, LOG_STDOUT, lines[i], 1);
        log_flush(log);
        // A compressed one moves along, and goes.
        CHECK((faccessat(log->folder, "c.log.2.gz", F_OK, 0) == 0) == (i == 1));
    }
    CHECK(file_is(log, "c.log", "{\"log\":\"4\\n\",\"stream\":\"stdout\"," AT_1));
    CHECK(file_is(log, "c.log.1", "{\"log\":\"3\\n\",\"stream\":\"stdout\"," AT_1));
    CHECK(file_is(log, "c.log.2", "{\"log\":\"2\\n\",\"stream\":\"stdout\"," AT_1));
    CHECK(faccessat(log->folder, "c.log.3", F_OK, 0) < 0);
    CHECK(faccessat(log->folder, "c.log.1.gz", F_OK, 0) < 0);
    close_test_log(log);
}

static void one_file_is_emptied(void)
{
    struct log *log = open_test_log(10, 1, "");
    write_string(log, LOG_STDOUT, "1\n2\n", 1);
    log_flush(log);
    CHECK(file_is(log, "c.log", "{\"log\":\"2\\n\",\"stream\":\"stdout\"," AT_1));
    CHECK(faccessat(log->folder, "c.log.1", F_OK, 0) < 0);
    close_test_log(log);
}

static void a_log_goes_on_where_it_was(void)
{
    struct log *log = open_test_log(0, 1, "");
    write_string(log, LOG_STDOUT, "1\n", 1);
    log_flush(log);
    close_test_log(log);
    // Its size counts: the second entry of this run is over the limit.
    log = open_test_log(80, 2, "");
    CHECK(log->size > 0);
    write_string(log, LOG_STDOUT, "2\n3\n", 2);
    log_flush(log);
    CHECK(file_is(log, "c.log.1",
                  "{\"log\":\"1\\n\",\"stream\":\"stdout\"," AT_1 "{\"log\":\"2\\n\",\"stream\":\"stdout\"," AT_2));
    CHECK(file_is(log, "c.log", "{\"log\":\"3\\n\",\"stream\":\"stdout\"," AT_2));
    close_test_log(log);
}

// A full disk, played by a limit on the size of files: entries are lost whole, counted, and later ones are written.
static void a_full_disk_costs_whole_entries(void)
{
    struct log *log = open_test_log(0, 1, "");
    struct rlimit before, limited;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limited = before;
    limited.rlim_cur = 150;
    setrlimit(RLIMIT_FSIZE, &limited);
    write_string(log, LOG_STDOUT, "1\n2\n3\n4\n", 1);
    log_flush(log);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(log->entries_lost == 2);
    write_string(log, LOG_STDOUT, "5\n", 2);
    log_flush(log);
    CHECK(file_is(log, "c.log",
                  "{\"log\":\"1\\n\",\"stream\":\"stdout\"," AT_1 "{\"log\":\"2\\n\",\"stream\":\"stdout\"," AT_1
                  "{\"log\":\"5\\n\",\"stream\":\"stdout\"," AT_2));
    CHECK(log->entries_lost == 2);
    close_test_log(log);
}

// Somebody puts a compressed file in its place: nothing moves, nothing waits, and the file goes on.
static void rotation_waits_for_no_lock(void)
{
    struct log *log = open_test_log(10, 3, "");
    int other = open(test_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(flock(other, LOCK_EX) == 0);
    write_string(log, LOG_STDOUT, "1\n2\n", 1);
    log_flush(log);
    CHECK(!log->rotated && faccessat(log->folder, "c.log.1", F_OK, 0) < 0);
    CHECK(flock(other, LOCK_UN) == 0);
    write_string(log, LOG_STDOUT, "3\n", 1);
    log_flush(log);
    CHECK(log->rotated);
    CHECK(file_is(log, "c.log.1", "{\"log\":\"1\\n\",\"stream\":\"stdout\"," AT_1 "{\"log\":\"2\\n\",\"stream\":\"stdout\"," AT_1));
    CHECK(file_is(log, "c.log", "{\"log\":\"3\\n\",\"stream\":\"stdout\"," AT_1));
    close(other);
    close_test_log(log);
}

void test_log(void)
{
    RUN(lines_wait_for_their_end);
    RUN(attributes_stand_before_the_time);
    RUN(long_lines_are_cut);
    RUN(reads_leave_no_trace);
    RUN(rotation_keeps_as_many_files_as_asked);
    RUN(rotation_waits_for_no_lock);
    RUN(one_file_is_emptied);
    RUN(a_log_goes_on_where_it_was);
    RUN(a_full_disk_costs_whole_entries);
}

// Lists folders as JavaScript does.
#include "../../native/library/scan.c"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"

enum { SIZE = 128 * 1024, FILES = 1500 };

static void make_file(const char *name, int bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    if (!file)
        return;
    for (int i = 0; i < bytes; i++)
        fputc('x', file);
    fclose(file);
}

static int open_folder(void)
{
    return open(test_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void tells_names_and_statuses(void)
{
    // Names of every length, so that records end everywhere.
    char name[256];
    for (int i = 0; i < FILES; i++) {
        int length = 5 + i % 250;
        memset(name, 'n', sizeof name);
        snprintf(name, sizeof name, "%04d", i);
        name[4] = 'n';
        name[length] = '\0';
        make_file(name, i % 7);
    }
    // Of malloc: the sanitizer sees a byte too many.
    uint8_t *records = malloc(SIZE);
    static bool seen[FILES];
    memset(seen, 0, sizeof seen);
    int folder = open_folder();
    int count = 0;
    int64_t used;
    while ((used = skiff_scan_folder(folder, records, SIZE)) > 0) {
        CHECK(used <= ROOM);
        for (int64_t at = 0; at < used; count++) {
            const struct statx *status = (const struct statx *)(records + at);
            const char *found = (const char *)(records + at + sizeof *status);
            int number = atoi(found);
            CHECK(number >= 0 && number < FILES && !seen[number]);
            seen[number] = true;
            CHECK((int)strlen(found) == 5 + number % 250);
            CHECK(status->stx_size == (uint64_t)(number % 7));
            CHECK((status->stx_mode & S_IFMT) == S_IFREG);
            at += (int64_t)((sizeof *status + strlen(found) + 1 + 7) & ~(size_t)7);
        }
    }
    CHECK(used == 0);
    CHECK(count == FILES);
    close(folder);
    free(records);
}

static void ends_at_once_in_an_empty_folder(void)
{
    uint8_t *records = malloc(SIZE);
    int folder = open_folder();
    CHECK(skiff_scan_folder(folder, records, SIZE) == 0);
    close(folder);
    free(records);
}

static void refuses_too_little_room(void)
{
    uint8_t record[512];
    int folder = open_folder();
    CHECK(skiff_scan_folder(folder, record, sizeof record) == -EINVAL);
    close(folder);
}

static void tells_what_is_no_folder(void)
{
    make_file("file", 1);
    char path[512];
    snprintf(path, sizeof path, "%s/file", test_folder());
    uint8_t *records = malloc(SIZE);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(skiff_scan_folder(file, records, SIZE) == -ENOTDIR);
    close(file);
    CHECK(skiff_scan_folder(-1, records, SIZE) == -EBADF);
    free(records);
}

void test_scan(void)
{
    RUN(tells_names_and_statuses);
    RUN(ends_at_once_in_an_empty_folder);
    RUN(refuses_too_little_room);
    RUN(tells_what_is_no_folder);
}

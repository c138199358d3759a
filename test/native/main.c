// Runs all native tests; the last line is `N passed, N failed`.
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static int passed, failed;
static int failed_checks;
static uint64_t random_state = 0x736b696666;
static char folder[64];

bool check_that(bool holds, const char *what, const char *file, int line)
{
    if (!holds && ++failed_checks <= 10)
        printf("  %s:%d: %s\n", file, line, what);
    return holds;
}

static void remove_folder(void)
{
    DIR *listing = opendir(folder);
    if (!listing)
        return;
    for (struct dirent *entry; (entry = readdir(listing));)
        unlinkat(dirfd(listing), entry->d_name, 0);
    closedir(listing);
    rmdir(folder);
    folder[0] = '\0';
}

const char *test_folder(void)
{
    if (folder[0])
        return folder;
    strcpy(folder, "/tmp/skiff-native-XXXXXX");
    if (!mkdtemp(folder)) {
        perror("mkdtemp");
        exit(1);
    }
    return folder;
}

void run_test(const char *name, void (*test)(void))
{
    failed_checks = 0;
    test();
    if (folder[0])
        remove_folder();
    if (failed_checks == 0)
        passed++;
    else
        failed++;
    printf("%s %s\n", failed_checks == 0 ? "ok  " : "FAIL", name);
}

// xorshift64*
uint32_t next_random(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545f4914f6cdd1dull) >> 32);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_text();
    test_json();
    test_log();
    test_forward();
    test_detach_keys();
    test_outbox();
    test_programs();
    test_launch();
    test_memory();
    test_scan();
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

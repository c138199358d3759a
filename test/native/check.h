// The native tests' own small harness: a test is a function; it fails when any of its checks does.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Counts a failed check against the running test and says where it stands. Returns `holds`.
bool check_that(bool holds, const char *what, const char *file, int line);
#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)

// Runs one test and counts it.
void run_test(const char *name, void (*test)(void));
#define RUN(test) run_test(#test, test)

// Numbers that look random and are the same in each run.
uint32_t next_random(void);
static inline uint32_t random_below(uint32_t limit) { return next_random() % limit; }

// A folder of its own for the running test, removed at the end.
const char *test_folder(void);

// One per file of tests.
void test_text(void);
void test_json(void);
void test_log(void);
void test_forward(void);
void test_detach_keys(void);
void test_outbox(void);
void test_programs(void);
void test_launch(void);
void test_memory(void);
void test_scan(void);

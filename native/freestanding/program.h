// A program without libc: main(), called by start.c, and what start.c prepares for it.
#pragma once

int main(int argc, char **argv, char **envp);

// Finds clock_gettime in the vDSO, whose ELF header the auxiliary vector names.
void clock_find(const void *vdso);

/*
 * Exchanges two names for ever, as fast as can be: at any moment A is either the folder or the symlink.
 *
 *   swap A B [COUNT]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    long count = argc > 3 ? atol(argv[3]) : -1;
    puts("swapping");
    fflush(stdout);
    for (long i = 0; i != count; i++)
        if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) {
            perror("renameat2");
            return 1;
        }
    return 0;
}

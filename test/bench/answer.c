// How long an engine takes for an answer, without what a client in Node makes of it: that takes longer than many an answer.
//
//     answer SOCKET PATH
//
// Sends GET PATH to the Unix socket, reads to the end of the connection, and writes to standard output the milliseconds from the
// first byte sent to the last one read. Fails if the status is not 200.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEADER_BYTES = 12 };

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

int main(int argc, char **argv)
{
    static char request[4096], answer[1 << 20];
    if (argc != 3) {
        fprintf(stderr, "usage: %s SOCKET PATH\n", argv[0]);
        return 2;
    }
    int fd = connect_to(argv[1]);
    if (fd == -1) {
        perror(argv[1]);
        return 1;
    }
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n", argv[2]);
    double begin = milliseconds();
    if (write(fd, request, (size_t)length) != length)
        return 1;
    char status[HEADER_BYTES + 1] = "";
    size_t total = 0;
    for (ssize_t got; (got = read(fd, answer, sizeof answer)) > 0; total += (size_t)got)
        if (total == 0)
            snprintf(status, sizeof status, "%.*s", HEADER_BYTES, answer);
    double spent = milliseconds() - begin;
    if (strcmp(status, "HTTP/1.1 200") != 0) {
        fprintf(stderr, "%s: %s\n", argv[2], status);
        return 1;
    }
    printf("%.6f\n", spent);
    return 0;
}

// How long an engine takes for jobs of several requests, by several clients at once, without what clients in Node would take of the
// same cores.
//
//     requests SOCKET CLIENTS < JOBS
//
// A job is a line, its steps apart by tabs. A step is `METHOD PATH BODY`, the body possibly empty; `%` in a path is the Id that the
// job was given last (`{"Id":"…"`). A step that begins with `&` is only sent, on a connection of its own, and `&` alone reads its
// answer. Each client keeps its connections, as clients do, and takes the next job that nobody has taken.
// Writes to standard output the milliseconds from the first request to the last answer, then the last Id of each job that has one.
// Fails with the answer of the first request that was refused.
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 4096, CLIENTS = 64, LINE = 4096, ID = 128, ANSWER = 4096, UNTIL_CLOSED = -1, CHUNKED = -2 };

struct connection {
    int fd;
    size_t at, have;
    char data[65536];
};

static struct {
    const char *socket;
    char *jobs[JOBS];
    char ids[JOBS][ID];
    int count;
    atomic_int next;
    pthread_barrier_t ready;
} all;

static void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(1);
}

static void connect_to_engine(struct connection *connection)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(all.socket) >= sizeof address.sun_path)
        fail("%s: too long", all.socket);
    strcpy(address.sun_path, all.socket);
    *connection = (struct connection){.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("%s: %m", all.socket);
}

static void disconnect(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
}

/** -1 at the end of the connection. */
static int next_byte(struct connection *connection)
{
    if (connection->at == connection->have) {
        ssize_t got = read(connection->fd, connection->data, sizeof connection->data);
        if (got <= 0)
            return -1;
        connection->at = 0;
        connection->have = (size_t)got;
    }
    return (unsigned char)connection->data[connection->at++];
}

static void read_line(struct connection *connection, char line[LINE])
{
    size_t length = 0;
    for (int byte; (byte = next_byte(connection)) != '\n';) {
        if (byte == -1 || length == LINE - 1)
            fail("the answer broke off");
        if (byte != '\r')
            line[length++] = (char)byte;
    }
    line[length] = '\0';
}

/** Reads so many bytes, keeps the first of them. */
static void read_bytes(struct connection *connection, long count, char answer[ANSWER], size_t *kept)
{
    for (int byte; count != 0 && (byte = next_byte(connection)) != -1; count -= count > 0) {
        if (*kept < ANSWER - 1)
            answer[(*kept)++] = (char)byte;
    }
    answer[*kept] = '\0';
}

/** Returns the status; the body's beginning is in `answer`. What the connection's end ends is followed by a new connection. */
static int read_answer(struct connection *connection, char answer[ANSWER])
{
    char line[LINE];
    int status = 0;
    long length = UNTIL_CLOSED;
    size_t kept = 0;
    read_line(connection, line);
    sscanf(line, "HTTP/1.1 %d", &status);
    for (read_line(connection, line); line[0] != '\0'; read_line(connection, line)) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            length = atol(line + 15);
        else if (strcasecmp(line, "transfer-encoding: chunked") == 0)
            length = CHUNKED;
    }
    answer[0] = '\0';
    if (status == 204 || status == 304)
        return status;
    if (length != CHUNKED) {
        read_bytes(connection, length, answer, &kept);
    } else {
        for (long chunk = -1; chunk != 0; read_line(connection, line)) {
            read_line(connection, line);
            chunk = strtol(line, NULL, 16);
            read_bytes(connection, chunk, answer, &kept);
        }
    }
    if (length == UNTIL_CLOSED)
        disconnect(connection);
    return status;
}

static void send_request(struct connection *connection, const char *step, const char *id)
{
    char method[16], path[LINE], request[3 * LINE];
    int words = 0;
    if (sscanf(step, "%15s %4095s %n", method, path, &words) != 2)
        fail("not a step: %s", step);
    const char *body = step + words;
    if (connection->fd == -1)
        connect_to_engine(connection);
    char *mark = strchr(path, '%');
    int before = mark ? (int)(mark - path) : (int)strlen(path);
    int length = snprintf(request, sizeof request,
                          "%s %.*s%s%s HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                          method, before, path, mark ? id : "", mark ? mark + 1 : "", strlen(body), body);
    if (length >= (int)sizeof request || write(connection->fd, request, (size_t)length) != length)
        fail("%s: not sent", step);
}

static void take_answer(struct connection *connection, const char *step, char id[ID])
{
    char answer[ANSWER];
    int status = read_answer(connection, answer);
    if (status < 200 || status > 299)
        fail("%s: %d %s", step, status, answer);
    const char *given = strstr(answer, "\"Id\":\"");
    if (given)
        snprintf(id, ID, "%.*s", (int)strcspn(given + 6, "\""), given + 6);
}

static void *client(void *unused)
{
    (void)unused;
    struct connection *connection = calloc(2, sizeof *connection), *aside = connection + 1;
    connect_to_engine(connection);
    connect_to_engine(aside);
    pthread_barrier_wait(&all.ready);
    for (int job; (job = atomic_fetch_add(&all.next, 1)) < all.count;) {
        char *rest, *id = all.ids[job];
        for (char *step = strtok_r(all.jobs[job], "\t", &rest); step; step = strtok_r(NULL, "\t", &rest)) {
            bool is_aside = step[0] == '&';
            struct connection *used = is_aside ? aside : connection;
            if (strcmp(step, "&") != 0)
                send_request(used, step + is_aside, id);
            if (!is_aside || step[1] == '\0')
                take_answer(used, step, id);
        }
    }
    return NULL;
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    int clients = argc == 3 ? atoi(argv[2]) : 0;
    if (clients < 1 || clients > CLIENTS)
        fail("usage: %s SOCKET CLIENTS < JOBS", argv[0]);
    all.socket = argv[1];
    char *line = NULL;
    size_t size = 0;
    for (ssize_t length; all.count < JOBS && (length = getline(&line, &size, stdin)) > 0; line = NULL, size = 0) {
        line[strcspn(line, "\n")] = '\0';
        all.jobs[all.count++] = line;
    }
    pthread_t threads[CLIENTS];
    pthread_barrier_init(&all.ready, NULL, (unsigned)clients + 1);
    for (int index = 0; index < clients; index++)
        if (pthread_create(&threads[index], NULL, client, NULL) != 0)
            fail("no thread");
    pthread_barrier_wait(&all.ready);
    double begin = milliseconds();
    for (int index = 0; index < clients; index++)
        pthread_join(threads[index], NULL);
    printf("%.6f\n", milliseconds() - begin);
    for (int job = 0; job < all.count; job++)
        if (all.ids[job][0] != '\0')
            puts(all.ids[job]);
    return 0;
}

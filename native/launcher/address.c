// Which daemon is meant: src/client/address.ts in small. What is not plain to see is left to Node.
#include <string.h>

#include "../shim/text.h"
#include "launcher.h"

#define DEFAULT_SOCKET "/run/skiff/skiff.sock"

// What follows the prefix, or NULL.
static const char *after(const char *text, const char *prefix)
{
    while (*prefix)
        if (*text++ != *prefix++)
            return NULL;
    return text;
}

static bool same(const char *a, const char *b)
{
    const char *rest = after(a, b);
    return rest && !*rest;
}

// The value of a variable, or NULL when it is empty or absent. `name` ends with '='.
static const char *variable(char **envp, const char *name)
{
    for (; *envp; envp++) {
        const char *value = after(*envp, name);
        if (value)
            return *value ? value : NULL;
    }
    return NULL;
}

// Only a --host that stands first is looked at: any other option before the command is for Node's parser. A second --host is
// refused by whoever runs the command.
static bool host_of(int argc, char **argv, const char **host)
{
    *host = NULL;
    if (argc < 2 || argv[1][0] != '-')
        return true;
    if (same(argv[1], "-H") || same(argv[1], "--host"))
        *host = argv[2];
    else
        *host = after(argv[1], "--host=");
    return *host != NULL;
}

bool address_find(char *path, size_t capacity, int argc, char **argv, char **envp)
{
    const char *host;
    if (!host_of(argc, argv, &host))
        return false;
    if (!host || !*host)
        host = variable(envp, "SKIFF_HOST=");
    if (!host)
        host = variable(envp, "DOCKER_HOST=");
    const char *socket = host ? after(host, "unix://") : DEFAULT_SOCKET;
    if (!socket)
        return false;
    struct text text = {.bytes = path, .capacity = capacity};
    text_string(&text, *socket ? socket : DEFAULT_SOCKET);
    text_string(&text, ".cli");
    return text_end(&text);
}

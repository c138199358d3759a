// See launcher.h. Whatever stands in the way of the warm process, the same command runs in Node, with the same result.
#include <errno.h>
#include <sys/un.h>

#include "../freestanding/program.h"
#include "../kernel/sys.h"
#include "../shim/text.h"
#include "launcher.h"

enum { PATH_BYTES = 4096, EXIT_CANNOT_EXECUTE = 126 };

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct text name = {.bytes = address.sun_path, .capacity = sizeof address.sun_path};
    text_string(&name, path);
    if (!text_end(&name))
        return -ENAMETOOLONG;
    int socket = (int)sys3(__NR_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0)
        return socket;
    long error = sys3(__NR_connect, socket, (long)&address, sizeof address);
    if (error == 0)
        return socket;
    sys_close(socket);
    return (int)error;
}

// `sh` finds node on the PATH. --: Node would take an --env-file of the command line for its own.
static _Noreturn void run_in_node(const char *root, int argc, char **argv, char **envp)
{
    char program[PATH_BYTES];
    struct text text = {.bytes = program, .capacity = sizeof program};
    text_string(&text, root);
    text_string(&text, "/dist/cli/main.js");
    if (!text_end(&text))
        sys_exit(EXIT_CANNOT_EXECUTE);
    // The caller's words, behind four of ours; their memory is the kernel's stack, which has room for what it gave us.
    char *words[argc + 5];
    words[0] = (char *)"sh";
    words[1] = (char *)"-c";
    words[2] = (char *)"exec node -- \"$0\" \"$@\"";
    words[3] = program;
    for (int i = 1; i < argc; i++)
        words[3 + i] = argv[i];
    words[argc > 0 ? argc + 3 : 4] = NULL;
    sys3(__NR_execve, (long)"/bin/sh", (long)words, (long)envp);
    static const char message[] = "skiff: cannot execute /bin/sh\n";
    sys_write(STDERR, message, sizeof message - 1);
    sys_exit(EXIT_CANNOT_EXECUTE);
}

int main(int argc, char **argv, char **envp)
{
    char root[PATH_BYTES], path[PATH_BYTES];
    if (!root_find(root, sizeof root)) {
        static const char message[] = "skiff: cannot read /proc/self/exe: is /proc mounted?\n";
        sys_write(STDERR, message, sizeof message - 1);
        return EXIT_CANNOT_EXECUTE;
    }
    if (!address_find(path, sizeof path, argc, argv, envp))
        run_in_node(root, argc, argv, envp);
    int socket = connect_to(path);
    if (socket < 0)
        run_in_node(root, argc, argv, envp);
    int code = hello_send(socket, root, argc, argv, envp) ? relay(socket) : RUN_IN_NODE;
    if (code == RUN_IN_NODE)
        run_in_node(root, argc, argv, envp);
    return code;
}

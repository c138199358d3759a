// HELLO: texts, each ended by a NUL, in the order in which src/cli/launched/hello.ts reads them. The facts are written so
// that the command host can compare each with its own: only a process that sees the same files may act in our place.
#include <fcntl.h>
#include <string.h>

#include "../kernel/sys.h"
#include "../shim/text.h"
#include "launcher.h"
#include <sys/mman.h>

enum { PATH_BYTES = 4096, FACTS_BYTES = 2 * PATH_BYTES };

static const char *const NAMESPACES[] = {"/proc/self/ns/mnt", "/proc/self/ns/user", "/proc/self/ns/net", "/proc/self/ns/pid"};

static long read_link(const char *path, char *into, size_t capacity)
{
    long n = sys4(__NR_readlinkat, AT_FDCWD, (long)path, (long)into, (long)capacity - 1);
    if (n >= 0)
        into[n] = '\0';
    return n;
}

bool root_find(char *path, size_t capacity)
{
    long n = read_link("/proc/self/exe", path, capacity);
    for (int up = 0; up < 2; up++) {
        while (n > 0 && path[n - 1] != '/')
            n--;
        n--;
    }
    if (n < 0)
        return false;
    path[n] = '\0';
    return true;
}

static void end_of_text(struct text *text) { text_bytes(text, "", 1); }

static void number(struct text *text, uint64_t value)
{
    text_unsigned(text, value);
    end_of_text(text);
}

// DEVICE:INODE, and when it was last changed, in nanoseconds: the same only if it is the same file with the same content.
static bool identity(struct text *text, const char *path)
{
    struct stat about;
    if (sys4(__NR_newfstatat, AT_FDCWD, (long)path, (long)&about, 0) < 0)
        return false;
    text_unsigned(text, about.st_dev);
    text_string(text, ":");
    text_unsigned(text, about.st_ino);
    text_string(text, ":");
    number(text, (uint64_t)about.st_mtim.tv_sec * 1000000000u + (uint64_t)about.st_mtim.tv_nsec);
    return true;
}

static bool put_facts(struct text *text, const char *root)
{
    char path[PATH_BYTES];
    struct text stamp = {.bytes = path, .capacity = sizeof path};
    text_string(&stamp, root);
    text_string(&stamp, "/dist/build-stamp.json");
    if (!text_end(&stamp) || !identity(text, path) || !identity(text, "/"))
        return false;
    for (size_t i = 0; i < sizeof NAMESPACES / sizeof NAMESPACES[0]; i++) {
        if (read_link(NAMESPACES[i], path, sizeof path) < 0)
            return false;
        text_string(text, path);
        end_of_text(text);
    }
    mode_t mask = (mode_t)sys_umask(0);
    sys_umask(mask);
    number(text, mask);
    struct window window = terminal_window();
    number(text, terminal_which());
    number(text, window.rows);
    number(text, window.columns);
    // A folder that cannot be reached from the root begins with "(unreachable)".
    if (sys2(__NR_getcwd, (long)path, sizeof path) < 0 || path[0] != '/')
        return false;
    text_string(text, path);
    end_of_text(text);
    return !text->cut;
}

bool hello_send(int socket, const char *root, int argc, char **argv, char **envp)
{
    size_t bytes = FACTS_BYTES;
    for (int i = 1; i < argc; i++)
        bytes += strlen(argv[i]) + 1;
    for (char **entry = envp; *entry; entry++)
        bytes += strlen(*entry) + 1;
    long memory = sys_mmap(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (memory < 0)
        return false;
    struct text text = {.bytes = (char *)memory, .capacity = bytes};
    bool known = put_facts(&text, root);
    number(&text, argc > 0 ? (uint64_t)argc - 1 : 0);
    for (int i = 1; i < argc; i++)
        text_bytes(&text, argv[i], strlen(argv[i]) + 1);
    for (char **entry = envp; *entry; entry++)
        text_bytes(&text, *entry, strlen(*entry) + 1);
    bool sent = known && !text.cut && frame_send(socket, FRAME_HELLO, text.bytes, text.length);
    sys_munmap(text.bytes, bytes);
    return sent;
}

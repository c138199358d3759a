// The process of the `hello` image: it tells what it sees of the world, which is what makes it a container.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_namespace(const char *name, const char *meaning)
{
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0)
        return;
    target[length] = '\0';
    printf("  %-20s %s\n", target, meaning);
}

static void print_namespaces(void)
{
    puts("\nNamespaces: my own view of what a machine has. `ls -l /proc/self/ns` shows yours; compare the numbers.");
    print_namespace("mnt", "files: my root is not the host's");
    print_namespace("pid", "processes: I can see only those below me");
    print_namespace("net", "network: my own interfaces, ports and routes");
    print_namespace("uts", "host name: mine, and nobody else's");
    print_namespace("ipc", "shared memory and message queues");
    print_namespace("cgroup", "my control group looks like the topmost");
    print_namespace("user", "user ids: the host's own, unless this number differs");
}

static void print_cgroup(void)
{
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL)
        return;
    puts("\nControl groups: what I may use, and where it is counted (/proc/self/cgroup).");
    char line[512];
    while (fgets(line, sizeof line, file) != NULL)
        printf("  %s", line);
    fclose(file);
}

static void print_layers(char *options)
{
    for (char *option = strtok(options, ",\n"); option != NULL; option = strtok(NULL, ",\n")) {
        if (strncmp(option, "lowerdir=", 9) == 0) {
            int layers = 1;
            for (const char *at = option; *at != '\0'; at++)
                layers += *at == ':';
            printf("  %d read-only layer%s below: %s\n", layers, layers == 1 ? "" : "s", option + 9);
        } else if (strncmp(option, "upperdir=", 9) == 0)
            printf("  one of my own on top:     %s\n", option + 9);
    }
}

// A line of mountinfo: ... MOUNT_POINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS. See proc(5).
static void print_root(void)
{
    FILE *file = fopen("/proc/self/mountinfo", "r");
    if (file == NULL)
        return;
    puts("\nFiles: a stack of layers that looks like one tree. Writing goes to the top; the layers never change.");
    char *line = NULL;
    size_t capacity = 0;
    int mounts = 0;
    while (getline(&line, &capacity, file) != -1) {
        char mount_point[256], type[64];
        char *rest = strstr(line, " - ");
        mounts++;
        if (rest == NULL || sscanf(line, "%*s %*s %*s %*s %255s", mount_point) != 1 || strcmp(mount_point, "/") != 0)
            continue;
        if (sscanf(rest, " - %63s", type) != 1)
            continue;
        printf("  / is of type %s\n", type);
        print_layers(rest);
    }
    printf("  and %d mounts in all, such as /proc and /dev\n", mounts);
    free(line);
    fclose(file);
}

static void print_capabilities(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL)
        return;
    puts("\nPrivileges: root in here is less than root out there.");
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "CapEff:", 7) == 0)
            printf("  capabilities %s", line + 8);
        else if (strncmp(line, "Seccomp:", 8) == 0)
            printf("  system calls %s", line[9] == '2' ? "filtered by seccomp\n" : "not filtered\n");
        else if (strncmp(line, "NoNewPrivs:", 11) == 0 && line[12] == '1')
            puts("  no new privileges, not even by setuid programs");
    }
    fclose(file);
}

int main(void)
{
    char host_name[256] = "";
    gethostname(host_name, sizeof host_name - 1);
    puts("Hello from skiff!\n");
    puts("I am an ordinary Linux process. What makes me a container is what the kernel lets me see:");
    printf("\n  process %d of user %d on host \"%s\"\n", (int)getpid(), (int)getuid(), host_name);
    print_namespaces();
    print_cgroup();
    print_root();
    print_capabilities();
    puts("\nTo go on:");
    puts("  skiff run --rm -it host sh      a shell in here, made of your own machine's tools");
    puts("  skiff explain run hello         every system call that made me, and why");
    return 0;
}

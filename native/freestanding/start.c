// Where a program without libc begins: the kernel leaves argc, argv, envp and the auxiliary vector on the stack.
// Without libc the shim is small enough to have one per container, and needs no static libc to be installed.
#include "program.h"

#include <elf.h>

#include "../kernel/sys.h"

#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call begin\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    mov x29, #0\n"
        "    mov x30, #0\n"
        "    mov x0, sp\n"
        "    bl begin\n");
#endif

_Noreturn void begin(long *stack);

_Noreturn void begin(long *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    char **envp = argv + argc + 1;
    char **end = envp;
    while (*end)
        end++;
    for (const Elf64_auxv_t *entry = (const Elf64_auxv_t *)(end + 1); entry->a_type != AT_NULL; entry++)
        if (entry->a_type == AT_SYSINFO_EHDR)
            clock_find((const void *)entry->a_un.a_val);
    sys_exit(main(argc, argv, envp));
}

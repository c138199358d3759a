/** Advice for the famous failures, by system call and error: what it usually means and what to do about it. */

const HINTS: Record<string, string> = {
  'mount EPERM': 'skiff needs CAP_SYS_ADMIN; in a container it needs --privileged',
  'mount EACCES':
    'a security module (AppArmor, SELinux) forbids it, and dmesg names the rule; in a container give it --privileged',
  'mount ENODEV': 'the kernel does not have this file system',
  'mount EINVAL': 'for overlay: is the data-root itself on an overlay file system? put it on a volume',
  'clone3 EPERM': 'skiff needs CAP_SYS_ADMIN; in a container it needs --privileged',
  'clone3 ENOSPC': 'a limit on namespaces is reached: see /proc/sys/user/max_*_namespaces',
  'clone3 EAGAIN': 'a limit on processes is reached: see /proc/sys/kernel/pid_max and the pids cgroup',
  'prlimit64 EPERM': 'raising a hard limit needs CAP_SYS_RESOURCE',
  'unshare ENOSPC': 'a limit on namespaces is reached: see /proc/sys/user/max_*_namespaces',
  'pivot_root EINVAL': 'the root of this machine may be an initramfs: pivot_root cannot leave it',
  'bpf EPERM': 'device rules on cgroup v2 need CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN',
}

export const hintFor = (syscall: string, code: string): string | undefined => HINTS[`${syscall} ${code}`]

/**
 * The filter of every container that asks for none: an allow-list. What is not in it fails with EPERM, or with ENOSYS where the
 * kernel is newer than the list (compile.ts), so that libraries fall back to older calls.
 *
 * Not in it, on purpose: io_uring (its history of escapes), keyctl, add_key and request_key (keyrings are not namespaced), userfaultfd
 * (widens races in the kernel), kexec, swapon, nfsservctl, uselib, ustat, sysfs and others that are dead or the host's own business.
 * What needs a capability is allowed to those who have it; the kernel checks the capability as well.
 */

import { ALWAYS, type Condition, type SeccompProfile, type SeccompRule } from './profile.ts'

const words = (text: string): string[] => text.trim().split(/\s+/)

/** Any process. On 32-bit architectures also the variants with 32, 64 or time64 in their name. */
const EVERYONE: Record<string, string[]> = {
  'files: open and close': words(`open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock
    name_to_handle_at memfd_create memfd_secret`),
  'files: read and write': words(`read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek
    readahead fadvise64 fadvise64_64 copy_file_range sendfile sendfile64 splice tee vmsplice
    io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64`),
  'files: keep': words(
    `sync syncfs fsync fdatasync sync_file_range fallocate truncate truncate64 ftruncate ftruncate64`,
  ),
  'files: names': words(`link linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2
    mkdir mkdirat rmdir mknod mknodat getdents getdents64 getcwd chdir fchdir umask`),
  'files: attributes':
    words(`stat stat64 fstat fstat64 lstat lstat64 newfstatat fstatat64 statx access faccessat faccessat2
    chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 fchownat
    utime utimes futimesat utimensat utimensat_time64
    getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr llistxattr flistxattr
    listxattrat removexattr lremovexattr fremovexattr removexattrat`),
  'file systems: ask': words(`statfs statfs64 fstatfs fstatfs64 statmount listmount`),
  'file systems: watch': words('inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark'),
  'wait for several':
    words(`select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1 epoll_ctl
    epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4`),
  'network and pipes':
    words(`pipe pipe2 socketpair socketcall bind listen accept accept4 connect shutdown getsockname getpeername
    getsockopt setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 ioctl`),
  memory:
    words(`brk mmap mmap2 munmap mremap remap_file_pages mprotect madvise msync mincore mlock mlock2 mlockall munlock munlockall
    mseal map_shadow_stack membarrier cachestat pkey_alloc pkey_free pkey_mprotect process_mrelease`),
  'shared memory, semaphores, queues':
    words(`ipc shmget shmat shmdt shmctl semget semop semtimedop semtimedop_time64 semctl msgget
    msgsnd msgrcv msgctl mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive
    mq_timedreceive_time64`),
  'processes: make, run, end': words(`fork vfork execve execveat exit exit_group wait4 waitid waitpid restart_syscall
    pidfd_open pidfd_send_signal`),
  'processes: ask and set': words(`getpid getppid gettid getpgid getpgrp setpgid getsid setsid prctl
    getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64 getrusage times
    set_tid_address get_thread_area set_thread_area set_robust_list get_robust_list rseq`),
  'users and capabilities':
    words(`getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid
    getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32
    setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset`),
  'give up rights': words('seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self'),
  signals:
    words(`kill tkill tgkill pause sigaltstack sigprocmask sigreturn rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn uretprobe`),
  scheduling:
    words(`sched_yield sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_getattr sched_setattr
    sched_getaffinity sched_setaffinity sched_get_priority_min sched_get_priority_max sched_rr_get_interval
    sched_rr_get_interval_time64 getcpu`),
  'locks of threads': words('futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue'),
  'time: ask':
    words(`time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 nanosleep clock_nanosleep
    clock_nanosleep_time64`),
  // Reading the clock's state goes through these calls too; changing it takes CAP_SYS_TIME.
  'time: adjust': words('adjtimex clock_adjtime clock_adjtime64'),
  timers:
    words(`alarm getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
    timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`),
  'the machine': words('uname sysinfo getrandom'),
}

/** Allowed to those who have the capability. */
const WITH_CAPABILITY: Record<string, string[]> = {
  CAP_DAC_READ_SEARCH: words('open_by_handle_at'),
  CAP_SYS_ADMIN:
    words(`mount mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick umount umount2 quotactl quotactl_fd
    clone clone3 unshare setns sethostname setdomainname bpf perf_event_open syslog fanotify_init lookup_dcookie`),
  CAP_SYS_BOOT: words('reboot'),
  CAP_SYS_CHROOT: words('chroot'),
  CAP_SYS_MODULE: words('init_module finit_module delete_module'),
  CAP_SYS_NICE: words('get_mempolicy set_mempolicy set_mempolicy_home_node mbind'),
  CAP_SYS_PACCT: words('acct'),
  CAP_SYS_PTRACE: words('kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace'),
  CAP_SYS_RAWIO: words('iopl ioperm'),
  CAP_SYS_TIME: words('settimeofday stime clock_settime clock_settime64'),
  CAP_SYS_TTY_CONFIG: words('vhangup'),
  CAP_SYSLOG: words('syslog'),
  CAP_BPF: words('bpf'),
  CAP_PERFMON: words('perf_event_open'),
}

const OF_ARCHITECTURE: [arches: string[], names: string[]][] = [
  [['amd64', 'x32'], ['arch_prctl']],
  [['amd64', 'x32', 'x86'], ['modify_ldt']],
  [['arm', 'arm64'], words('arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls')],
]

const ENOSYS = 38
const AF_VSOCK = 40n
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: include/uapi/linux/sched.h */
const NAMESPACE_FLAGS = 0x7e020000n
/** personality(2): Linux, and with 32-bit uname or address space or both (setarch), and the question which one it is. */
const HARMLESS_PERSONALITIES = [0x0n, 0x8n, 0x20000n, 0x20008n, 0xffffffffn]

const allow = (names: readonly string[], rest: Partial<SeccompRule> = {}): SeccompRule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  errno: null,
  args: [],
  includes: ALWAYS,
  excludes: ALWAYS,
  ...rest,
})

const when = (condition: Partial<Condition>): Condition => ({ ...ALWAYS, ...condition })
const argument = (value: bigint, op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE') => ({ index: 0, op, value, valueTwo: 0n })

export const DEFAULT_PROFILE: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrno: null,
  architectures: {
    SCMP_ARCH_X86_64: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    SCMP_ARCH_AARCH64: ['SCMP_ARCH_ARM'],
  },
  flags: [],
  rules: [
    ...Object.values(EVERYONE).map(names => allow(names)),
    ...Object.entries(WITH_CAPABILITY).map(([cap, names]) => allow(names, { includes: when({ caps: [cap] }) })),
    ...OF_ARCHITECTURE.map(([arches, names]) => allow(names, { includes: when({ arches }) })),
    // Before 4.8 a tracer could change a system call after the filter had judged it.
    allow(words('ptrace process_vm_readv process_vm_writev'), { includes: when({ minKernel: [4, 8] }) }),
    // vsock reaches the hypervisor, past every network namespace.
    allow(['socket'], { args: [argument(AF_VSOCK, 'SCMP_CMP_NE')] }),
    ...HARMLESS_PERSONALITIES.map(value => allow(['personality'], { args: [argument(value, 'SCMP_CMP_EQ')] })),
    // Threads and processes, but no namespaces.
    allow(['clone'], {
      args: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: NAMESPACE_FLAGS, valueTwo: 0n }],
      excludes: when({ caps: ['CAP_SYS_ADMIN'] }),
    }),
    // Its flags lie in memory, where no filter can look: ENOSYS makes libraries use clone.
    allow(['clone3'], { action: 'SCMP_ACT_ERRNO', errno: ENOSYS, excludes: when({ caps: ['CAP_SYS_ADMIN'] }) }),
  ],
}

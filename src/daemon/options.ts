/**
 * Every setting of the daemon, once: its flag on the command line, its key in daemon.json, its default. Names are dockerd's.
 * What is not in this table is refused: an option that does nothing is worse than none.
 * Reference: dockerd(8), "Daemon configuration file".
 */

interface Common {
  /** In daemon.json. */
  key: string
  /** On the command line; null: in the file only. */
  flag: string | null
  short?: string
  describe: string
}

export type OptionKind = 'text' | 'switch' | 'number' | 'list' | 'map' | 'ulimits' | 'pools'

export type Option = Common & { kind: OptionKind }

export const OPTIONS = [
  { key: 'data-root', flag: 'data-root', kind: 'text', describe: 'Root directory of persistent state' },
  { key: 'exec-root', flag: 'exec-root', kind: 'text', describe: 'Root directory for execution state files' },
  { key: 'hosts', flag: 'host', short: 'H', kind: 'list', describe: 'Daemon socket(s) to connect to' },
  { key: 'group', flag: 'group', short: 'G', kind: 'text', describe: 'Group for the unix socket' },
  { key: 'pidfile', flag: 'pidfile', short: 'p', kind: 'text', describe: 'Path to use for daemon PID file' },
  { key: 'debug', flag: 'debug', short: 'D', kind: 'switch', describe: 'Enable debug mode' },
  {
    key: 'log-level',
    flag: 'log-level',
    short: 'l',
    kind: 'text',
    describe: 'Set the logging level (debug|info|warn|error|fatal)',
  },
  {
    key: 'live-restore',
    flag: 'live-restore',
    kind: 'switch',
    describe: 'Keep containers running when the daemon stops',
  },
  {
    key: 'shutdown-timeout',
    flag: 'shutdown-timeout',
    kind: 'number',
    describe: 'Seconds that containers get to stop with the daemon',
  },
  {
    key: 'storage-driver',
    flag: 'storage-driver',
    short: 's',
    kind: 'text',
    describe: 'Storage driver to use (overlay2|vfs); without it overlay2 where the data-root allows it',
  },
  {
    key: 'metrics-addr',
    flag: 'metrics-addr',
    kind: 'text',
    describe: 'Address and port to serve figures for Prometheus on',
  },
  { key: 'labels', flag: 'label', kind: 'list', describe: 'Set key=value labels to the daemon' },

  {
    key: 'bridge',
    flag: 'bridge',
    short: 'b',
    kind: 'text',
    describe: 'Attach containers to a network bridge; none: no default bridge',
  },
  { key: 'bip', flag: 'bip', kind: 'text', describe: "The default bridge's IP and netmask" },
  { key: 'fixed-cidr', flag: 'fixed-cidr', kind: 'text', describe: 'IPv4 subnet for fixed IPs' },
  { key: 'ipv6', flag: 'ipv6', kind: 'switch', describe: 'Enable IPv6 on the default bridge' },
  { key: 'fixed-cidr-v6', flag: 'fixed-cidr-v6', kind: 'text', describe: "The default bridge's IPv6 subnet" },
  { key: 'ip', flag: 'ip', kind: 'text', describe: 'Default IP when binding container ports of the default bridge' },
  {
    key: 'userland-proxy',
    flag: 'userland-proxy',
    kind: 'switch',
    describe: 'Copy what comes by IPv6 for a container that has IPv4 only',
  },
  { key: 'mtu', flag: 'mtu', kind: 'number', describe: 'Set the containers network MTU' },
  { key: 'icc', flag: 'icc', kind: 'switch', describe: 'Enable inter-container communication' },
  { key: 'ip-masq', flag: 'ip-masq', kind: 'switch', describe: 'Enable IP masquerading' },
  {
    key: 'default-address-pools',
    flag: 'default-address-pool',
    kind: 'pools',
    describe: 'Default address pools for networks',
  },
  { key: 'dns', flag: 'dns', kind: 'list', describe: 'DNS server to use' },
  { key: 'dns-search', flag: 'dns-search', kind: 'list', describe: 'DNS search domains to use' },
  { key: 'dns-opts', flag: 'dns-opt', kind: 'list', describe: 'DNS options to use' },
  {
    key: 'host-gateway-ip',
    flag: 'host-gateway-ip',
    kind: 'text',
    describe: 'What host-gateway in --add-host resolves to',
  },

  {
    key: 'log-driver',
    flag: 'log-driver',
    kind: 'text',
    describe: 'Default driver for container logs (json-file|local|syslog|journald|none)',
  },
  { key: 'log-opts', flag: 'log-opt', kind: 'map', describe: 'Default log driver options for containers' },
  { key: 'default-ulimits', flag: 'default-ulimit', kind: 'ulimits', describe: 'Default ulimits for containers' },
  { key: 'default-shm-size', flag: 'default-shm-size', kind: 'text', describe: 'Default shm size for containers' },
  {
    key: 'default-ipc-mode',
    flag: 'default-ipc-mode',
    kind: 'text',
    describe: 'Default mode for containers ipc (shareable|private)',
  },
  {
    key: 'default-cgroupns-mode',
    flag: 'default-cgroupns-mode',
    kind: 'text',
    describe: 'Default mode for containers cgroup namespace (host|private)',
  },
  { key: 'cgroup-parent', flag: 'cgroup-parent', kind: 'text', describe: 'Set parent cgroup for all containers' },
  {
    key: 'init',
    flag: 'init',
    kind: 'switch',
    describe: 'Run an init in the container to forward signals and reap processes',
  },
  { key: 'init-path', flag: 'init-path', kind: 'text', describe: 'Path to the init binary' },
  {
    key: 'no-new-privileges',
    flag: 'no-new-privileges',
    kind: 'switch',
    describe: 'Set no-new-privileges by default for new containers',
  },
  {
    key: 'userns-remap',
    flag: 'userns-remap',
    kind: 'text',
    describe: 'User/Group setting for user namespaces',
  },
  {
    key: 'seccomp-profile',
    flag: 'seccomp-profile',
    kind: 'text',
    describe: 'Path to seccomp profile; unconfined: none',
  },

  {
    key: 'insecure-registries',
    flag: 'insecure-registry',
    kind: 'list',
    describe: 'Enable insecure registry communication',
  },
  { key: 'registry-mirrors', flag: 'registry-mirror', kind: 'list', describe: 'Preferred registry mirror' },
  {
    key: 'max-concurrent-downloads',
    flag: 'max-concurrent-downloads',
    kind: 'number',
    describe: 'Set the max concurrent downloads',
  },
  {
    key: 'max-concurrent-uploads',
    flag: 'max-concurrent-uploads',
    kind: 'number',
    describe: 'Set the max concurrent uploads',
  },
  {
    key: 'max-download-attempts',
    flag: 'max-download-attempts',
    kind: 'number',
    describe: 'Set the max download attempts for each pull',
  },
  { key: 'http-proxy', flag: 'http-proxy', kind: 'text', describe: 'HTTP proxy URL to use for outgoing traffic' },
  { key: 'https-proxy', flag: 'https-proxy', kind: 'text', describe: 'HTTPS proxy URL to use for outgoing traffic' },
  { key: 'no-proxy', flag: 'no-proxy', kind: 'text', describe: 'Hosts that are reached without a proxy' },
] as const satisfies readonly Option[]

export const DEFAULT_CONFIG_FILE = '/etc/skiff/daemon.json'

/** Flags that are no settings: on the command line only. */
export const ACTIONS = {
  'config-file': { type: 'string', describe: `Daemon configuration file (default "${DEFAULT_CONFIG_FILE}")` },
  doctor: { type: 'boolean', describe: 'Examine this host, print what was found as JSON, and exit' },
  validate: { type: 'boolean', describe: 'Validate daemon configuration and exit' },
} as const

export type OptionKey = (typeof OPTIONS)[number]['key']

/** Raw values by key, as the command line or the file has them. */
export type RawSettings = Partial<Record<OptionKey, unknown>>

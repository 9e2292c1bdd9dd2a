/** The ssh_config that the spawned ssh reads: what we insist on, then everything of the user's own. */
import type { ResolvedHost } from '../config.ts';
import type { SshOptions } from '../options.ts';

/** One argument of ssh_config. Double quotes cannot be escaped in all versions, so a path must have none. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

/** A path for Include, which is a glob pattern. */
function included(path: string): string {
  return `"${path.replace(/[*?[\]]/g, (char) => `\\${char}`)}"`;
}

/** A host as ssh is called with it, for us or as a jump. */
export interface NamedHost {
  /** What stands on ssh's command line. */
  argument: string;
  resolved: ResolvedHost;
}

function trust(host: NamedHost, options: SshOptions, newKeys: string): string[] {
  const { userKnownHostsFiles, globalKnownHostsFiles, strictHostKeyChecking } = host.resolved;
  const own = options.knownHostsFile;
  const user = own === undefined ? userKnownHostsFiles : [own];
  const checking =
    options.acceptNewHostKey || strictHostKeyChecking === 'no' || strictHostKeyChecking === 'accept-new'
      ? 'accept-new' // "no" would let a changed key pass
      : strictHostKeyChecking;
  return [
    `Host ${host.argument}`,
    `  UserKnownHostsFile ${[newKeys, ...user].map(quoted).join(' ')}`,
    `  GlobalKnownHostsFile ${own === undefined && globalKnownHostsFiles.length > 0 ? globalKnownHostsFiles.map(quoted).join(' ') : '/dev/null'}`,
    `  StrictHostKeyChecking ${checking}`,
  ];
}

/** As for ssh2, fastest first (measured); only where the configuration, the system's too, names none. */
const ciphers = [
  ...['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
  ...['aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
];

/**
 * `newKeys`: a file of ours, to which ssh writes keys that a person accepts; they go to the user's file only when they
 * are to be remembered. `userFiles`: the configuration that is the user's. The first mention of a keyword wins.
 */
export function configText(
  hosts: readonly NamedHost[],
  options: SshOptions,
  newKeys: string,
  userFiles: readonly string[],
): string {
  return [
    ...hosts.flatMap((host) => trust(host, options, newKeys)),
    'Host *',
    '  ServerAliveInterval 15',
    '  ServerAliveCountMax 3',
    '  UpdateHostKeys no',
    '  VisualHostKey yes',
    '  ForwardAgent no',
    '  ForwardX11 no',
    '  ClearAllForwardings yes',
    ...userFiles.map((file) => `  Include ${included(file)}`),
    'Host *',
    '  ConnectTimeout 15',
    `  Ciphers ${ciphers.join(',')}`,
    '',
  ].join('\n');
}

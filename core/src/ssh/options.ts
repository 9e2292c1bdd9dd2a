/** The options common to all commands that touch a host (CLI contract, extension settings). */
export interface SshOptions {
  /** ssh config file; undefined = OpenSSH's own default files. */
  configFile?: string;
  /** known_hosts file; undefined = what `ssh -G` says. */
  knownHostsFile?: string;
  identityFile?: string;
  /** Add unknown keys without asking (never a changed key). */
  acceptNewHostKey: boolean;
  transport: 'auto' | 'ssh2' | 'openssh';
  sudo: 'auto' | 'never' | 'always';
  /** sudo password given up front (--password-stdin); kept in memory only. */
  sudoPassword?: string;
  /** Leave nothing on the host: the agent's file is removed at the end. */
  ephemeral: boolean;
  /** Hosts on which nothing may be loaded, attached or written, by name; `*` stands for any text. */
  readOnlyHosts?: readonly string[];
}

/** Whether a host's name is meant by a pattern, in which `*` stands for any text. */
export function matchesHost(pattern: string, host: string): boolean {
  return new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(host);
}

export function isReadOnly({ readOnlyHosts = [] }: Pick<SshOptions, 'readOnlyHosts'>, host: string): boolean {
  return readOnlyHosts.some((pattern) => matchesHost(pattern, host));
}

export const defaultSshOptions: SshOptions = {
  acceptNewHostKey: false,
  transport: 'auto',
  sudo: 'auto',
  ephemeral: false,
};

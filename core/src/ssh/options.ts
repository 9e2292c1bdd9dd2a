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

export function isReadOnly({ readOnlyHosts = [] }: Pick<SshOptions, 'readOnlyHosts'>, host: string): boolean {
  const matches = (pattern: string): boolean =>
    new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(host);
  return readOnlyHosts.some(matches);
}

export const defaultSshOptions: SshOptions = {
  acceptNewHostKey: false,
  transport: 'auto',
  sudo: 'auto',
  ephemeral: false,
};

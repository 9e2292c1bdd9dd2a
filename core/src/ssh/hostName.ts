/** What a person may write as HOST: `local`, an alias, `user@host[:port]`, `ssh://user@host:port`. */
import { RingsideError } from '../errors.ts';

export interface HostName {
  /** Alias, DNS name or address: what `ssh` would be called with. */
  host: string;
  user?: string;
  port?: number;
}

function refuse(name: string, why: string): never {
  throw new RingsideError('usage', `${JSON.stringify(name.slice(0, 200))} is no host name: ${why}.`, {
    remedy: 'Write an alias of your ssh config, user@host, user@host:port, or local.',
  });
}

/** Characters that OpenSSH refuses in host names and users, because ProxyCommand and Match exec run through a shell. */
const shellCharacters = /['`"$\\;&<>|(){}]/;

/** Splits a host as the user named it. Throws `usage` for what could be taken for an option or a shell command. */
export function parseHostName(name: string): HostName {
  if (name === '') refuse(name, 'it is empty');
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0020\u007f]/.test(name)) refuse(name, 'it holds spaces or control characters');
  if (name.length > 1024) refuse(name, 'it is too long');
  let rest = name.startsWith('ssh://') ? name.slice('ssh://'.length).replace(/\/$/, '') : name;
  const result: HostName = { host: '' };
  const at = rest.lastIndexOf('@');
  if (at >= 0) {
    result.user = rest.slice(0, at);
    rest = rest.slice(at + 1);
    if (result.user === '') refuse(name, 'the user before @ is empty');
    if (result.user.startsWith('-')) refuse(name, 'a user cannot begin with "-"');
    if (shellCharacters.test(result.user)) refuse(name, 'the user holds characters of the shell');
  }
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(rest);
  const withPort = /^([^:]+):(\d+)$/.exec(rest);
  const port = bracketed ? bracketed[2] : withPort?.[2];
  result.host = bracketed?.[1] ?? withPort?.[1] ?? rest;
  if (port !== undefined) {
    result.port = Number(port);
    if (result.port < 1 || result.port > 65535) refuse(name, 'a port lies between 1 and 65535');
  }
  if (result.host === '') refuse(name, 'the host is empty');
  if (result.host.startsWith('-')) refuse(name, 'a host cannot begin with "-"');
  if (shellCharacters.test(result.host)) refuse(name, 'it holds characters of the shell');
  // One colon left is neither host:port (taken above) nor an IPv6 address.
  if (/^[^:]*:[^:]*$/.test(result.host)) refuse(name, 'the port is not a number');
  return result;
}

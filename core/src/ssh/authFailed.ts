/** A login that was refused, in the same words whichever transport tried it. */
import { RingsideError } from '../errors.ts';
import type { ResolvedHost } from './config.ts';
import { quote } from './shell.ts';

/** What was tried, in the order in which it was. */
export interface TriedLogin {
  /** Keys as they are named in messages. */
  keys: readonly string[];
  /** Methods beside keys: password, keyboard-interactive, gssapi-with-mic. */
  methods: readonly string[];
  /** Passwords that were given and refused. */
  passwords: number;
  /** Rounds of keyboard-interactive questions that were answered and refused. */
  rounds: number;
  /** Key files whose passphrase was asked for as often as it may be, and never right. */
  locked?: readonly string[];
}

export interface FailedLogin {
  host: ResolvedHost;
  /** "ana@web.example", where it is another host on the way. */
  who?: string;
  why?: string;
  tried: TriedLogin;
  /** Methods that the server takes; empty when it did not say. */
  accepted: readonly string[];
  /** The server counts attempts, and they are used up. */
  tooMany?: boolean;
  /** A person was asked and gave nothing. */
  declined?: boolean;
  remedy?: string;
  detail: string;
}

/** Names what was tried, what the server takes, and what can be done. */
export function authFailed(failed: FailedLogin): RingsideError {
  const { host, who, why, tried, accepted, tooMany, remedy, detail } = failed;
  const what = [...tried.keys, ...tried.methods];
  const whatTried = what.length > 0 ? `Tried: ${what.join(', ')}.` : 'There was nothing to try.';
  const takes = accepted.length > 0 ? ` The server takes: ${accepted.join(', ')}.` : '';
  const reason = tooMany ? 'it refused us after too many attempts' : (why ?? 'it refused every way to log in');
  const user = who ?? `${host.user}@${host.hostname}`;
  return new RingsideError('auth-failed', `${user} did not let us in: ${reason}. ${whatTried}${takes}`, {
    remedy: remedy ?? remedyFor(failed, user),
    detail,
  });
}

/** The same, told of a host on the way to another. */
export function onTheWay(error: RingsideError, hop: string, host: string): RingsideError {
  return new RingsideError(
    error.code,
    `The jump host ${hop} on the way to ${host} refused the login: ${error.message}`,
    error.toData(),
  );
}

const times = (count: number): string => (count === 1 ? '' : ` ${count} times`);

/** Advice for what was really tried: a person who mistyped a password has no use for one about keys. */
function remedyFor({ host, tried, accepted, tooMany, declined, who }: FailedLogin, user: string): string {
  const takes = (method: string): boolean => accepted.length === 0 || accepted.includes(method);
  const orKey = takes('publickey') ? '; or name a key with IdentityFile in the ssh config or --identity' : '';
  const asRoot = user.startsWith('root@')
    ? ' Many servers take no password for root (PermitRootLogin prohibit-password): use a key or another user there.'
    : '';
  const usedUp =
    tooMany && tried.keys.length > 0
      ? ` The ${tried.keys.length} keys before it were attempts too: IdentitiesOnly yes leaves them out.`
      : '';
  if (declined) return `Type it when asked${orKey}.`;
  if (tried.rounds > 0)
    return `What was typed was refused${times(tried.rounds)}: check user and password, and take a fresh one-time code (one that has been used or has expired is refused)${orKey}.${asRoot}${usedUp}`;
  if (tried.passwords > 0)
    return `The password was refused${times(tried.passwords)}: it is the one of ${user}, not the passphrase of a key. Check it and the user name${orKey}.${asRoot}${usedUp}`;
  const [locked] = tried.locked ?? [];
  if (locked !== undefined)
    return `The passphrase of ${locked} was wrong each time: connect again and type the right one (\`ssh-keygen -y -f ${quote(locked)}\` tries it), or load the key into an ssh-agent with \`ssh-add ${quote(locked)}\`.`;
  if (tooMany) return 'Set IdentitiesOnly yes and name the right key with IdentityFile in the ssh config.';
  if (!takes('publickey')) return notOffered(host, accepted);
  if (tried.keys.length > 0) {
    const [key = ''] = tried.keys;
    const file = /^[~/]\S*/.exec(key)?.[0];
    const copy = file === undefined ? 'ssh-copy-id' : `ssh-copy-id -i ${file}.pub`;
    return `The host does not take ${tried.keys.length === 1 ? 'this key' : 'any of these keys'} for ${user}: check the user name, add the public key to its ~/.ssh/authorized_keys (\`${copy} ${who ?? host.name}\`), or name another key with IdentityFile in the ssh config or --identity.`;
  }
  return accepted.length > 0 ? notOffered(host, accepted) : nothingToTry(host);
}

function nothingToTry(host: ResolvedHost): string {
  return `Check user and key with \`ssh ${host.name}\`; name a key with IdentityFile in the ssh config or --identity, or start an ssh-agent.`;
}

/** The server takes what the configuration switches off, or what is not there. */
function notOffered(host: ResolvedHost, accepted: readonly string[]): string {
  const off: string[] = [];
  if (accepted.includes('password') && !host.passwordAuthentication) off.push('PasswordAuthentication');
  if (accepted.includes('keyboard-interactive') && !host.kbdInteractiveAuthentication)
    off.push('KbdInteractiveAuthentication');
  if (accepted.includes('publickey') && !host.pubkeyAuthentication) off.push('PubkeyAuthentication');
  if (off.length > 0)
    return `The ssh config switches off what the server takes: set ${off.map((keyword) => `${keyword} yes`).join(', ')} for ${host.name}.`;
  if (accepted.includes('publickey')) return nothingToTry(host);
  if (accepted.includes('gssapi-with-mic'))
    return 'The server takes Kerberos: get a ticket with `kinit`, and set GSSAPIAuthentication yes in the ssh config.';
  if (accepted.includes('hostbased'))
    return `The server trusts machines, not users (hostbased): only \`--transport openssh\` with EnableSSHKeysign can do that, if \`ssh ${host.name}\` works.`;
  return `The server takes ${accepted.join(', ')} only; try \`ssh ${host.name}\`, and let its administrator allow keys or passwords (PubkeyAuthentication, PasswordAuthentication in sshd_config).`;
}

/** Why the spawned ssh gave up, read from what it wrote to stderr with -v. */
import { readFileSync } from 'node:fs';
import { RingsideError, type ErrorCode } from '../../errors.ts';
import { fingerprint } from '../fingerprint.ts';
import { parseKnownHosts } from '../knownHosts.ts';
import type { ResolvedHost } from '../config.ts';
import { neutralize } from '../shell.ts';

const debugLine = /^debug\d: /;

/** What was tried to log in at the last host that was spoken to. */
function triedIn(lines: readonly string[]): string[] {
  const begin = lines.findLastIndex((line) => /^debug1: Authenticating to /.test(line));
  const tried = new Set<string>();
  for (const line of lines.slice(Math.max(0, begin))) {
    const key = /^debug1: Offering public key: (.+?) (\S+) SHA256:/.exec(line);
    const method = /^debug1: Next authentication method: (\S+)/.exec(line)?.[1];
    if (key) tried.add(`${key[1] ?? ''} (${key[2] ?? ''})`);
    else if (method !== undefined && method !== 'publickey') tried.add(method);
  }
  return [...tried];
}

/** Fingerprint of the key at a line of a known_hosts file; "" when it is not there any more. */
function knownFingerprint(file: string, line: number): string {
  try {
    const entry = parseKnownHosts(readFileSync(file, 'utf8'), file).find((known) => known.line === line);
    return entry === undefined ? '' : fingerprint(entry.key);
  } catch {
    return '';
  }
}

function mismatch(host: ResolvedHost, text: string, detail: string): RingsideError {
  const place = /^Offending (?:\S+ )?key in (.+):(\d+)$/m.exec(text);
  const [file = 'known_hosts', line = '0'] = place ? [place[1], place[2]] : [];
  const shown = /key sent by the remote host is\s+(SHA256:[A-Za-z0-9+/]+)/.exec(text)?.[1] ?? 'another key';
  const known = knownFingerprint(file, Number(line));
  const name = /Host key for (\S+) has changed/.exec(text)?.[1] ?? host.hostname;
  return new RingsideError(
    'host-key-mismatch',
    `The key of ${host.name} (${name}) has changed: it shows ${shown}, but ${file}:${line} says ${known === '' ? 'another' : known}. ` +
      'Someone may be listening in, or the host was reinstalled. Nothing was sent to it.',
    {
      remedy:
        `Ask the host's administrator for its fingerprint by another way. Only when it is ${shown}, ` +
        `remove the old key with \`ssh-keygen -f ${file} -R '${name}'\`.`,
      detail,
      links: [`${file}:${line}`],
    },
  );
}

function authFailure(host: ResolvedHost, who: string, accepted: string, lines: readonly string[]): RingsideError {
  const tried = triedIn(lines);
  const whatTried = tried.length > 0 ? `Tried: ${tried.join(', ')}.` : 'There was nothing to try.';
  const takes = accepted === '' ? '' : ` The server takes: ${accepted.replaceAll(',', ', ')}.`;
  return new RingsideError(
    'auth-failed',
    `${who} did not let us in: it refused every way to log in. ${whatTried}${takes}`,
    {
      remedy: `Check user and key with \`ssh ${host.name}\`; name a key with IdentityFile in the ssh config or --identity.`,
      detail: neutralize(lines.filter((line) => !debugLine.test(line)).join('\n')),
    },
  );
}

interface Rule {
  pattern: RegExp;
  code: ErrorCode;
  why: (match: RegExpExecArray) => string;
  remedy: string;
}

const reach = 'Check host, port and network; the ssh server there may be down, or may refuse your address.';
const rules: Rule[] = [
  {
    pattern: /^ssh: Could not resolve hostname (\S+?):/m,
    code: 'host-unknown',
    why: ([, name]) => `the name ${name ?? ''} does not resolve`,
    remedy: 'Check the spelling; `ringside hosts` lists the hosts of your ssh config.',
  },
  {
    pattern:
      /^(?:ssh: connect to host .*: (?:Connection|Operation) timed out|Connection timed out during .*|Timeout, server .*)$/m,
    code: 'host-timeout',
    why: () => 'it did not answer in time',
    remedy:
      'Check that the host is up and that no firewall drops the connection; ConnectTimeout in the ssh config sets the limit.',
  },
  {
    pattern: /^ssh: connect to host \S+ port \d+: (.+)$/m,
    code: 'host-unreachable',
    why: ([, reason]) => reason ?? '',
    remedy: reach,
  },
  {
    pattern: /no matching (.+?) found\. Their offer: (.+)$/m,
    code: 'ssh-transport',
    why: ([, what, offer]) => `no ${what ?? 'algorithm'} in common (it offers ${offer ?? ''})`,
    remedy: 'The host offers algorithms that your OpenSSH does not take; update one of the two.',
  },
  {
    pattern:
      /^(?:command-line: line \d+: )?(Bad (?:owner|configuration|.*argument).*|.*: Bad configuration option.*|.*terminating, \d+ bad configuration.*)$/m,
    code: 'ssh-config',
    why: ([line]) => line,
    remedy: 'Repair the ssh config; `ssh -G HOST` shows the same message.',
  },
];

/**
 * The reason as an error. `stderr` is the output of the ssh that makes the connection (with those of its jumps);
 * `declined` says that a person would not answer a question.
 */
export function readFailure(host: ResolvedHost, stderr: string, declined = ''): RingsideError {
  const lines = stderr.split('\n').map((line) => line.replace(/\r$/, ''));
  const said = lines.filter((line) => line !== '' && !debugLine.test(line));
  const text = said.join('\n');
  const detail = neutralize(text);
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(text)) return mismatch(host, text, detail);
  if (/REVOKED HOST KEY/.test(text) || /host key for .* is marked as revoked/.test(text)) {
    return new RingsideError('host-key-revoked', `The key of ${host.name} (${host.hostname}) is marked as revoked.`, {
      remedy: 'The host must get a new key; do not use it until its administrator has made one.',
      detail,
    });
  }
  if (/^Host key verification failed\./m.test(text)) {
    return new RingsideError(
      'host-key-unknown',
      `The key of ${host.name} (${host.hostname} port ${host.port}), or of a host on the way to it, is not known here, and it was not accepted.`,
      {
        remedy:
          'Compare the fingerprint with the host’s own (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there), then ' +
          'accept it when asked, connect once with ssh, or pass --accept-new-host-key.',
        detail,
      },
    );
  }
  if (declined !== '') {
    const error = authFailure(host, `${host.user}@${host.hostname}`, '', lines);
    return new RingsideError('auth-failed', error.message.replace('it refused every way to log in', declined), error);
  }
  const denied = /^(?:(\S+): )?Permission denied \(([^)]*)\)/m.exec(text);
  if (denied) return authFailure(host, denied[1] ?? `${host.user}@${host.hostname}`, denied[2] ?? '', lines);
  if (/Too many authentication failures/.test(text)) {
    const error = authFailure(host, `${host.user}@${host.hostname}`, '', lines);
    return new RingsideError(
      'auth-failed',
      error.message.replace('every way to log in', 'us after too many attempts'),
      {
        remedy: 'Set IdentitiesOnly yes and name the right key with IdentityFile in the ssh config.',
        detail,
      },
    );
  }
  for (const { pattern, code, why, remedy } of rules) {
    const match = pattern.exec(text);
    if (match)
      return new RingsideError(code, `${host.name} cannot be reached: ${neutralize(why(match), 300)}.`, {
        remedy,
        detail,
      });
  }
  const last = said.at(-1) ?? 'ssh ended without a word';
  return new RingsideError(
    'host-unreachable',
    `${host.name} (${host.hostname} port ${host.port}) did not complete the ssh handshake: ${neutralize(last, 300)}.`,
    {
      remedy:
        'Check that an ssh server listens on this port; it may also be overloaded (MaxStartups) or block your address.',
      detail,
    },
  );
}

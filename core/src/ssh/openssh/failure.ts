/** Why the spawned ssh gave up, read from what it wrote to stderr with -v. */
import { readFileSync } from 'node:fs';
import { RingsideError, type ErrorCode } from '../../errors.ts';
import { fingerprint } from '../fingerprint.ts';
import { parseKnownHosts } from '../knownHosts.ts';
import { authFailed, onTheWay, type FailedLogin, type TriedLogin } from '../authFailed.ts';
import type { ResolvedHost } from '../config.ts';
import { changedKey, revokedRemedy, unknownRemedy } from '../hostKeyErrors.ts';
import { neutralize } from '../shell.ts';

const debugLine = /^debug\d: /;

/** What was tried to log in at the last host that was spoken to; how often something was typed, ssh does not tell. */
function triedIn(lines: readonly string[], typed: Typed): TriedLogin {
  const begin = lines.findLastIndex((line) => /^debug1: Authenticating to /.test(line));
  const keys = new Set<string>();
  const methods: string[] = [];
  for (const line of lines.slice(Math.max(0, begin))) {
    const key = /^debug1: Offering public key: (.+?) (\S+) SHA256:/.exec(line);
    const method = /^debug1: Next authentication method: (\S+)/.exec(line)?.[1];
    if (key) keys.add(`${key[1] ?? ''} (${key[2] ?? ''})`);
    else if (method !== undefined && method !== 'publickey') methods.push(method);
  }
  return {
    ...{ keys: [...keys], methods: [...new Set(methods)] },
    passwords: methods.includes('password') ? typed.passwords : 0,
    // Several answers make one round.
    rounds: methods.includes('keyboard-interactive') ? Math.min(1, typed.answers) : 0,
    locked: typed.locked,
  };
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
  return changedKey({
    ...{ host: host.name, where: name, shown, known: known === '' ? 'another' : known },
    ...{ place: `${file}:${line}`, file, entry: `'${name}'`, detail },
  });
}

function authFailure(
  host: ResolvedHost,
  lines: readonly string[],
  typed: Typed,
  more: Partial<FailedLogin> = {},
): RingsideError {
  const detail = neutralize(lines.filter((line) => !debugLine.test(line)).join('\n'));
  const error = authFailed({ host, tried: triedIn(lines, typed), accepted: offered(lines), detail, ...more });
  const { who } = more;
  return who === undefined || who === `${host.user}@${host.hostname}` ? error : onTheWay(error, who, host.name);
}

/** The methods that the server named last. */
function offered(lines: readonly string[]): string[] {
  const last = lines.findLast((line) => line.startsWith('debug1: Authentications that can continue: '));
  return last?.replace(/^.*: /, '').split(',') ?? [];
}

/** How often a person has typed something, of which kind. */
export interface Typed {
  passwords: number;
  answers: number;
  /** What was asked for and not given: "it asks for a …". */
  declined: string;
  /** Key files whose passphrase was asked for the last time. */
  locked: string[];
}

const nothingTyped: Typed = { passwords: 0, answers: 0, declined: '', locked: [] };

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
 * `typed` says what people were asked meanwhile.
 */
export function readFailure(host: ResolvedHost, stderr: string, typed: Typed = nothingTyped): RingsideError {
  const lines = stderr.split('\n').map((line) => line.replace(/\r$/, ''));
  const said = lines.filter((line) => line !== '' && !debugLine.test(line));
  const text = said.join('\n');
  const detail = neutralize(text);
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(text)) return mismatch(host, text, detail);
  if (/REVOKED HOST KEY/.test(text) || /host key for .* is marked as revoked/.test(text)) {
    return new RingsideError('host-key-revoked', `The key of ${host.name} (${host.hostname}) is marked as revoked.`, {
      remedy: revokedRemedy,
      detail,
    });
  }
  if (/^Host key verification failed\./m.test(text)) {
    return new RingsideError(
      'host-key-unknown',
      `The key of ${host.name} (${host.hostname} port ${host.port}), or of a host on the way to it, is not known here, and it was not accepted.`,
      {
        remedy: unknownRemedy,
        detail,
      },
    );
  }
  if (typed.declined !== '') return authFailure(host, lines, typed, { why: typed.declined, declined: true });
  const denied = /^(?:(\S+): )?Permission denied \(([^)]*)\)/m.exec(text);
  if (denied) {
    const accepted = denied[2] === '' ? [] : (denied[2] ?? '').split(',');
    return authFailure(host, lines, typed, { ...(denied[1] !== undefined && { who: denied[1] }), accepted });
  }
  if (/Too many authentication failures/.test(text)) return authFailure(host, lines, typed, { tooMany: true, detail });
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

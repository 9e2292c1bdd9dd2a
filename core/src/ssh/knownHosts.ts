/** OpenSSH's known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): pure functions over a file's text. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { keyType } from './fingerprint.ts';

export interface KnownHostsEntry {
  file: string;
  /** From 1. */
  line: number;
  marker: 'cert-authority' | 'revoked' | null;
  /** The first field as written: patterns separated by commas, or one hashed name. */
  hosts: string;
  keyType: string;
  key: Buffer;
}

export type KnownHostsVerdict = 'match' | 'mismatch' | 'other-key-type' | 'revoked' | 'ca-only' | 'unknown';

export interface KnownHostsResult {
  verdict: KnownHostsVerdict;
  /** The entry that decided: the matching, revoking or offending one; the first one for other-key-type and ca-only. */
  entry: KnownHostsEntry | null;
  /** Key types that are known for this host, in the files' order. */
  knownTypes: string[];
}

/** Reads a known_hosts text; malformed lines are skipped, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): KnownHostsEntry[] {
  const entries: KnownHostsEntry[] = [];
  text.split('\n').forEach((raw, index) => {
    const entry = parseLine(raw.trim(), file, index + 1);
    if (entry !== undefined) entries.push(entry);
  });
  return entries;
}

function parseLine(text: string, file: string, line: number): KnownHostsEntry | undefined {
  if (text === '' || text.startsWith('#')) return undefined;
  const fields = text.split(/[ \t]+/);
  let marker: KnownHostsEntry['marker'] = null;
  if (fields[0]?.startsWith('@')) {
    const name = fields.shift();
    if (name === '@cert-authority') marker = 'cert-authority';
    else if (name === '@revoked') marker = 'revoked';
    else return undefined;
  }
  const [hosts, type, base64] = fields;
  if (hosts === undefined || type === undefined || base64 === undefined) return undefined;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const key = Buffer.from(base64, 'base64');
  // The type stands twice, in the line and in the key; a line where they differ is damaged or forged.
  if (keyType(key) !== type) return undefined;
  return { file, line, marker, hosts, keyType: type, key };
}

/** The name under which a host is looked up: the bare name for port 22, else "[name]:port". */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Wildcard match of one pattern: `*` any run, `?` one character. Linear with backtracking to the last star only. */
export function matchesPattern(name: string, pattern: string): boolean {
  let n = 0;
  let p = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (p < pattern.length && (pattern[p] === '?' || (pattern[p] !== '*' && pattern[p] === name[n]))) {
      n++;
      p++;
    } else if (pattern[p] === '*') {
      star = p++;
      resume = n;
    } else if (star >= 0) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function matchesHash(name: string, field: string): boolean {
  const [, version, saltText, hashText] = field.split('|');
  if (version !== '1' || saltText === undefined || hashText === undefined) return false;
  const expected = Buffer.from(hashText, 'base64');
  const actual = createHmac('sha1', Buffer.from(saltText, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** Whether a host field (patterns, negations, or one hashed name) is about `name` (from knownHostsName). */
export function matchesHosts(name: string, hosts: string): boolean {
  if (hosts.startsWith('|')) return matchesHash(name, hosts);
  let matched = false;
  for (const part of hosts.toLowerCase().split(',')) {
    const negated = part.startsWith('!');
    if (!matchesPattern(name, negated ? part.slice(1) : part)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/**
 * What the entries say of a host that offers `key`. Revocation wins over everything, then a match anywhere, then an
 * entry of the same type with another key.
 */
export function checkHostKey(entries: readonly KnownHostsEntry[], name: string, key: Uint8Array): KnownHostsResult {
  const type = keyType(key);
  const about = entries.filter((entry) => matchesHosts(name, entry.hosts));
  const plain = about.filter((entry) => entry.marker === null);
  const knownTypes = [...new Set(plain.map((entry) => entry.keyType))];
  const result = (verdict: KnownHostsVerdict, entry: KnownHostsEntry | undefined): KnownHostsResult => ({
    verdict,
    entry: entry ?? null,
    knownTypes,
  });

  const revoked = about.find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
  if (revoked) return result('revoked', revoked);
  const match = plain.find((entry) => entry.key.equals(key));
  if (match) return result('match', match);
  const sameType = plain.find((entry) => entry.keyType === type);
  if (sameType) return result('mismatch', sameType);
  if (plain.length > 0) return result('other-key-type', plain[0]);
  const authority = about.find((entry) => entry.marker === 'cert-authority');
  if (authority) return result('ca-only', authority);
  return result('unknown', undefined);
}

/** A line for a new key; with `hash` the name is hidden as `ssh-keygen -H` does. */
export function formatKnownHost(name: string, key: Uint8Array, hash: boolean): string {
  const type = keyType(key);
  if (type === undefined) throw new TypeError('not an SSH public key');
  let hosts = name;
  if (hash) {
    const salt = randomBytes(20);
    hosts = `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
  }
  return `${hosts} ${type} ${Buffer.from(key).toString('base64')}\n`;
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeKey, fingerprint, randomart, readStrings } from './fingerprint.ts';
import {
  checkHostKey,
  formatKnownHost,
  knownHostsName,
  matchesHosts,
  matchesPattern,
  parseKnownHosts,
} from './knownHosts.ts';
import { appendKnownHost, readKnownHosts } from './knownHostsFiles.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const keys: Record<string, { line: string; blob: Buffer; file: string }> = {};

beforeAll(() => {
  const kinds: Record<string, string[]> = {
    ed25519: ['-t', 'ed25519'],
    ed25519b: ['-t', 'ed25519'],
    rsa2048: ['-t', 'rsa', '-b', '2048'],
    rsa3072: ['-t', 'rsa', '-b', '3072'],
    ecdsa256: ['-t', 'ecdsa', '-b', '256'],
    ecdsa521: ['-t', 'ecdsa', '-b', '521'],
  };
  for (const [name, args] of Object.entries(kinds)) {
    const file = join(folder, name);
    execFileSync('ssh-keygen', ['-q', '-N', '', '-C', name, '-f', file, ...args]);
    const [type = '', base64 = ''] = readFileSync(`${file}.pub`, 'utf8').split(' ');
    keys[name] = { line: `${type} ${base64}`, blob: Buffer.from(base64, 'base64'), file: `${file}.pub` };
  }
}, 60_000);

const key = (name: string): { line: string; blob: Buffer; file: string } => keys[name]!;

describe('what people compare', () => {
  it.each(['ed25519', 'rsa2048', 'rsa3072', 'ecdsa256', 'ecdsa521'])('is what ssh-keygen prints: %s', (name) => {
    const { blob, file } = key(name);
    const [bits, hash] = execFileSync('ssh-keygen', ['-lf', file], { encoding: 'utf8' }).split(' ');
    expect(fingerprint(blob)).toBe(hash);
    expect(String(describeKey(blob)?.bits)).toBe(bits);
    const picture = execFileSync('ssh-keygen', ['-lvf', file], { encoding: 'utf8' });
    expect(picture.slice(picture.indexOf('\n') + 1).trimEnd()).toBe(randomart(blob));
  });

  it('never fails on bytes that are no key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        describeKey(bytes);
        readStrings(bytes, 3);
        expect(randomart(bytes).split('\n')).toHaveLength(11);
      }),
    );
  });
});

describe('patterns', () => {
  it.each([
    ['web1.example.org', '*.example.org', true],
    ['example.org', '*.example.org', false],
    ['web1', 'web?', true],
    ['web12', 'web?', false],
    ['', '*', true],
    ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', 'a*a*a*a*a*a*a*a*a*a*a*c', false],
  ])('%s against %s', (name, pattern, expected) => {
    expect(matchesPattern(name, pattern)).toBe(expected);
  });

  it('agrees with a regular expression', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(text, pattern, (name, wild) => {
        const source = wild.replace(/[.]/g, '\\.').replace(/\*/g, '.*').replace(/\?/g, '.');
        expect(matchesPattern(name, wild)).toBe(new RegExp(`^${source}$`).test(name));
      }),
    );
  });

  it('a negation wins over every match', () => {
    expect(matchesHosts('db.example.org', '*.example.org,!db.example.org')).toBe(false);
    expect(matchesHosts('web.example.org', '!db.example.org,*.EXAMPLE.org')).toBe(true);
    expect(matchesHosts('[web]:2222', '[web]:2222')).toBe(true);
  });
});

describe('known_hosts', () => {
  const check = (text: string, name: string, offered: string): { verdict: string; line: number | undefined } => {
    const result = checkHostKey(parseKnownHosts(text, 'known_hosts'), name, key(offered).blob);
    return { verdict: result.verdict, line: result.entry?.line };
  };

  it.each([
    ['match', (): string => `web ${key('ed25519').line}`, 1],
    ['match', (): string => `web ${key('ed25519b').line}\nweb ${key('ed25519').line} comment`, 2],
    ['mismatch', (): string => `# note\n\nweb ${key('ed25519b').line}`, 3],
    ['other-key-type', (): string => `web ${key('rsa2048').line}\nweb ${key('ecdsa256').line}`, 1],
    ['revoked', (): string => `web ${key('ed25519').line}\n@revoked * ${key('ed25519').line}`, 2],
    ['ca-only', (): string => `@cert-authority * ${key('ed25519b').line}`, 1],
    ['mismatch', (): string => `@cert-authority * ${key('ed25519').line}\nweb ${key('ed25519b').line}`, 2],
    ['unknown', (): string => `other ${key('ed25519').line}`, undefined],
    ['unknown', (): string => `@revoked web ${key('ed25519b').line}`, undefined],
    ['unknown', (): string => `@strange web ${key('ed25519').line}\nweb ssh-ed25519\nweb ssh-rsa AAAA!`, undefined],
    // The type in the line and the type in the key differ.
    ['unknown', (): string => `web ssh-rsa ${key('ed25519').line.split(' ')[1] ?? ''}`, undefined],
    ['match', (): string => `\t web,10.0.0.1\t${key('ed25519').line}\r`, 1],
  ])('%s', (verdict, text, line) => {
    expect(check(text(), 'web', 'ed25519')).toEqual({ verdict, line });
  });

  it('reads the names that ssh-keygen -H has hashed', () => {
    const file = join(folder, 'hashed');
    writeFileSync(
      file,
      `web ${key('ed25519').line}\n[web]:2222 ${key('rsa2048').line}\n10.0.0.1 ${key('ecdsa256').line}\n`,
    );
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    const text = readFileSync(file, 'utf8');
    // By its line's begin: three letters may well come in a hash or a key.
    expect(text).not.toMatch(/^\[?web/m);
    expect(check(text, 'web', 'ed25519')).toEqual({ verdict: 'match', line: 1 });
    expect(check(text, knownHostsName('WEB', 2222), 'rsa2048')).toEqual({ verdict: 'match', line: 2 });
    expect(check(text, knownHostsName('web', 2222), 'rsa3072')).toEqual({ verdict: 'mismatch', line: 2 });
    expect(check(text, 'web2', 'ed25519').verdict).toBe('unknown');
  });

  it('writes lines that ssh-keygen -F finds, hashed and plain', async () => {
    const file = join(folder, 'new-folder', 'known_hosts');
    await appendKnownHost(file, 'web', key('ed25519').blob, false);
    await appendKnownHost(file, '[db]:2222', key('rsa2048').blob, true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'new-folder')).mode & 0o777).toBe(0o700);
    for (const name of ['web', '[db]:2222'])
      expect(execFileSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' })).toContain('found');
    const entries = await readKnownHosts([join(folder, 'missing'), file]);
    expect(checkHostKey(entries, '[db]:2222', key('rsa2048').blob).verdict).toBe('match');
  });

  it('starts a new line where the file has no last line end', async () => {
    const file = join(folder, 'unfinished');
    writeFileSync(file, `web ${key('ed25519').line}`);
    await appendKnownHost(file, 'db', key('rsa2048').blob, false);
    expect(parseKnownHosts(readFileSync(file, 'utf8'), file).map((entry) => entry.hosts)).toEqual(['web', 'db']);
  });

  it('a file that is there and cannot be read is an error, not an empty file', async () => {
    await expect(readKnownHosts([folder])).rejects.toMatchObject({ code: 'ssh-config', links: [folder] });
  });

  it('never fails on any text, and finds again what it has written', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.boolean(), (text, hash) => {
        const line = formatKnownHost('[host.example]:2022', key('ed25519').blob, hash);
        const entries = parseKnownHosts(`${text}\n${line}`, 'f');
        expect(checkHostKey(entries, '[host.example]:2022', key('ed25519').blob).verdict).toBe('match');
      }),
    );
  });
});

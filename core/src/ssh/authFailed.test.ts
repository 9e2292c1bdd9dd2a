import { describe, expect, it } from 'vitest';
import { authFailed, onTheWay, type FailedLogin } from './authFailed.ts';
import type { ResolvedHost } from './config.ts';

const host = {
  ...{ name: 'web', hostname: '10.0.0.1', port: 22, user: 'dev' },
  ...{ passwordAuthentication: true, kbdInteractiveAuthentication: true, pubkeyAuthentication: true },
} as ResolvedHost;
const nothing = { keys: [], methods: [], passwords: 0, rounds: 0 };
const remedy = (failed: Partial<FailedLogin>): string =>
  authFailed({ host, tried: nothing, accepted: [], detail: '', ...failed }).remedy;

describe('the advice after a refused login', () => {
  it('is about the password where one was typed, and about keys only besides', () => {
    const tried = { keys: ['~/.ssh/id'], methods: ['password'], passwords: 3, rounds: 0 };
    const text = remedy({ tried, accepted: ['publickey', 'password'], tooMany: true });
    expect(text).toContain('The password was refused 3 times');
    expect(text).toContain('the one of dev@10.0.0.1');
    expect(text).toContain('IdentitiesOnly yes leaves them out');
    expect(remedy({ tried: { ...tried, keys: [] }, accepted: ['password'], tooMany: true })).not.toContain('Identit');
    expect(remedy({ host: { ...host, user: 'root' }, tried })).toContain('PermitRootLogin');
  });

  it('is about one-time codes where questions were answered', () => {
    const tried = { ...nothing, methods: ['keyboard-interactive'], rounds: 1 };
    expect(remedy({ tried, accepted: ['keyboard-interactive'] })).toContain('one-time code');
  });

  it('is about the passphrase where that was never right', () => {
    const text = remedy({ tried: { ...nothing, keys: ["/home/d'ev/id (file)"], locked: ["/home/d'ev/id"] } });
    expect(text).toContain(`ssh-keygen -y -f '/home/d'\\''ev/id'`);
    expect(text).not.toContain('authorized_keys');
  });

  it('names the key and where it belongs', () => {
    const text = remedy({ tried: { ...nothing, keys: ['/home/dev/.ssh/id (ED25519)'] }, accepted: ['publickey'] });
    expect(text).toContain('ssh-copy-id -i /home/dev/.ssh/id.pub web');
    expect(text).not.toContain('IdentitiesOnly');
    const many = { ...nothing, keys: ['agent key a', 'agent key b'] };
    expect(remedy({ tried: many, accepted: ['publickey'], tooMany: true })).toContain('IdentitiesOnly yes');
  });

  it.each([
    [{ passwordAuthentication: false }, ['password'], 'PasswordAuthentication yes'],
    [{ kbdInteractiveAuthentication: false }, ['keyboard-interactive'], 'KbdInteractiveAuthentication yes'],
    [{ pubkeyAuthentication: false }, ['publickey'], 'PubkeyAuthentication yes'],
    [{}, ['publickey'], 'ssh-agent'],
    [{}, ['gssapi-with-mic'], 'kinit'],
    [{}, ['hostbased'], 'EnableSSHKeysign'],
    [{}, ['hostbased@future'], 'The server takes hostbased@future only'],
  ])('is about what the server takes and was not offered (%j)', (config, accepted, text) => {
    expect(remedy({ host: { ...host, ...config }, accepted })).toContain(text);
  });

  it('is to answer where nobody answered', () => {
    expect(remedy({ declined: true, accepted: ['password'] })).toBe('Type it when asked.');
  });
});

it('a hop that refuses is named, and the host behind it', () => {
  const error = onTheWay(authFailed({ host, tried: nothing, accepted: [], detail: 'd' }), 'hop', 'far');
  expect(error.message).toMatch(/^The jump host hop on the way to far refused the login: dev@10.0.0.1 did not/);
  expect([error.code, error.detail]).toEqual(['auth-failed', 'd']);
  expect(error.remedy).not.toBe('');
});

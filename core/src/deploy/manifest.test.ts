import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readAgent, readManifest, sha256 } from './manifest.ts';
import { sudoFailure, sudoNeedsPassword } from './sudo.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-manifest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'agents'));
const write = (value: unknown): void =>
  writeFileSync(join(folder, 'agents/manifest.json'), typeof value === 'string' ? value : JSON.stringify(value));
const bytes = Buffer.from('agent');
const good = { file: 'a', sha256: sha256(bytes), bytes: bytes.length };

describe('the manifest of the agents', () => {
  it('is read, and an agent is what it lists', async () => {
    write({ version: '1', agents: { x86_64: good } });
    writeFileSync(join(folder, 'agents/a'), bytes);
    const manifest = await readManifest(folder);
    expect(await readAgent(folder, manifest.agents['x86_64']!)).toEqual(bytes);
    writeFileSync(join(folder, 'agents/a'), 'other');
    await expect(readAgent(folder, good)).rejects.toMatchObject({ code: 'agent-missing' });
  });

  it.each([
    ['{'],
    ['[]'],
    [{ version: 1, agents: {} }],
    [{ version: '1', agents: { "x'; reboot": good } }],
    [{ version: '1', agents: { x86_64: { ...good, file: '../a' } } }],
    [{ version: '1', agents: { x86_64: { ...good, sha256: '$(reboot)' } } }],
    [{ version: '1', agents: { x86_64: { ...good, bytes: '5; reboot' } } }],
    [{ version: '1', agents: { x86_64: { ...good, bytes: -5 } } }],
  ])('is refused when it is wrong: %j', async (value) => {
    write(value);
    await expect(readManifest(folder)).rejects.toMatchObject({ code: 'agent-missing' });
  });
});

describe("sudo's words", () => {
  it.each([
    ['sudo: a password is required', 0, 'sudo-password-needed'],
    ['sudo: interactive authentication is required', 0, 'sudo-password-needed'],
    ['sudo: 3 incorrect password attempts', 3, 'sudo-password-wrong'],
    ['Sorry, try again.\nsudo: no password was provided', 1, 'sudo-password-wrong'],
    ['dev is not in the sudoers file.  This incident will be reported.', 1, 'sudo-denied'],
    ["Sorry, user dev is not allowed to execute '/bin/sh' as root on web.", 0, 'sudo-denied'],
    ['sudo: sorry, you must have a tty to run sudo', 0, 'sudo-denied'],
    ['sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the nosuid option set?', 0, 'sudo-denied'],
    ['something new', 0, 'sudo-denied'],
  ])('%s', (noise, passwords, code) => {
    const error = sudoFailure('web', noise, passwords, 'dev');
    expect(error.code).toBe(code);
    expect(sudoNeedsPassword(error)).toBe(code === 'sudo-password-needed');
  });
});

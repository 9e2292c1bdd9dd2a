import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { loginShellCommand } from '../ssh/shell.ts';
import { inventoryScript, launchScript, type Elevation } from './scripts.ts';

const agent = { file: 'agent', sha256: 'a'.repeat(64), bytes: 2_700_000 };
const manifest = { version: '1', agents: { x86_64: agent, aarch64: agent } };
const nonce = '0'.repeat(32);
const elevations: Elevation[] = [
  { kind: 'none' },
  { kind: 'sudo', always: false },
  { kind: 'sudo', always: true },
  { kind: 'sudo-password', prompt: `[${nonce}]` },
  { kind: 'sudo', always: true, tty: true },
  { kind: 'sudo-password', prompt: `[${nonce}]`, tty: true },
  { kind: 'doas' },
];

describe.each(elevations)('scripts for $kind', (elevation) => {
  it.each([
    ['launch', launchScript(nonce, manifest, elevation, false)],
    ['list', inventoryScript(nonce, 'list', elevation)],
    ['remove', inventoryScript(nonce, 'remove', elevation)],
  ])('%s is sh, and short enough for dropbear (9000 bytes a command)', (_name, script) => {
    expect(execFileSync('/bin/sh', ['-n'], { input: script, encoding: 'utf8' })).toBe('');
    expect(loginShellCommand(script).length).toBeLessThan(8900);
  });
});

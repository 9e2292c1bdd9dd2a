import { expect, test } from 'vitest';
import { outdatedPackages } from './lib/npmPackages.mjs';
import { chooseRust, clangMajor, isSupported, needs, parseOsRelease, profileParts } from './lib/packages.mjs';
import { isRecentRust, oldestRust, parseRustVersion } from './lib/rust.mjs';
import { checkNode } from './lib/setup.mjs';

test('versions of Rust', () => {
  expect(parseRustVersion('cargo 1.95.0 (f2d3ce0bd 2026-03-21)')).toEqual([1, 95]);
  expect(parseRustVersion('zsh: command not found: cargo')).toBeUndefined();
  expect(
    [[1, 84], [1, 85], [1, 100], [2, 0], undefined].map((v) => isRecentRust(v as [number, number], [1, 85])),
  ).toEqual([false, true, true, true, false]);
});

test("the agent's own manifest says which Rust it needs", () => {
  expect(oldestRust('[workspace.package]\nrust-version = "1.88"\n')).toEqual([1, 88]);
  expect(oldestRust()[0]).toBe(1);
  expect(() => oldestRust('[workspace]')).toThrow('no rust-version');
});

test('the newest Rust package is chosen, and none that is too old', () => {
  const offers = (versions: Record<string, string>) => ({
    name: 'Debian',
    candidate: (name: string) => versions[name] ?? '',
  });
  const choose = (versions: Record<string, string>) =>
    chooseRust({ ...offers(versions), available: () => ['cargo-1.83', 'cargo-1.89'] } as never, [1, 88]);
  expect(choose({ cargo: '0.66.0+ds1-1', 'cargo-web': '1.96.0+dfsg1-1' })).toEqual(['rustc-web', 'cargo-web']);
  expect(choose({ cargo: '1.90.0+dfsg3-1' })).toEqual(['rustc', 'cargo']);
  expect(choose({ cargo: '1.75.0', 'cargo-1.83': '1.83.0', 'cargo-1.89': '1.89.0+dfsg0ubuntu1' })).toEqual([
    'rustc-1.89',
    'cargo-1.89',
  ]);
  expect(() => choose({ cargo: '1.85.0+dfsg3-1' })).toThrow('no Rust ≥ 1.88');
});

test('versions of clang, from several distributions', () => {
  expect(clangMajor('Debian clang version 19.1.7 (3~deb12u1)\nTarget: x86_64-pc-linux-gnu')).toBe(19);
  expect(clangMajor('Ubuntu clang version 14.0.0-1ubuntu1.1')).toBe(14);
  expect(clangMajor('gcc (Debian 12.2.0)')).toBe(0);
});

test('distributions by /etc/os-release', () => {
  const ubuntu = parseOsRelease('PRETTY_NAME="Ubuntu 24.04.1 LTS"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n');
  expect(ubuntu).toEqual({ id: 'ubuntu', version: '24.04', name: 'Ubuntu 24.04.1 LTS' });
  expect(isSupported({ ...ubuntu } as never)).toBe(true);
  expect(isSupported({ id: 'ubuntu', version: '20.04' } as never)).toBe(false);
  expect(parseOsRelease('')).toEqual({ id: '', version: '', name: 'this system' });
});

test('an old Node is refused with the version to install', () => {
  checkNode('20.19.0');
  checkNode('24.1.0');
  expect(() => checkNode('18.19.1')).toThrow('Node 18.19.1 is too old');
  expect(() => checkNode('20.18.9')).toThrow('too old');
});

test('node_modules is outdated when a package is missing or in another version', () => {
  const lock = {
    packages: {
      '': { version: '1.0.0' },
      core: { version: '0.1.0' },
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '2.0.0' },
      'node_modules/other-platform': { version: '3.0.0', optional: true },
      'node_modules/@ringside/core': { link: true },
    },
  };
  expect(outdatedPackages(lock, { packages: { 'node_modules/a': { version: '1.0.0' } } })).toEqual(['node_modules/b']);
  const both = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0' } };
  expect(outdatedPackages(lock, { packages: both })).toEqual([]);
  expect(outdatedPackages(lock, {})).toHaveLength(2);
});

test('each need says why, and belongs to a profile; starting needs no browser and no sshd', () => {
  for (const need of needs) {
    expect(need.why.length).toBeGreaterThan(10);
    expect(Object.keys(profileParts)).toContain(need.for);
  }
  const start = needs.filter((need) => profileParts.start.includes(need.for)).map((need) => need.what);
  expect(start).not.toContain('Chromium');
  expect(start).not.toContain('sshd');
});

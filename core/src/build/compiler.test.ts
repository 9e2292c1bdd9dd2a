import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCompiler, installCommandFor } from './compiler.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-compiler-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const withBpf = 'Registered Targets:\n    bpf         - BPF (host endian)\n    x86-64 - 64-bit X86';
const withoutBpf = 'Registered Targets:\n    x86-64 - 64-bit X86';

/** A program that answers as a compiler of that version does, and counts how often it was asked. */
function fake(name: string, banner: string, targets = withBpf): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  const script = `#!/bin/sh
echo "$*" >>'${path}.asked'
for last; do :; done
case $last in
--version) echo '${banner}';;
--print-targets) echo '${targets}';;
env) exit 1;;
esac
`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}
const find = (options: object = {}) => findCompiler({ searchPath: folder, ...options });

describe('findCompiler', () => {
  it('prefers plain clang, then the newest versioned one', async () => {
    fake('clang-15', 'clang version 15.0.7');
    const newest = fake('clang-19', 'Debian clang version 19.1.7 (3~deb12u1)');
    expect(await find()).toMatchObject({ path: newest, version: '19.1.7', major: 19 });
    const plain = fake('clang', 'Ubuntu clang version 14.0.0-1ubuntu1');
    expect(await find()).toMatchObject({ path: plain, version: '14.0.0', major: 14, args: [] });
  });

  it('passes over a clang that is too old or has no BPF back end', async () => {
    fake('clang', 'clang version 11.1.0');
    fake('clang-20', 'clang version 20.1.0', withoutBpf);
    const good = fake('clang-16', 'clang version 16.0.6');
    expect((await find()).path).toBe(good);
  });

  it("takes zig's clang when there is no other", async () => {
    const zig = fake('zig', 'clang version 22.1.8');
    expect(await find()).toMatchObject({ path: zig, args: ['clang'], major: 22 });
  });

  it('takes the path of the setting and no other', async () => {
    fake('clang', 'clang version 19.1.7');
    const mine = fake('own/my-clang', 'clang version 17.0.1');
    expect((await find({ compilerPath: mine })).path).toBe(mine);
    const python = fake('own/python3', 'clang version 22.1.8');
    expect((await find({ compilerPath: python })).args).toEqual(['-m', 'ziglang', 'clang']);
    await expect(find({ compilerPath: join(folder, 'nothing') })).rejects.toMatchObject({
      code: 'no-compiler',
      message: expect.stringContaining('nothing') as string,
    });
  });

  it('says what is missing and how to get it', async () => {
    await expect(find()).rejects.toMatchObject({
      code: 'no-compiler',
      exitCode: 5,
      remedy: expect.stringMatching(/install/) as string,
    });
    fake('clang', 'Apple clang version 15.0.0', withoutBpf);
    await expect(find()).rejects.toMatchObject({
      code: 'compiler-without-bpf',
      message: expect.stringContaining('no BPF back end') as string,
    });
  });

  it('is not misled by a program that is no compiler', async () => {
    fake('clang', 'hello');
    writeFileSync(join(folder, 'clang-18'), 'not executable');
    mkdirSync(join(folder, 'clang-17'));
    await expect(find()).rejects.toMatchObject({ code: 'no-compiler' });
  });

  it('ignores relative entries of PATH, which would run programs of the workspace', async () => {
    fake('clang', 'clang version 19.1.7');
    await expect(find({ searchPath: ['.', '', 'bin'].join(delimiter) })).rejects.toMatchObject({ code: 'no-compiler' });
  });

  it('asks a compiler once, in this process and in later ones, until it is replaced', async () => {
    const path = fake('clang', 'clang version 19.1.7');
    const asked = () => statSync(`${path}.asked`).size;
    const cacheDir = join(folder, 'cache');
    await find({ cacheDir });
    const once = asked();
    await find({ cacheDir });
    expect(asked()).toBe(once);
    fake('clang', 'clang version 20.1.0 ');
    utimesSync(path, 1, 1);
    expect((await find({ cacheDir })).major).toBe(20);
  });

  it('is cancelled by its signal', async () => {
    fake('clang', 'clang version 19.1.7');
    await expect(find({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('installCommandFor', () => {
  it.each([
    ['ID=debian\nVERSION_ID="12"', 'sudo apt-get install -y clang'],
    ['NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"', 'sudo apt-get install -y clang'],
    ['ID="fedora"', 'sudo dnf install -y clang'],
    ['ID=rocky\nID_LIKE="rhel centos fedora"', 'sudo dnf install -y clang'],
    ["ID='arch'", 'sudo pacman -S --needed clang'],
    ['ID="opensuse-leap"', 'sudo zypper install -y clang'],
    ['', 'python3 -m pip install ziglang'],
  ])('%j → %s', (osRelease, command) => expect(installCommandFor(osRelease)).toBe(command));
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BuildOptions } from '@ringside/core/build';
import { cancelled, RingsideError } from '@ringside/core/errors';
import type { BuildResult } from '@ringside/core/model';
import { Checker, type CheckedDocument, type CheckerServices } from './checker.ts';

const options = { resourceDir: '/dist', cacheDir: '/cache', compilerPath: '', trusted: true };
const uri = 'file:///p/a.bpf.c';
const doc = (version: number, text = '#include "vmlinux.h"\n'): CheckedDocument => ({
  ...{ uri, file: '/p/a.bpf.c', version, text },
});
const clean: BuildResult = {
  ...{ ok: true, object: '', sha256: '', diagnostics: [], ms: 1 },
  compiler: { path: 'clang', version: '19', flags: [] },
};

/** Builds that end when the test says so, or when they are stopped. */
function services(over: Partial<CheckerServices> = {}) {
  const builds: { options: BuildOptions; finish: (result: BuildResult) => void }[] = [];
  const build = vi.fn(
    (build: BuildOptions) =>
      new Promise<BuildResult>((resolve, reject) => {
        build.signal?.addEventListener('abort', () => reject(cancelled()));
        builds.push({ options: build, finish: resolve });
      }),
  );
  const publish = vi.fn();
  const base: CheckerServices = {
    ...{ build, publish, log: vi.fn(), needsVmlinux: () => true },
    localHeader: () => Promise.resolve('/cache/local/vmlinux.h'),
  };
  return { builds, publish, services: { ...base, ...over } };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe('Checker', () => {
  it('checks an opened document at once, with the unsaved text, and without writing an object', async () => {
    const { builds, publish, services: s } = services();
    new Checker(options, s).open(doc(1));
    await settle();
    expect(builds[0]!.options).toMatchObject({
      ...{ file: '/p/a.bpf.c', text: '#include "vmlinux.h"\n', syntaxOnly: true },
      vmlinuxHeader: '/cache/local/vmlinux.h',
    });
    builds[0]!.finish(clean);
    await settle();
    expect(publish).toHaveBeenCalledExactlyOnceWith(uri, 1, []);
  });

  it('waits for the typing to pause, then checks the last text only', async () => {
    const { builds, publish, services: s } = services();
    const checker = new Checker(options, s);
    checker.open(doc(1));
    await settle();
    for (let version = 2; version < 6; version++) {
      checker.change(doc(version));
      await settle(100);
    }
    expect(builds).toHaveLength(1);
    expect(builds[0]!.options.signal!.aborted).toBe(true);
    await settle(60);
    expect(builds).toHaveLength(2);
    builds[1]!.finish(clean);
    await settle();
    expect(publish).toHaveBeenCalledExactlyOnceWith(uri, 5, []);
  });

  it('lets other documents wait while one is typed in, but not for ever', async () => {
    const { builds, services: s } = services();
    const checker = new Checker(options, s);
    checker.open(doc(1));
    checker.open({ ...doc(1), uri: 'file:///p/b.bpf.c', file: '/p/b.bpf.c' });
    await settle();
    builds.splice(0).forEach(({ finish }) => finish(clean));
    await settle();
    checker.change({ ...doc(2), uri: 'file:///p/b.bpf.c', file: '/p/b.bpf.c' });
    for (let version = 2; version < 9; version++) {
      checker.change(doc(version));
      await settle(100);
    }
    expect(builds.map(({ options }) => options.file)).toEqual([]);
    for (let version = 9; version < 16; version++) {
      checker.change(doc(version));
      await settle(100);
    }
    expect(builds.map(({ options }) => options.file)).toEqual(['/p/b.bpf.c']);
    await settle(200);
    expect(builds.map(({ options }) => options.file)).toEqual(['/p/b.bpf.c', '/p/a.bpf.c']);
  });

  it('compiles few of many documents at once, all of them in the end, the last changed first', async () => {
    const { builds, publish, services: s } = services();
    const checker = new Checker(options, s);
    const many = Array.from({ length: 40 }, (_, i) => ({
      ...doc(1),
      uri: `file:///p/${i}.bpf.c`,
      file: `/p/${i}.bpf.c`,
    }));
    many.forEach((each) => checker.open(each));
    await settle();
    expect(builds.length).toBeGreaterThan(1);
    expect(builds.length).toBeLessThanOrEqual(4);
    checker.close(many[20]!.uri);
    publish.mockClear();
    const built: string[] = [];
    while (builds.length > 0) {
      const { options, finish } = builds.shift()!;
      built.push(options.file);
      finish(clean);
      await settle();
    }
    expect(built).toHaveLength(39);
    expect(built).not.toContain('/p/20.bpf.c');
    expect(publish).toHaveBeenCalledTimes(39);
    expect(built.indexOf('/p/39.bpf.c')).toBeLessThan(built.indexOf('/p/10.bpf.c'));
  });

  it('forgets a closed document: its run is stopped and its diagnostics are cleared', async () => {
    const { builds, publish, services: s } = services();
    const checker = new Checker(options, s);
    checker.open(doc(1));
    await settle();
    checker.close(uri);
    await settle(1000);
    expect(builds[0]!.options.signal!.aborted).toBe(true);
    expect(publish).toHaveBeenCalledExactlyOnceWith(uri, 1, []);
  });

  it('runs no compiler in a workspace that is not trusted', async () => {
    const { builds, publish, services: s } = services();
    const checker = new Checker({ ...options, trusted: false }, s);
    checker.open(doc(1));
    checker.change(doc(2));
    checker.setTarget({ vmlinuxHeader: '/x/vmlinux.h', arch: 'x86_64' });
    await settle(1000);
    expect(builds).toHaveLength(0);
    expect(publish).not.toHaveBeenCalled();
  });

  it('checks everything again when the target changes, against its header and machine', async () => {
    const { builds, services: s } = services();
    const checker = new Checker(options, s);
    checker.open(doc(1));
    await settle();
    checker.setTarget({ vmlinuxHeader: '/cache/other/vmlinux.h', arch: 'aarch64' });
    await settle();
    expect(builds).toHaveLength(2);
    expect(builds[1]!.options).toMatchObject({ vmlinuxHeader: '/cache/other/vmlinux.h', arch: 'aarch64' });
  });

  it('says once that there is no kernel to take types from, at the #include', async () => {
    const localHeader = () =>
      Promise.reject(new RingsideError('no-vmlinux', 'No types.', { remedy: 'Choose a host.' }));
    const { builds, publish, services: s } = services({ localHeader });
    new Checker(options, s).open(doc(1, '// a program\n#include "vmlinux.h"\n'));
    await settle();
    expect(builds).toHaveLength(0);
    expect(publish).toHaveBeenCalledExactlyOnceWith(uri, 1, [
      {
        range: { start: { line: 1, character: 0 }, end: { line: 1, character: 20 } },
        severity: 3,
        message: 'No types. Choose a host.',
        code: 'no-vmlinux',
        source: 'ringside',
      },
    ]);
  });

  it('asks for no kernel where the program needs none', async () => {
    const localHeader = vi.fn(() => Promise.resolve('/x'));
    const { builds, services: s } = services({ localHeader, needsVmlinux: () => false });
    new Checker(options, s).open(doc(1, '#include <linux/bpf.h>\n'));
    await settle();
    expect(builds[0]!.options.vmlinuxHeader).toBeNull();
    expect(localHeader).not.toHaveBeenCalled();
  });

  it('shows a missing compiler as a warning with its remedy', async () => {
    const build = () => Promise.reject(new RingsideError('no-compiler', 'No clang.', { remedy: 'Install it.' }));
    const { publish, services: s } = services({ build });
    new Checker(options, s).open(doc(1));
    await settle();
    expect(publish.mock.calls[0]![2]).toMatchObject([
      { severity: 2, code: 'no-compiler', message: 'No clang. Install it.' },
    ]);
  });
});

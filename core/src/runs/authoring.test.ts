import { mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256Hex } from '../build/index.ts';
import { RingsideError } from '../errors.ts';
import { noPrompter } from '../prompt.ts';
import { defaultSshOptions } from '../ssh/options.ts';
import { createEngine } from './engine.ts';
import { authoringTarget, recentTarget, rememberedTarget } from './authoring.ts';
import type { ConnectedHost } from './hosts.ts';

const readAhead = vi.hoisted(() => vi.fn<(header: string) => Promise<void>>());
vi.mock('../build/index.ts', async (original) => ({ ...(await original<object>()), readAhead }));

let cacheDir: string;
beforeEach(() => void (cacheDir = mkdtempSync(join(tmpdir(), 'ringside-authoring-'))));
afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

/** An empty BTF: a header, no types, one empty string. */
const btf = new Uint8Array([0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
const info = { arch: 'x86_64', kernel: '6.1.0', btfSha256: sha256Hex(btf) };
const tracepoint = 'sched:sched_switch\tprev_pid\tpid_t\t24\t4';

function aHost(lists: Record<string, { lines: string[]; total?: number } | Error>, hasBtf = true) {
  const request = vi.fn((call: { case: string; value: { kind?: string; asText?: boolean } }) => {
    if (call.case === 'getBtf') return Promise.resolve({ blob: 1 });
    const list = lists[call.value.kind!]!;
    if (list instanceof Error) return Promise.reject(list);
    const text = call.value.asText === true ? list.lines.map((line) => `${line}\n`).join('') : '';
    return Promise.resolve({ text, total: list.total ?? list.lines.length });
  });
  const agent = { request, takeBlob: () => btf };
  const host = {
    name: 'web1',
    info: hasBtf ? info : { ...info, btfSha256: '' },
    facts: { btf: hasBtf, btfSha256: info.btfSha256 },
    agent,
  };
  return { request, host: host as unknown as ConnectedHost };
}
const lists = { tracepoint: { lines: [tracepoint] }, kprobe: { lines: ['vfs_read'] } };
const read = (path: string | null): unknown => JSON.parse(readFileSync(path!, 'utf8'));

describe('what the language server is told of a host', () => {
  it('writes types and attach points of a connected host to the cache', async () => {
    const target = await authoringTarget(aHost(lists).host, cacheDir, {});
    expect(target).toMatchObject({ host: 'web1', kernel: '6.1.0', arch: 'x86_64', cached: false });
    expect(readFileSync(target.btf!)).toEqual(Buffer.from(btf));
    expect(readFileSync(target.vmlinuxHeader!, 'utf8')).toContain('__VMLINUX_H__');
    expect(read(target.targets)).toEqual({
      tracepoints: [{ name: 'sched:sched_switch', fields: [{ name: 'prev_pid', type: 'pid_t', offset: 24, size: 4 }] }],
      kprobes: ['vfs_read'],
    });
  });

  it('tells of a host that is gone what was there, marked', async () => {
    expect(await rememberedTarget('web1', cacheDir)).toBeNull();
    const before = await authoringTarget(aHost(lists).host, cacheDir, {});
    expect(await rememberedTarget('web1', cacheDir)).toEqual({ ...before, cached: true });
    expect(await rememberedTarget('web2', cacheDir)).toBeNull();
  });

  it('asks a host again only when its kernel is another one, or a day has gone', async () => {
    const before = await authoringTarget(aHost(lists).host, cacheDir, {});
    expect(await recentTarget('web1', info, cacheDir)).toEqual(before);
    expect(await recentTarget('web1', { ...info, kernel: '6.2.0' }, cacheDir)).toBeNull();
    expect(await recentTarget('web1', { ...info, btfSha256: 'f'.repeat(64) }, cacheDir)).toBeNull();
    utimesSync(before.targets!, new Date(0), new Date(0));
    expect(await recentTarget('web1', info, cacheDir)).toBeNull();
  });

  it('leaves out a list that the host cannot give, or gave in part', async () => {
    const failing = {
      tracepoint: new RingsideError('no-permission', 'No.'),
      kprobe: { lines: ['a'], total: 2 },
    };
    const target = await authoringTarget(aHost(failing).host, cacheDir, {});
    expect(read(target.targets)).toEqual({ tracepoints: [], kprobes: [] });
  });

  it('knows only the name of a host whose kernel has no types', async () => {
    const { host, request } = aHost(lists, false);
    const target = await authoringTarget(host, cacheDir, {});
    expect(target).toMatchObject({ host: 'web1', btf: null, vmlinuxHeader: null, targets: null });
    expect(request).not.toHaveBeenCalled();
  });
});

it('the engine reads the header that the next build begins with before there is one, and waits for it no longer', async () => {
  readAhead.mockReturnValue(new Promise<void>(() => undefined));
  const engine = createEngine({
    resourceDir: cacheDir,
    cacheDir,
    compilerPath: '',
    ssh: defaultSshOptions,
    prompter: noPrompter,
  });
  try {
    expect(await engine.authoring('web1')).toBeNull();
    expect(readAhead).not.toHaveBeenCalled();
    const { vmlinuxHeader } = await authoringTarget(aHost(lists).host, cacheDir, {});
    expect(await engine.authoring('web1')).toMatchObject({ vmlinuxHeader, cached: true });
    expect(readAhead.mock.calls).toEqual([[vmlinuxHeader]]);
  } finally {
    await engine.dispose();
  }
});

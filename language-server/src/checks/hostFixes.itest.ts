/** What the quick fixes for several hosts write is right: every repaired source compiles, on each of the hosts. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Btf } from '@ringside/core/bpf';
import { buildObject, writeVmlinuxHeader } from '@ringside/core/build';
import { checkCases } from '../../test/cases.ts';
import { olderKernel, smallKernel } from '../../test/kernels.ts';
import { Analyser } from '../analysis.ts';
import { OtherHosts } from '../kernel/others.ts';
import { readHelpers, readWorld, type World } from '../kernel/world.ts';
import { check, checkKinds, type CheckCode, type Finding, type Fix } from './index.ts';

/** The codes of checkHosts. */
const hostCodes: readonly CheckCode[] = [
  ...(['type', 'field', 'value', 'target', 'helper'] as const).map((what) => `${what}-not-on-all-hosts` as const),
  ...(['differs-between-hosts', 'fixed-offset'] as const),
];
const hostCases = checkCases.filter(({ hosts }) => hosts === true);
/** Types of libbpf's headers that the small kernels have no use for. */
const more = ['short __be16', 'int __be32', 'int __wsum'].map((type) => `typedef unsigned ${type};\n`).join('');

let folder: string;
let world: World;
/** The headers of web1 and old1. */
let headers: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-host-fixes-'));
  mkdirSync(join(folder, 'dist'));
  symlinkSync(join(import.meta.dirname, '../../../core/resources'), join(folder, 'dist/resources'));
  const [first, older] = [await smallKernel(folder), await olderKernel(folder)];
  const target = { ...first, others: [older, { ...first, host: 'web3' }] };
  world = await readWorld(target, await readHelpers(join(folder, 'dist')), new OtherHosts((text) => expect.fail(text)));
  headers = [first, older].map(({ host, btf }) => {
    const path = join(folder, host, 'vmlinux.h');
    mkdirSync(join(folder, host));
    const text = writeVmlinuxHeader(Btf.parse(readFileSync(btf)));
    writeFileSync(
      path,
      text.replace('#pragma clang attribute pop', (end) => `${more}${end}`),
    );
    return path;
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function findingsOf(text: string): Finding[] {
  const file = join(folder, 'case.bpf.c');
  const analysis = new Analyser().analyse({ uri: file, file, version: 1, text }, world);
  return check(analysis).filter(({ code }) => hostCodes.includes(code));
}

function applied(text: string, { edits }: Fix): string {
  const last = [...edits].sort((a, b) => b.start - a.start || b.end - a.end);
  return last.reduce((before, each) => before.slice(0, each.start) + each.text + before.slice(each.end), text);
}

/** One fix after the other; of several findings the last or the first one first, as somebody may go through them. */
function repaired(text: string, from: 'top' | 'bottom'): { text: string; codes: CheckCode[]; left: Finding[] } {
  const codes: CheckCode[] = [];
  for (;;) {
    const left = findingsOf(text);
    const open = left.filter(({ fixes }) => fixes.length > 0);
    const next = from === 'top' ? open[0] : open.at(-1);
    if (next === undefined) return { text, codes, left };
    codes.push(next.code);
    expect(codes.length, `a fix leaves its finding: ${next.message}\n${text}`).toBeLessThan(8);
    text = applied(text, next.fixes[0]!);
  }
}

const withCoreRead = (text: string): string => text.replace('bpf/bpf_helpers.h', 'bpf/bpf_core_read.h');

let built = 0;
/** Errors and warnings of the compiler, without their places. */
async function said(text: string, vmlinuxHeader: string): Promise<string[]> {
  const file = join(folder, `${++built}.bpf.c`);
  writeFileSync(file, text);
  const { diagnostics } = await buildObject({
    ...{ file, vmlinuxHeader, compilerPath: '', arch: 'x86_64' },
    ...{ resourceDir: join(folder, 'dist'), cacheDir: join(folder, 'cache') },
  });
  return diagnostics.filter(({ severity }) => severity !== 'note').map(({ message }) => message);
}

describe('the quick fixes for several hosts', () => {
  it('write what compiles on every host', async () => {
    const codes = new Set<CheckCode>();
    for (const each of hostCases) {
      const ways = (['top', 'bottom'] as const).map((from) => repaired(each.text, from));
      const distinct = ways.filter(
        ({ text }, at) => text !== each.text && ways.findIndex((one) => one.text === text) === at,
      );
      if (distinct.length === 0) continue;
      for (const done of distinct) {
        // A question mark in a section changes nothing for the compiler.
        if (done.codes.every((code) => code === 'target-not-on-all-hosts') && codes.has(done.codes[0]!)) continue;
        done.codes.forEach((code) => codes.add(code));
        // What no fix repairs (a type that old1 lacks) cannot compile there, nor what a question by hand names of web1's header.
        const isWhole = done.left.length === 0 && !/_exists\(/.test(each.text);
        const own = isWhole ? headers : headers.slice(0, 1);
        const told = (await Promise.all(own.map((header) => said(done.text, header)))).flat();
        // What the compiler warns of in the source as it was typed is no fault of the repair.
        const before = told.length === 0 ? [] : await said(withCoreRead(each.text), headers[0]!);
        const fresh = told.filter((message) => !before.includes(message));
        expect(fresh, `${each.name}, on web1 and old1:\n${done.text}`).toEqual([]);
      }
    }
    expect([...codes].sort()).toEqual(hostCodes.filter((code) => checkKinds[code].fix).sort());
  });
});

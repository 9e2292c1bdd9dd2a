import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { beginsWithVmlinux, includesVmlinux, isPrecompiledFailure, macrosBeforeVmlinux } from './precompiled.ts';

describe('beginsWithVmlinux', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-precompiled-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const header = join(folder, 'vmlinux.h');
  writeFileSync(header, '#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\nstruct list_head { void *next; };\n#endif\n');

  it.each([
    ['#include "vmlinux.h"', true],
    ['// SPDX: x\n/* a\n comment */\n\n #  include <vmlinux.h>\n', true],
    ['#define BPF_NO_GLOBAL_DATA 1\n#define list(x) \\\n\t(x)\n#include "vmlinux.h"', true],
    ['#define BPF_NO_PRESERVE_ACCESS_INDEX\n#include "vmlinux.h"', false],
    ['#define next other\n#include "vmlinux.h"', false],
    ['#include <linux/bpf.h>\n#include "vmlinux.h"', false],
    ['#ifdef X\n#define Y\n#include "vmlinux.h"\n#endif', false],
    ['// #include "vmlinux.h"\nint x;', false],
    ['', false],
  ])('%j: %s', async (source, expected) => expect(await beginsWithVmlinux(source, header)).toBe(expected));

  it('sees what a header says now', async () => {
    const source = '#define later 1\n#include "vmlinux.h"';
    expect(await beginsWithVmlinux(source, header)).toBe(true);
    writeFileSync(header, 'struct later { int x; };\n');
    expect(await beginsWithVmlinux(source, header)).toBe(false);
    expect(await beginsWithVmlinux(source, join(folder, 'none.h'))).toBe(false);
  });
});

describe('macrosBeforeVmlinux', () => {
  it('ends on a define that never ends', () => {
    expect(macrosBeforeVmlinux('#define A \\')).toBeNull();
    expect(macrosBeforeVmlinux('#define')).toBeNull();
  });
});

describe('includesVmlinux', () => {
  it.each([
    ['#define X 1\n#include "vmlinux.h"', true],
    ['/*\n#include "vmlinux.h"\n*/', false],
    ['// #include "vmlinux.h"', false],
    ['#include "my_vmlinux.h"', false],
  ])('%j: %s', (source, expected) => expect(includesVmlinux(source)).toBe(expected));
});

describe('isPrecompiledFailure', () => {
  it('tells a refused precompiled header from a wrong program', () => {
    const refused = [
      "fatal error: file '/c/vmlinux.h' has been modified since the precompiled header '/c/x.pch' was built",
      "error: PCH file was compiled for the target 'x86_64' but the current translation unit is being compiled for 'bpf'",
      'fatal error: malformed or corrupted AST file: ...',
      "error: input is not a PCH file: '/c/x.pch'",
    ];
    for (const stderr of refused) expect(isPrecompiledFailure(stderr, 1), stderr).toBe(true);
    expect(isPrecompiledFailure("a.c:1:1: error: unknown type name 'u9'", 1)).toBe(false);
    expect(isPrecompiledFailure('', null)).toBe(true);
  });
});

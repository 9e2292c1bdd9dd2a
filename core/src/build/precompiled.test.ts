import { describe, expect, it } from 'vitest';
import { beginsWithVmlinux, includesVmlinux, isPrecompiledFailure } from './precompiled.ts';

describe('beginsWithVmlinux', () => {
  it.each([
    ['#include "vmlinux.h"', true],
    ['// SPDX: x\n/* a\n comment */\n\n #  include <vmlinux.h>\n', true],
    ['#define BPF_NO_PRESERVE_ACCESS_INDEX\n#include "vmlinux.h"', false],
    ['#include <linux/bpf.h>\n#include "vmlinux.h"', false],
    ['// #include "vmlinux.h"\nint x;', false],
    ['', false],
  ])('%j: %s', (source, expected) => expect(beginsWithVmlinux(source)).toBe(expected));
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

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findHeader, foldersAbove, projectFlags } from './index.ts';
import { shellWords } from './words.ts';

const x86 = { name: 'x86_64', arch: 'x86' };
const arm64 = { name: 'aarch64', arch: 'arm64' };

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ringside-project-')));
  mkdirSync(join(root, '.git'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function project(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}
/** What is found for a source, with folders spelt from the project's root. */
function flags(source: string, machine = x86): { includes: string[]; defines: string[] } {
  const { includes, defines } = projectFlags(join(root, source), machine);
  return { includes: includes.map((i) => i.replace(`${root}/`, '')), defines };
}

describe('Makefiles', () => {
  it('gives the folders of a libbpf-bootstrap project, for the architecture of the host', () => {
    project({
      'vmlinux.h/include/x86/vmlinux.h': '',
      'vmlinux.h/include/arm64/vmlinux.h': '',
      'libbpf/include/uapi/linux/bpf.h': '',
      'examples/c/Makefile': [
        'OUTPUT := .output',
        'ARCH ?= $(shell uname -m | sed "s/x86_64/x86/" \\',
        '\t | sed "s/aarch64/arm64/")',
        'VMLINUX := ../../vmlinux.h/include/$(ARCH)/vmlinux.h',
        'INCLUDES := -I$(OUTPUT) -I../../libbpf/include/uapi -I$(dir $(VMLINUX))',
        'CFLAGS := -g -Wall -DMAX=3',
        '$(OUTPUT)/%.bpf.o: %.bpf.c',
        '\t$(CLANG) -g -O2 -target bpf -D__TARGET_ARCH_$(ARCH) $(INCLUDES) -c $(filter %.c,$^) -o $@',
      ].join('\n'),
    });
    const source = 'examples/c/minimal.bpf.c';
    expect(flags(source)).toEqual({
      includes: ['libbpf/include/uapi', 'vmlinux.h/include/x86'],
      defines: ['-DMAX=3'],
    });
    expect(flags(source, arm64).includes).toEqual(['libbpf/include/uapi', 'vmlinux.h/include/arm64']);
  });

  it('follows include, foreach, +=, and the folder of the file', () => {
    project({
      'headers/a.h': '',
      'lib/one/x.h': '',
      'lib/two/x.h': '',
      'common/common.mk': 'BPF_CFLAGS += -I$(LIB_DIR)/../headers\nCFLAGS += $(foreach d,one two,-I../lib/$(d))\n',
      'lesson/Makefile': 'COMMON_DIR := ../common\nLIB_DIR = ../lib\ninclude $(COMMON_DIR)/common.mk\n',
    });
    expect(flags('lesson/x.bpf.c').includes.sort()).toEqual(['headers', 'lib/one', 'lib/two']);
  });

  it('never runs a shell, and drops what only a shell could tell', () => {
    const mark = join(root, 'was-run');
    project({
      'inc/a.h': '',
      Makefile: `X := $(shell touch ${mark}; echo inc)\nY != touch ${mark}\nCFLAGS = -I$(X) -I$(Y) -Iinc -D$(shell date)\n`,
    });
    expect(flags('p.bpf.c')).toEqual({ includes: ['inc'], defines: [] });
    expect(foldersAbove(mark)).toEqual([root]);
    expect(() => realpathSync(mark)).toThrow();
  });

  it('ends with variables that refer to themselves or grow without end', () => {
    project({
      'inc/a.h': '',
      Makefile: 'A = $(B)\nB = $(A) -Iinc\nC = $(D)$(D)\nD = $(C)$(C)\nCFLAGS = $(A) $(C) -Iinc\n',
    });
    expect(flags('p.bpf.c').includes).toEqual(['inc']);
  });

  it('reads any text without throwing', () => {
    const piece = fc.constantFrom(
      '$(',
      '${',
      ')',
      '}',
      'A',
      '=',
      ':=',
      '+=',
      '\n',
      '\t',
      ',',
      'foreach ',
      'call ',
      ' -I',
      '\\',
      '$',
      '#',
      '"',
      'include ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        project({ Makefile: pieces.join('') });
        projectFlags(join(root, 'p.bpf.c'), x86);
      }),
      { numRuns: 300 },
    );
  });
});

it('reads the compilation database of the source alone', () => {
  project({
    'bpf/headers/a.h': '',
    'other/a.h': '',
    'compile_commands.json': JSON.stringify([
      { directory: root, file: 'bpf/other.bpf.c', arguments: ['clang', '-Iother'] },
      {
        directory: join(root, 'bpf'),
        file: 'p.bpf.c',
        command: `clang -target bpf -I headers -D'NAME="x y"' -c p.bpf.c`,
      },
    ]),
  });
  expect(flags('bpf/p.bpf.c')).toEqual({ includes: ['bpf/headers'], defines: ['-DNAME="x y"'] });
});

it('reads CMake', () => {
  project({
    'include/a.h': '',
    'vmlinux/x86_64/vmlinux.h': '',
    'src/CMakeLists.txt': [
      'set(BPFOBJECT_VMLINUX_H ${CMAKE_CURRENT_SOURCE_DIR}/../vmlinux/${ARCH}/vmlinux.h)',
      'target_include_directories(app PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/../include ${UNKNOWN}/x)',
      'target_compile_definitions(app PRIVATE LIMIT=4)',
    ].join('\n'),
  });
  expect(flags('src/p.bpf.c')).toEqual({ includes: ['vmlinux/x86_64', 'include'], defines: ['-DLIMIT=4'] });
});

it('reads go:generate of the source alone', () => {
  project({
    'headers/a.h': '',
    'app/main.go': [
      '//go:generate go run github.com/cilium/ebpf/cmd/bpf2go other other.c -- -I../wrong',
      '//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cflags "-O2 -DX=1" bpf probe.c -- -I../headers',
    ].join('\n'),
  });
  expect(flags('app/probe.c')).toEqual({ includes: ['headers'], defines: ['-DX=1'] });
});

it('reads the flags of a Cargo build script', () => {
  project({
    'src/bpf/p.bpf.c': '',
    'bpf-headers/a.h': '',
    'build.rs': 'use libbpf_cargo::SkeletonBuilder;\n// "-Iold"\n.clang_args(["-I", "bpf-headers", "-DX"])',
  });
  expect(flags('src/bpf/p.bpf.c')).toEqual({ includes: ['bpf-headers'], defines: ['-DX'] });
});

it('looks no further up than the root of the project', () => {
  project({ 'inc/a.h': '', Makefile: 'CFLAGS = -Iinc', 'inner/.git/HEAD': '' });
  expect(flags('inner/p.bpf.c').includes).toEqual([]);
});

it('finds a header of the project, the nearest first, and none for another machine', () => {
  project({ 'a/x86/vmlinux.h': '', 'a/arm64/vmlinux.h': '', 'lib/bpf/maps.h': '', 'src/lib/bpf/maps.h': '' });
  const source = join(root, 'src/p.bpf.c');
  expect(findHeader('vmlinux.h', source, arm64)).toBe(join(root, 'a/arm64'));
  expect(findHeader('bpf/maps.h', source, x86)).toBe(join(root, 'src/lib'));
  expect(findHeader('bpf/maps.h', source, x86, join(root, 'src/lib'))).toBe(join(root, 'lib'));
  expect(findHeader('missing.h', source, x86)).toBeNull();
  expect(findHeader('../lib/bpf/maps.h', source, x86)).toBeNull();
});

it('splits words as a shell does', () => {
  expect(shellWords(`a 'b c' "d \\" e" f\\ g ''`)).toEqual(['a', 'b c', 'd " e', 'f g', '']);
});

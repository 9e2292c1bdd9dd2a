import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { excerptFolder, HeaderIndex, readAhead } from './excerpt.ts';
import { mentions } from './mentions.ts';
import { headerFrame } from './vmlinux.ts';

const { prologue, recordEpilogue, kfuncPrologue, kfuncEpilogue, epilogue } = headerFrame;
const declarations = [
  'typedef unsigned int u32;',
  'typedef u32 key_t;',
  'struct mm_struct;',
  'typedef void (*work_func_t)(struct work_struct *);',
  'typedef void plain_fn_t(struct work_struct *);',
  'typedef struct {\n\tkey_t counter;\n} atomic_t __attribute__((aligned(4)));',
  'enum state {\n\tRUNNING = 0,\n\tSLEEPING = 1,\n};',
  'struct list_head {\n\tstruct list_head *next;\n};',
  'struct mm_struct {\n\tatomic_t users;\n};',
  'struct work_struct {\n\twork_func_t func;\n};',
  'struct task_struct {\n\tenum state state;\n\tstruct list_head tasks;\n\tstruct mm_struct *mm;\n\tvoid (*done)(struct work_struct *, enum state);\n};',
  'struct cgroup {\n\tint level;\n};',
  'enum {\n\tfalse = 0,\n\ttrue = 1,\n};',
];
const kfunc = 'extern void bpf_cgroup_release(struct cgroup *cgrp) __weak __ksym;';
const header = `${prologue}${declarations.map((d) => `${d}\n\n`).join('')}${recordEpilogue}${kfuncPrologue}${kfunc}\n${kfuncEpilogue}${epilogue}`;

const excerpt = (...names: string[]): string =>
  HeaderIndex.parse(header)!.excerpt({ program: new Set(names), helpers: new Set() });
/** Tags of the records and enumerations, and typedefs, that a text defines. */
const defined = (text: string): string[] => [
  ...[...text.matchAll(/^(?:struct|enum) (\w+) \{/gm)].map(([, name]) => name!),
  ...[
    ...text.matchAll(/(?:^typedef [^{;\n]*?|^\} )\(?\*?(u32|key_t|work_func_t|plain_fn_t|atomic_t)(?=[;)(]| __)/gm),
  ].map(([, n]) => n!),
];

describe('an excerpt of vmlinux.h', () => {
  it('has what a record holds, and declares what it points to', () => {
    const text = excerpt('task_struct');
    expect(defined(text)).toEqual(['state', 'list_head', 'task_struct']);
    for (const name of ['mm_struct', 'work_struct']) expect(text).toContain(`struct ${name};`);
  });

  it('has what a pointer points to whose name is in the program, and what that holds in turn', () => {
    expect(defined(excerpt('task_struct', 'mm'))).toEqual([
      ...['state', 'list_head', 'mm_struct', 'task_struct'],
      ...['u32', 'key_t', 'atomic_t'],
    ]);
  });

  it('has the typedefs, enumerations by their values, and unnamed constants that are mentioned', () => {
    expect(defined(excerpt('plain_fn_t'))).toEqual(['plain_fn_t']);
    expect(defined(excerpt('work_func_t'))).toEqual(['work_func_t']);
    expect(defined(excerpt('SLEEPING'))).toEqual(['state']);
    expect(excerpt('true')).toContain('true = 1');
    expect(excerpt('nothing_of_it')).not.toMatch(/^\t\w+ = /m);
  });

  it('has the functions of the kernel that are mentioned, and what they take as a whole', () => {
    const text = excerpt('bpf_cgroup_release');
    expect(defined(text)).toEqual(['cgroup']);
    expect(text).toContain(kfunc);
    expect(excerpt('cgroup')).not.toContain('bpf_cgroup_release');
  });

  it('of helpers’ prototypes takes the typedefs alone', () => {
    const named = { program: new Set<string>(), helpers: new Set(['u32', 'task_struct']) };
    expect(defined(HeaderIndex.parse(header)!.excerpt(named))).toEqual(['u32']);
  });

  it('is made of no header that somebody else has written', () => {
    expect(HeaderIndex.parse(`#ifndef X\n${header}`)).toBeNull();
    expect(HeaderIndex.parse(header.replace(epilogue, ''))).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => HeaderIndex.parse(text) === null));
  });

  it('takes any declarations and names, and keeps their order', () => {
    const anyText = fc.array(
      fc.constantFrom('struct ', 'a', ' {\n\t', '*', ';', '\n\n', '(*', ')', 'enum ', ' = ', 'typedef '),
    );
    fc.assert(
      fc.property(anyText, fc.array(fc.constantFrom('a', 'struct', 'toString')), (pieces, names) => {
        const text = `${prologue}${pieces.join('')}\n\n${recordEpilogue}${epilogue}`;
        const made = HeaderIndex.parse(text)?.excerpt({ program: new Set(names), helpers: new Set() });
        if (made !== undefined) expect(made.startsWith(prologue) && made.endsWith(epilogue)).toBe(true);
      }),
    );
  });
});

describe('what a program mentions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-excerpt-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const vmlinux = join(folder, 'vmlinux.h');
  writeFileSync(vmlinux, header);
  writeFileSync(join(folder, 'own.h'), '#pragma once\n#include "own.h"\nstruct task_struct; // cgroup\n');
  writeFileSync(join(folder, 'pastes.h'), '#define NAME(x) name_##x\n');
  const of = (text: string, flags: string[] = []) =>
    mentions({ file: join(folder, 'p.bpf.c'), text, header: vmlinux, folders: [folder], flags });

  it('comes from its text, its headers and its flags, not from comments', async () => {
    const named = await of('#include "vmlinux.h"\n#include "own.h"\n#include <stdbool.h>\nint one; /* two */', [
      '-DTYPE=three',
    ]);
    expect([...named!.program]).toEqual(expect.arrayContaining(['task_struct', 'one', 'three']));
    for (const name of ['cgroup', 'two', 'mm_struct']) expect(named!.program.has(name)).toBe(false);
  });

  it.each([
    ['a header that is not found', '#include "none.h"\n'],
    ['an include that a macro names', '#define H "own.h"\n#include H\n'],
    ['a comparison of types with all that they point to', 'int x = bpf_core_type_matches(struct a);\n'],
    ['a type that may be named by a macro', '#include "pastes.h"\nint x = bpf_core_type_exists(struct a);\n'],
  ])('is not known of %s', async (_what, text) => expect(await of(text)).toBeNull());

  it('is known where macros make names of what clang misses by itself', async () => {
    expect(await of('#include "pastes.h"\n')).not.toBeNull();
  });

  it('comes of a header that was read ahead, without reading it again', async () => {
    const path = join(folder, 'ahead.h');
    const write = (text: string): void => {
      writeFileSync(path, text);
      utimesSync(path, 1_700_000_000, 1_700_000_000);
    };
    write(header);
    await readAhead(path);
    // What is read only now would be no header of ours.
    write('x'.repeat(Buffer.byteLength(header)));
    const options = { header: path, file: join(folder, 'p.bpf.c'), folders: [folder], flags: [] };
    const text = '#include "ahead.h"\nstruct cgroup *c;';
    const made = await excerptFolder({ ...options, text, cacheDir: join(folder, 'cache') });
    expect(readFileSync(join(made!, 'vmlinux.h'), 'utf8')).toContain('int level;');
    await readAhead(join(folder, 'none.h'));
  });

  it('makes an excerpt in the cache, the same for the same names', async () => {
    const cacheDir = join(folder, 'cache');
    const options = { header: vmlinux, file: join(folder, 'p.bpf.c'), folders: [folder], flags: [], cacheDir };
    const first = await excerptFolder({ ...options, text: '#include "vmlinux.h"\nstruct cgroup *c;' });
    expect(readFileSync(join(first!, 'vmlinux.h'), 'utf8')).toContain('int level;');
    expect(await excerptFolder({ ...options, text: '#include "vmlinux.h"\nstruct cgroup *d;' })).toBe(first);
    expect(await excerptFolder({ ...options, header: join(folder, 'own.h'), text: '' })).toBeNull();
    expect(await excerptFolder({ ...options, header: join(folder, 'none.h'), text: '' })).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { Btf } from './btf.ts';
import { parseBtfExt, lineAt } from './btfExt.ts';
import { Elf } from './elf.ts';
import { BtfWriter, goldenObject } from './testObjects.ts';

const elf = Elf.parse(goldenObject('exec.bpf'));
const btf = Btf.parse(elf.section('.BTF')!.data);

describe('Btf', () => {
  it('finds types by name and kind and gives sizes and C names', () => {
    const u64 = btf.findByNameKind('u64', 'typedef')!;
    expect(btf.cName(u64)).toBe('u64');
    expect(btf.sizeOf(u64)).toBe(8);
    expect(btf.resolve(u64)).toMatchObject({ kind: 'int', name: 'unsigned long long', signed: false });
    expect(btf.findByNameKind('u64', 'struct')).toBeNull();
    const level = btf.type(btf.findByNameKind('level', 'enum')!);
    expect(level).toMatchObject({
      values: [
        { name: 'LEVEL_LOW', value: 1n },
        { name: 'LEVEL_HIGH', value: 5n },
      ],
    });
    const task = btf.type(btf.findByNameKind('task_struct', 'struct')!);
    expect(task.kind === 'struct' && task.members.map((m) => btf.cDeclaration(m.type, m.name))).toEqual([
      ...['int pid', 'int tgid', 'int exit_code', 'struct task_struct *real_parent', 'char comm[16]'],
    ]);
  });

  it('finds the same without an index, and knows which names are nowhere', () => {
    const names = new Set(Array.from({ length: btf.typeCount }, (_, id) => btf.nameOf(id)));
    for (const name of [...names, 'nothing', 'ask_struct', 'u6']) {
      expect(btf.scan(name).sort(), name).toEqual(name === '' ? [] : [...btf.findByName(name)].sort());
    }
    expect(['task_struct', 'tgid', 'LEVEL_LOW', 'TGID', ''].map((name) => btf.hasName(name))).toEqual([
      ...[true, true, true, false, false],
    ]);
  });

  it('spells declarators from the inside out', () => {
    const w = new BtfWriter();
    w.type('int', 1, 0, 4, [0x01000020]); // 1
    w.type('', 2, 0, 1); // 2: int *
    w.type('', 3, 0, 0, [2, 1, 4]); // 3: int *[4]
    w.type('', 2, 0, 3); // 4: int *(*)[4]
    w.type('', 13, 2, 4, [w.string('a'), 1, 0, 0]); // 5: int *(*(int a, ...))[4]
    w.type('', 2, 0, 5); // 6
    w.type('', 10, 0, 2); // 7: int * const
    w.type('', 9, 0, 1); // 8: volatile int
    w.type('', 3, 0, 0, [8, 1, 2]); // 9: volatile int[2]
    w.type('', 3, 0, 0, [9, 1, 3]); // 10: volatile int[3][2]
    w.type('', 18, 0, 1); // 11: type tag
    w.type('', 2, 0, 0); // 12: void *
    const names = Btf.parse(w.bytes());
    expect(names.cName(3)).toBe('int *[4]');
    expect(names.cName(4)).toBe('int *(*)[4]');
    expect(names.cDeclaration(6, 'cb')).toBe('int *(*(*cb)(int a, ...))[4]');
    expect(names.cDeclaration(7, 'p')).toBe('int * const p');
    expect(names.cDeclaration(10, 'm')).toBe('volatile int m[3][2]');
    expect(names.sizeOf(10)).toBe(24);
    expect(names.cName(11)).toBe('int');
    expect(names.cDeclaration(12, 'ctx')).toBe('void *ctx');
  });

  it('decodes bit fields, enum64, tags, floats and forward declarations', () => {
    const w = new BtfWriter();
    w.type('u', 1, 0, 4, [0x20]);
    w.type('s', 4, 2, 8, [w.string('a'), 1, 3 << 24, w.string('b'), 1, (5 << 24) | 3], true);
    w.type('big', 19, 1, 8, [w.string('MIN'), 0, 0x80000000], true);
    w.type('f', 16, 0, 8);
    w.type('gone', 7, 0, 0, [], true);
    w.type('tag', 17, 0, 2, [0xffffffff]);
    const types = Btf.parse(w.bytes());
    expect(types.type(2)).toMatchObject({
      members: [
        { name: 'a', bitOffset: 0, bitSize: 3 },
        { name: 'b', bitOffset: 3, bitSize: 5 },
      ],
    });
    expect(types.type(3)).toMatchObject({ kind: 'enum64', values: [{ value: -(2n ** 63n) }] });
    expect(types.type(4)).toMatchObject({ kind: 'float', size: 8 });
    expect(types.cName(5)).toBe('union gone');
    expect(types.type(6)).toMatchObject({ kind: 'decl_tag', component: -1 });
  });

  it('reads split BTF on top of its base', () => {
    const base = new BtfWriter();
    base.type('int', 1, 0, 4, [0x01000020]);
    const lower = Btf.parse(base.bytes());
    const module = new BtfWriter(lower.stringBytes);
    module.type('mine', 4, 1, 4, [module.string('x'), 1, 0]);
    const split = Btf.parse(module.bytes(), lower);
    expect(split.firstId).toBe(2);
    expect(split.findByNameKind('mine', 'struct')).toBe(2);
    expect(split.findByNameKind('int', 'int')).toBe(1);
    expect(split.type(2)).toMatchObject({ members: [{ name: 'x', type: 1 }] });
    expect(split.cName(1)).toBe('int');
  });

  it('takes the longer header of Linux 7.1 and skips kinds that its layout table describes', () => {
    const w = new BtfWriter();
    w.type('int', 1, 0, 4, [0x01000020]);
    w.type('new', 20, 2, 0, [1, 2, 3, 4, 5]); // 4 bytes, then 2 elements of 8
    w.type('after', 8, 0, 1);
    const layout: [number, number][] = Array.from({ length: 21 }, () => [0, 0]);
    layout[20] = [4, 8];
    const types = Btf.parse(w.bytes(layout));
    expect(types.kind(2)).toBe('unknown');
    expect(types.findByNameKind('after', 'typedef')).toBe(3);
    expect(() => Btf.parse(w.bytes())).toThrow('not known (20)');
  });

  it('calls cycles and missing types damage', () => {
    const w = new BtfWriter();
    w.type('a', 8, 0, 2);
    w.type('b', 8, 0, 1);
    w.type('', 3, 0, 0, [3, 1, 2]);
    w.type('', 2, 0, 99);
    const types = Btf.parse(w.bytes());
    for (const read of [
      () => types.resolve(1),
      () => types.sizeOf(3),
      () => types.cName(3),
      () => types.cName(4),
      () => types.type(7),
    ]) {
      expect(read).toThrow(expect.objectContaining({ code: 'object-malformed' }));
    }
  });

  it('does not unfold types that refer to each other many times over', () => {
    const w = new BtfWriter();
    for (let id = 1; id < 60; id++) w.type('', 13, 2, 0, [0, id + 1, w.string('x'), id + 1]);
    w.type('int', 1, 0, 4, [0x01000020]);
    const name = Btf.parse(w.bytes()).cName(1);
    expect(name).toContain('…');
    expect(name.length).toBeLessThan(20_000);
  });

  it('indexes the BTF of a whole kernel without decoding it', () => {
    const w = new BtfWriter();
    const member = w.string('member');
    for (let i = 0; i < 120_000; i++) w.type(`t${i}`, 4, 2, 8, [member, 1, 0, member, 1, 32]);
    const bytes = w.bytes();
    expect(bytes.length).toBeGreaterThan(5_000_000);
    const start = performance.now();
    const types = Btf.parse(bytes);
    const parsed = performance.now() - start;
    expect(types.typeCount).toBe(120_001);
    expect(parsed).toBeLessThan(150); // measured 2–6 ms: a decode of everything would show
    expect(types.findByNameKind('t77777', 'struct')).toBe(77_778);
  });
});

describe('BTF.ext', () => {
  const ext = parseBtfExt(elf.section('.BTF.ext')!.data, btf);
  const section = 'tp/sched/sched_process_exec';

  it('gives functions, lines and CO-RE relocations by section', () => {
    expect(ext.functions.get(section)!.map((f) => btf.type(f.type).name)).toEqual(['handle_exec']);
    const lines = ext.lines.get(section)!;
    expect(lines[0]).toMatchObject({ offset: 0, file: '/src/exec.bpf.c', line: 37 });
    expect(ext.relocations.get(section)!.map((r) => [btf.cName(r.type), r.access])).toEqual([
      ['struct task_struct', '0:3'],
      ['struct task_struct', '0:1'],
    ]);
  });

  it('finds the line of an instruction', () => {
    const lines = ext.lines.get(section)!;
    expect(lineAt(lines, 0)).toBe(lines[0]);
    expect(lineAt(lines, lines[3]!.offset + 1)!.offset).toBe(lines[3]!.offset);
    expect(lineAt(lines, 1e9)).toBe(lines.at(-1));
    expect(lineAt([], 0)).toBeNull();
    expect(lineAt(undefined, 0)).toBeNull();
  });
});

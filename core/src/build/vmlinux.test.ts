/** The header writer on BTF made by hand: what this machine's kernel does not happen to have. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Btf } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import { writeVmlinuxHeader } from './vmlinux.ts';

const kinds = {
  ...{
    int: 1,
    ptr: 2,
    array: 3,
    struct: 4,
    union: 5,
    enum: 6,
    fwd: 7,
    typedef: 8,
    volatile: 9,
    const: 10,
    restrict: 11,
  },
  ...{ func: 12, func_proto: 13, float: 16, decl_tag: 17, type_tag: 18, enum64: 19 },
};
type Kind = keyof typeof kinds;

/** Writes BTF: each call adds a type and returns its id. */
class BtfBuilder {
  private readonly types: number[] = [];
  private strings = '\0';
  private count = 0;

  private string(text: string): number {
    if (text === '') return 0;
    this.strings += `${text}\0`;
    return Buffer.byteLength(this.strings) - Buffer.byteLength(text) - 1;
  }
  add(kind: Kind, name: string, sizeOrType: number, extra: number[] = [], vlen = 0, flag = false): number {
    const info = (((flag ? 1 : 0) << 31) | (kinds[kind] << 24) | vlen) >>> 0;
    this.types.push(this.string(name), info, sizeOrType, ...extra);
    return ++this.count;
  }
  int(name: string, size: number, encoding = 0): number {
    return this.add('int', name, size, [(encoding << 24) | (size * 8)]);
  }
  record(kind: 'struct' | 'union', name: string, size: number, members: [string, number, number, number?][]): number {
    const rows = members.flatMap(([n, type, bit, width = 0]) => [this.string(n), type, ((width << 24) | bit) >>> 0]);
    return this.add(
      kind,
      name,
      size,
      rows,
      members.length,
      members.some((m) => m[3] !== undefined),
    );
  }
  enum(name: string, size: number, values: [string, number][], signed = false): number {
    return this.add(
      'enum',
      name,
      size,
      values.flatMap(([n, v]) => [this.string(n), v >>> 0]),
      values.length,
      signed,
    );
  }
  proto(result: number, params: [string, number][]): number {
    return this.add(
      'func_proto',
      '',
      result,
      params.flatMap(([n, t]) => [this.string(n), t]),
      params.length,
    );
  }
  bytes(): Uint8Array {
    const strings = Buffer.from(this.strings, 'utf8');
    const header = Buffer.alloc(24);
    header.writeUInt16LE(0xeb9f, 0);
    header.writeUInt8(1, 2);
    [24, 0, this.types.length * 4, this.types.length * 4, strings.length].forEach((v, i) =>
      header.writeUInt32LE(v, 4 + i * 4),
    );
    const types = Buffer.alloc(this.types.length * 4);
    this.types.forEach((v, i) => types.writeUInt32LE(v >>> 0, i * 4));
    return Buffer.concat([header, types, strings]);
  }
  header(): string {
    return writeVmlinuxHeader(Btf.parse(this.bytes()));
  }
}

/** The definitions between the frame's pragmas. */
const body = (header: string) =>
  /apply_to = record\)\n#endif\n\n([\s\S]*?)#ifndef BPF_NO_PRESERVE/.exec(header)![1]!.trim();

describe('writeVmlinuxHeader', () => {
  it('frames the types so that accesses relocate, and so that it can be included twice', () => {
    const header = new BtfBuilder().header();
    expect(header).toMatch(/^#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n/);
    expect(header).toContain('__attribute__((preserve_access_index)), apply_to = record');
  });

  it('declares before it points, defines before it holds', () => {
    const b = new BtfBuilder();
    // struct list { struct list *next; struct item *first; }; item holds a list by value.
    b.record('struct', 'list', 16, [
      ['next', 2, 0],
      ['first', 3, 64],
    ]);
    b.add('ptr', '', 1);
    b.add('ptr', '', 4);
    b.record('struct', 'item', 24, [
      ['in', 1, 0],
      ['n', 5, 128],
    ]);
    b.int('long unsigned int', 8);
    expect(body(b.header())).toBe(
      [
        'struct list;\n',
        'struct item;\n',
        'struct list {\n\tstruct list *next;\n\tstruct item *first;\n};\n',
        'struct item {\n\tstruct list in;\n\tlong unsigned int n;\n};',
      ].join('\n'),
    );
  });

  it('pads to where BTF says, between and behind bit fields', () => {
    const b = new BtfBuilder();
    const int = b.int('unsigned int', 4);
    const char = b.int('char', 1, 1);
    b.record('struct', 's', 64, [
      ['a', int, 3, 2],
      ['b', int, 9, 5],
      ['c', char, 40],
      ['d', int, 128, 32],
    ]);
    expect(body(b.header())).toBe(
      `struct s {
	char: 3;
	unsigned int a: 2;
	char: 3;
	char: 1;
	unsigned int b: 5;
	char: 2;
	short: 16;
	char: 8;
	char c;
	short: 16;
	long: 64;
	unsigned int d: 32;
	int: 32;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
};`,
    );
  });

  it('packs what is not aligned', () => {
    const b = new BtfBuilder();
    const char = b.int('char', 1, 1);
    const long = b.int('long int', 8, 1);
    b.record('struct', 's', 9, [
      ['a', char, 0],
      ['b', long, 8],
    ]);
    expect(body(b.header())).toBe('struct s {\n\tchar a;\n\tlong int b;\n} __attribute__((packed));');
  });

  it('gives a second type of a name a suffix that CO-RE ignores, tags and typedefs apart', () => {
    const b = new BtfBuilder();
    const int = b.int('int', 4, 1);
    b.record('struct', 'foo', 4, [['a', int, 0]]);
    b.record('union', 'foo', 4, [['b', int, 0]]);
    b.add('typedef', 'foo', int);
    b.add('typedef', 'foo', b.add('ptr', '', int));
    b.enum('e1', 4, [['SAME', 0]]);
    b.enum('e2', 4, [['SAME', 1]]);
    const text = body(b.header());
    for (const part of [
      'struct foo {',
      'union foo___2 {',
      'typedef int foo;',
      'typedef int *foo___2;',
      'SAME = 0',
      'SAME___2 = 1',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('lets a forward declaration mean the type of its name', () => {
    const b = new BtfBuilder();
    const forward = b.add('fwd', 'foo', 0);
    b.add('typedef', 'foo_p', b.add('ptr', '', forward));
    b.record('struct', 'foo', 0, []);
    b.add('typedef', 'bar_p', b.add('ptr', '', b.add('fwd', 'bar', 0, [], 0, true)));
    expect(body(b.header())).toBe(
      'struct foo;\n\ntypedef struct foo *foo_p;\n\nstruct foo {\n};\n\nunion bar;\n\ntypedef union bar *bar_p;',
    );
  });

  it('writes function pointers, arrays of them, and qualifiers where C wants them', () => {
    const b = new BtfBuilder();
    const int = b.int('int', 4, 1);
    const proto = b.proto(int, [
      ['a', int],
      ['', 0],
    ]);
    const array = b.add('array', '', 0, [b.add('ptr', '', proto), int, 3]);
    const constPtr = b.add('const', '', b.add('ptr', '', b.add('const', '', int)));
    b.record('struct', 's', 32, [
      ['call', array, 0],
      ['p', constPtr, 192],
    ]);
    expect(body(b.header())).toBe('struct s {\n\tint (*call[3])(int, ...);\n\tconst int * const p;\n};');
  });

  it('keeps the size and the values of enumerations', () => {
    const b = new BtfBuilder();
    b.enum('small', 1, [['A', 1]]);
    b.enum('negative', 4, [['B', -1]], true);
    b.enum('large', 4, [['C', 0xffffffff]]);
    b.add('enum64', 'wide', 8, [0, 0, 1], 1);
    b.enum('', 4, [['CONSTANT', 7]]);
    b.enum('none', 4, []);
    const text = body(b.header());
    expect(text).toContain('enum small {\n\tA = 1,\n} __attribute__((mode(QI)));');
    expect(text).toContain('\tB = -1,');
    expect(text).toContain('\tC = 4294967295U,');
    expect(text).toContain('= 4294967296LL,');
    expect(text).toContain('enum {\n\tCONSTANT = 7,\n};');
    expect(text).toContain('enum none {\n\tnone___empty,\n};');
  });

  it("writes integers that C has no name for by their size, and no C type with a wrong one's name", () => {
    const b = new BtfBuilder();
    b.add('typedef', 'poly', b.int('__Poly8_t', 1));
    b.add('typedef', 'word', b.int('long unsigned int', 4));
    b.add('typedef', 'rust', b.int('u128<T>', 16));
    expect(body(b.header())).toBe(
      [
        'typedef unsigned char __Poly8_t;\n\ntypedef __Poly8_t poly;',
        'typedef unsigned int word;',
        'typedef unsigned __int128 u128_T_;\n\ntypedef u128_T_ rust;',
      ].join('\n\n'),
    );
  });

  it('declares kernel functions that BPF programs may call', () => {
    const b = new BtfBuilder();
    const int = b.int('int', 4, 1);
    const pointer = b.add('ptr', '', b.record('struct', 'sock', 4, [['a', int, 0]]));
    const fn = b.add('func', 'bpf_do_it', b.proto(int, [['sk', pointer]]), [], 1);
    b.add('decl_tag', 'bpf_kfunc', fn, [0xffffffff]);
    b.add('func', 'not_callable', b.proto(int, []), [], 1);
    const header = b.header();
    expect(header).toContain('extern int bpf_do_it(struct sock *sk) __weak __ksym;');
    expect(header).not.toContain('not_callable');
  });

  it('fills gigantic gaps with one member, and refuses records that would never end', () => {
    const gap = new BtfBuilder();
    const int = gap.int('int', 4, 1);
    gap.record('struct', 's', 0xfffffff0, [
      ['a', int, 0],
      ['b', int, 0x80000000],
    ]);
    expect(body(gap.header())).toBe(
      'struct s {\n\tint a;\n\tchar __fill1[268435452];\n\tint b;\n\tchar __fill2[4026531820];\n};',
    );
    // Each record without a name holds the one before it twice: 2^60 members when written out.
    const bomb = new BtfBuilder();
    let last = bomb.int('int', 4, 1);
    for (let i = 0; i < 60; i++) {
      last = bomb.record('union', '', 4, [
        ['a', last, 0],
        ['b', last, 0],
      ]);
    }
    bomb.record('struct', 'bomb', 4, [['x', last, 0]]);
    expect(() => bomb.header()).toThrow(expect.objectContaining({ code: 'object-malformed' }));
  });

  it('refuses a struct that holds itself', () => {
    const b = new BtfBuilder();
    b.record('struct', 'a', 8, [['b', 2, 0]]);
    b.record('struct', 'b', 8, [['a', 1, 0]]);
    expect(() => b.header()).toThrow(expect.objectContaining({ code: 'object-malformed' }));
  });

  it('survives damage: damaged BTF gives a header or a RingsideError, nothing else', () => {
    const b = new BtfBuilder();
    const int = b.int('int', 4, 1);
    const record = b.record('struct', 'one', 16, [
      ['a', int, 0],
      ['b', int, 37, 3],
      ['c', int, 64],
    ]);
    const pointer = b.add('ptr', '', record);
    const proto = b.proto(pointer, [
      ['x', int],
      ['y', pointer],
    ]);
    b.record('union', '', 16, [
      ['r', record, 0],
      ['f', b.add('ptr', '', proto), 0],
    ]);
    b.add('typedef', 't', b.add('array', '', 0, [record, int, 4]));
    b.enum('e', 4, [
      ['A', 1],
      ['B', 2],
    ]);
    const whole = b.bytes();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) if (at >= 24) bytes[at] = value;
        try {
          expect(writeVmlinuxHeader(Btf.parse(bytes))).toContain('__VMLINUX_H__');
        } catch (error) {
          if (!(error instanceof RingsideError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

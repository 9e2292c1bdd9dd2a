import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldValue, RecordField } from '../model/index.ts';
import { parseIpv4, parseIpv6, ipv4Text, ipv6Text } from './address.ts';
import { bigReader, compileReader, decodeRecord } from './decode.ts';
import { renderCell, renderDetail } from './render.ts';
import { columns, recordSelector, resolvePath } from './schema.ts';
import { hexDump, visibleText } from './text.ts';
import { eventTime } from './time.ts';
import { makeField, makeRecord, makeSchema } from './testing.ts';

function read(field: Partial<RecordField> & Pick<RecordField, 'kind' | 'size'>, bytes: readonly number[]): FieldValue {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  return compileReader(makeField({ name: 'f', offset: 0, ...field }))(view, 0, bytes.length);
}
/** Integers are numbers or decimal strings. */
function integerText(value: FieldValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
const text = (value: string): number[] => [...new TextEncoder().encode(value)];
const repeat = (byte: number, count: number): number[] => new Array<number>(count).fill(byte);

describe('scalars', () => {
  it.each<[string, Partial<RecordField> & Pick<RecordField, 'kind' | 'size'>, number[], FieldValue]>([
    ['u8', { kind: 'uint', size: 1 }, [0xff], 255],
    ['s8', { kind: 'int', size: 1 }, [0xff], -1],
    ['u16', { kind: 'uint', size: 2 }, [1, 2], 0x0201],
    ['port in network order', { kind: 'uint', size: 2, format: 'port', bigEndian: true }, [0x01, 0xbb], 443],
    ['s32', { kind: 'int', size: 4 }, [0xfe, 0xff, 0xff, 0xff], -2],
    ['be32', { kind: 'uint', size: 4, format: 'be' }, [0, 0, 1, 2], 258],
    [
      'u64 that fits',
      { kind: 'uint', size: 8 },
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0],
      Number.MAX_SAFE_INTEGER,
    ],
    ['u64 beyond 2^53', { kind: 'uint', size: 8 }, repeat(0xff, 8), '18446744073709551615'],
    ['s64', { kind: 'int', size: 8 }, repeat(0xff, 8), -1],
    ['s64, least', { kind: 'int', size: 8 }, [0, 0, 0, 0, 0, 0, 0, 0x80], '-9223372036854775808'],
    ['u128', { kind: 'uint', size: 16 }, [...repeat(0, 8), 1, ...repeat(0, 7)], '18446744073709551616'],
    ['bool', { kind: 'bool', size: 1 }, [2], true],
    ['char', { kind: 'char', size: 1 }, text('R'), 'R'],
    ['char that is none', { kind: 'char', size: 1 }, [7], 7],
    ['pointer', { kind: 'pointer', size: 8 }, [0x10, 0x20, 0, 0, 0, 0x88, 0xff, 0xff], '0xffff880000002010'],
    ['float', { kind: 'float', size: 4 }, [0, 0, 0xc0, 0x3f], 1.5],
    ['NaN', { kind: 'float', size: 8 }, repeat(0xff, 8), 'NaN'],
    ['enum', { kind: 'enum', size: 4, values: { 1: 'ONE' } }, [1, 0, 0, 0], 'ONE'],
    ['enum, unknown', { kind: 'enum', size: 4, values: { 1: 'ONE' } }, [0xff, 0xff, 0xff, 0xff], 0xffffffff],
    ['enum, negative', { kind: 'enum', size: 4, values: { '-1': 'NONE' } }, repeat(0xff, 4), 'NONE'],
    ['enum of a hostile name', { kind: 'enum', size: 1, values: { 1: 'X' } }, [0], 0],
    ['ipv4', { kind: 'ipv4', size: 4, bigEndian: true }, [10, 0, 0, 1], '10.0.0.1'],
    ['ipv6', { kind: 'ipv6', size: 16 }, [0xfe, 0x80, ...repeat(0, 13), 1], 'fe80::1'],
    ['v4-mapped', { kind: 'ipv6', size: 16 }, [...repeat(0, 10), 0xff, 0xff, 192, 0, 2, 1], '::ffff:192.0.2.1'],
    ['cut off', { kind: 'uint', size: 4 }, [1, 2, 3], null],
  ])('%s', (_, field, bytes, value) => {
    expect(read(field, bytes)).toEqual(value);
  });

  it('reads bit fields of any place and width like shifts of the whole (property)', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.integer({ min: 1, max: 64 }),
        fc.nat(63),
        fc.constantFrom<'int' | 'uint'>('int', 'uint'),
        (word, bits, place, kind) => {
          const bitOffset = Math.min(place, 64 - bits);
          const view = new DataView(new ArrayBuffer(8));
          view.setBigUint64(0, word, true);
          const field = makeField({ name: 'f', kind, offset: 0, size: 8, bits, bitOffset });
          const part = word >> BigInt(bitOffset);
          const expected = kind === 'int' ? BigInt.asIntN(bits, part) : BigInt.asUintN(bits, part);
          expect(bigReader(field)(view, 0)).toBe(expected);
          expect(integerText(compileReader(field)(view, 0, 8))).toBe(expected.toString());
        },
      ),
    );
  });

  it('reads integers of any size and order like DataView (property)', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.constantFrom(1, 2, 4, 8),
        fc.boolean(),
        (bytes, size, big) => {
          const ordered = [...bytes.subarray(0, size)];
          if (!big) ordered.reverse();
          const expected = ordered.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
          expect(integerText(read({ kind: 'uint', size, bigEndian: big }, [...bytes]))).toBe(expected.toString());
          expect(integerText(read({ kind: 'int', size, bigEndian: big }, [...bytes]))).toBe(
            BigInt.asIntN(size * 8, expected).toString(),
          );
        },
      ),
    );
  });
});

describe('text and bytes', () => {
  it.each<[string, Partial<RecordField> & Pick<RecordField, 'kind' | 'size'>, number[], FieldValue]>([
    ['stops at NUL', { kind: 'chars', size: 8 }, [...text('ab'), 0, ...text('cdefg')], 'ab'],
    ['may fill its field', { kind: 'chars', size: 4 }, text('abcdef'), 'abcd'],
    ['is UTF-8', { kind: 'chars', size: 8 }, [...text('grün'), 0, 0, 0], 'grün'],
    ['shows broken bytes', { kind: 'chars', size: 2 }, [0x61, 0xff], 'a\ufffd'],
    ['shows control characters', { kind: 'chars', size: 6 }, [0x1b, 0x5b, 0x32, 0x4a, 0x0a, 0x7f], '␛[2J␊␡'],
    ['takes what a short record has', { kind: 'chars', size: 16 }, text('abc'), 'abc'],
    ['tail of text', { kind: 'chars', size: 0 }, [...text('abc'), 0, 1], 'abc'],
    ['empty tail', { kind: 'bytes', size: 0 }, [], ''],
    ['tail of bytes', { kind: 'bytes', size: 0 }, [0, 0xab, 0xff], '00abff'],
    ['bytes', { kind: 'bytes', size: 2 }, [1, 2, 3], '0102'],
  ])('%s', (_, field, bytes, value) => {
    expect(read(field, bytes)).toEqual(value);
  });

  it('leaves nothing in text that could move a cursor or turn a line (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(0x2100), fc.nat(0x10ffff))), (codes) => {
        const value = String.fromCodePoint(...codes);
        expect(visibleText(value)).not.toMatch(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it('dumps bytes', () => {
    const bytes = Uint8Array.from([...text('hello, kernel!'), 0, 1, 0xff]);
    expect(hexDump(bytes, 0, bytes.length)).toBe(
      '0000  68 65 6c 6c 6f 2c 20 6b  65 72 6e 65 6c 21 00 01  hello, kernel!..\n' +
        '0010  ff                                                .',
    );
  });
});

describe('addresses', () => {
  it('come back from their text (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(16), (bytes, zeros) => {
        bytes.fill(0, 0, zeros);
        expect([...parseIpv6(ipv6Text(bytes, 0))!]).toEqual([...bytes]);
        expect([...parseIpv4(ipv4Text(bytes, 0))!]).toEqual([...bytes.subarray(0, 4)]);
      }),
    );
  });

  it.each([
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '',
    'x',
  ])('%j is none', (address) => {
    expect(parseIpv4(address)).toBeNull();
    expect(parseIpv6(address)).toBeNull();
  });
});

const nested = makeRecord('struct outer', 32, [
  makeField({ name: 'ts', kind: 'uint', offset: 0, size: 8, format: 'ktime' }),
  makeField({
    name: 'addr',
    kind: 'union',
    offset: 8,
    size: 4,
    fields: [
      makeField({ name: 'v4', kind: 'ipv4', offset: 8, size: 4 }),
      makeField({ name: 'word', kind: 'uint', offset: 8, size: 4 }),
    ],
  }),
  makeField({
    name: '',
    kind: 'struct',
    offset: 12,
    size: 2,
    fields: [makeField({ name: 'port', kind: 'uint', offset: 12, size: 2, bigEndian: true })],
  }),
  makeField({ name: '_pad', kind: 'bytes', offset: 14, size: 2 }),
  makeField({
    name: 'pairs',
    kind: 'array',
    offset: 16,
    size: 16,
    count: 2,
    element: makeField({
      name: '',
      kind: 'struct',
      offset: 0,
      size: 8,
      fields: [
        makeField({ name: 'a', kind: 'uint', offset: 0, size: 4 }),
        makeField({ name: 'b', kind: 'int', offset: 4, size: 4 }),
      ],
    }),
  }),
]);
const nestedBytes = Uint8Array.from([
  5, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 1, 0, 80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 255, 255, 255, 255,
]);

describe('records', () => {
  const view = new DataView(nestedBytes.buffer);

  it('decodes nested members, unions as an object of them, unnamed ones beside their siblings', () => {
    expect(decodeRecord(nested, view, 0, 32)).toEqual({
      ts: 5,
      addr: { v4: '127.0.0.1', word: 0x0100007f },
      port: 80,
      _pad: '0000',
      pairs: [
        { a: 1, b: 2 },
        { a: 3, b: -1 },
      ],
    });
  });

  it('gives the fields that a short record has', () => {
    expect(decodeRecord(nested, view, 0, 24)).toMatchObject({ port: 80, pairs: [{ a: 1, b: 2 }] });
    expect(decodeRecord(nested, view, 0, 10)).toMatchObject({
      ts: 5,
      addr: { v4: null, word: null },
      port: null,
      _pad: null,
    });
  });

  it('shows a record of unknown type as bytes', () => {
    expect(decodeRecord(makeRecord('', 0, []), view, 8, 4)).toEqual({ bytes: '7f000001' });
  });

  it('keeps a member called __proto__ a member', () => {
    const record = makeRecord('x', 4, [makeField({ name: '__proto__', kind: 'uint', offset: 0, size: 4 })]);
    expect(JSON.stringify(decodeRecord(record, view, 0, 4))).toBe('{"__proto__":5}');
  });

  it('resolves paths through structs, unions and elements', () => {
    expect(resolvePath(nested, 'addr.v4')).toMatchObject({ offset: 8, kind: 'ipv4' });
    expect(resolvePath(nested, 'port')).toMatchObject({ offset: 12 });
    expect(resolvePath(nested, 'pairs[1].b')).toMatchObject({ offset: 28, kind: 'int' });
    for (const path of ['pairs[2].a', 'addr.v6', 'addr..v4', 'pairs.a', '', 'port[0]', 'ts.x']) {
      expect(resolvePath(nested, path)).toBeUndefined();
    }
  });

  it('makes a column of each leaf but padding and the clock that the time shows', () => {
    expect(columns(makeSchema(nested), 2).map((column) => [column.id, column.align])).toEqual([
      ['@time', 'left'],
      ['@host', 'left'],
      ['addr.v4', 'left'],
      ['addr.word', 'right'],
      ['port', 'right'],
      ['pairs', 'left'],
    ]);
  });
});

describe('choosing the record type', () => {
  const small = makeRecord('small', 16, [makeField({ name: 'kind', kind: 'uint', offset: 0, size: 4 })], {
    tag: { field: 'kind', value: 1 },
  });
  const large = makeRecord('large', 64, [makeField({ name: 'kind', kind: 'uint', offset: 0, size: 4 })], {
    tag: { field: 'kind', value: 2 },
  });
  const untagged = makeRecord('untagged', 32, [makeField({ name: 'x', kind: 'uint', offset: 0, size: 4 })]);
  const select = recordSelector(makeSchema(small, large, untagged));
  const choose = (tag: number, length: number): number =>
    select(new DataView(Uint8Array.from([tag, ...repeat(0, 127)]).buffer), 0, length);

  it('goes by tag, then by exact size, then by the largest that fits', () => {
    expect(choose(2, 64)).toBe(1);
    expect(choose(1, 64)).toBe(0);
    expect(choose(9, 32)).toBe(2);
    expect(choose(9, 36)).toBe(2);
    expect(choose(9, 68)).toBe(1);
    expect(choose(9, 2)).toBe(0);
  });

  it('cuts the padding of perf samples', () => {
    const record = makeRecord('p', 6, [
      makeField({ name: 'data', kind: 'bytes', offset: 0, size: 6 }),
      makeField({ name: 'more', kind: 'bytes', offset: 6, size: 2 }),
    ]);
    expect(decodeRecord(record, new DataView(nestedBytes.buffer), 0, 8)).toMatchObject({ more: null });
  });
});

describe('time', () => {
  const clocks = { realtimeMinusMonotonicNs: 1_000_000_000_000n, realtimeMinusBoottimeNs: 500_000_000_000n };
  const at = (clock: bigint, readTime: bigint): bigint => {
    const view = new DataView(new ArrayBuffer(32));
    view.setBigUint64(0, clock, true);
    return eventTime(nested)(view, 0, 32, readTime, clocks);
  };

  it('is the kernel clock of the record where that is plausible, else the read time', () => {
    expect(at(5_000_000_000n, 1_005_100_000_000n)).toBe(1_005_000_000_000n);
    expect(at(5_000_000_000n, 505_100_000_000n)).toBe(505_000_000_000n);
    expect(at(1_700_000_000_000_000_000n, 1_700_000_000_000_000_009n)).toBe(1_700_000_000_000_000_000n);
    expect(at(42n, 1_700_000_000_000_000_000n)).toBe(1_700_000_000_000_000_000n);
    expect(at(0xffff_ffff_ffff_ffffn, 7n)).toBe(7n);
    expect(eventTime(nested)(new DataView(new ArrayBuffer(4)), 0, 4, 7n, clocks)).toBe(7n);
  });
});

describe('cells', () => {
  const cell = (field: Partial<RecordField>, value: FieldValue): string =>
    renderCell(makeField({ name: 'f', kind: 'int', offset: 0, size: 4, ...field }), value);

  it('shows numbers as they are, hex in the width of the field', () => {
    expect(cell({}, -2)).toBe('-2');
    expect(cell({ format: 'ns' }, 1_000_000)).toBe('1000000');
    expect(cell({ format: 'hex' }, 255)).toBe('0xff');
    expect(cell({ format: 'hex' }, -1)).toBe('0xffffffff');
    expect(cell({ format: 'hex', kind: 'uint', size: 8 }, '18446744073709551615')).toBe('0xffffffffffffffff');
    expect(cell({ kind: 'pointer' }, '0xff')).toBe('0xff');
    expect(cell({}, null)).toBe('');
  });

  it('shows nested values on one line and cuts what is long', () => {
    const pairs = nested.fields.find((field) => field.name === 'pairs')!;
    expect(renderCell(pairs, [{ a: 1, b: 2 }])).toBe('[{a: 1, b: 2}]');
    expect(cell({ kind: 'array' }, [7, 0, 8, 0, 0, 0])).toBe('[7, 0, 8, 0, 0, 0]');
    expect(cell({ kind: 'array' }, [7, 0, 8, 0, 0, 0, 0])).toBe('[7, 0, 8, 0 × 4]');
    expect(cell({ kind: 'chars', size: 1000 }, 'x'.repeat(1000))).toHaveLength(256);
  });

  it('writes words of flags, devices and modes as people do, and bytes that look like a number as bytes', () => {
    const values = { '0': 'O_RDONLY', '1': 'O_WRONLY', '64': 'O_CREAT' };
    const flags = (value: number): string => cell({ format: 'flags', values }, value);
    expect([0, 1, 64, 65, 65 + 0x8000].map(flags)).toEqual([
      ...['O_RDONLY', 'O_WRONLY', 'O_RDONLY|O_CREAT', 'O_WRONLY|O_CREAT', 'O_WRONLY|O_CREAT|0x8000'],
    ]);
    expect(cell({ format: 'dev', kind: 'uint' }, (8 << 20) + 3)).toBe('8:3');
    expect(cell({ format: 'mode', kind: 'uint' }, 0o640)).toBe('0640');
    expect(cell({ format: 'hex', kind: 'bytes' }, '61620000')).toBe('61620000');
  });

  it('has names that the host knows, and plain numbers without them', () => {
    const names = {
      user: (id: number) => (id === 7 ? 'ann' : null),
      group: () => null,
      symbol: (address: bigint) => (address > 0xffff000000000000n ? `f+0x${(address & 0xfn).toString(16)}` : null),
      stack: (map: string, id: number) => (map === 'stacks' && id === 3 ? [0xffffffff81000001n, 5n] : null),
    };
    const named = (field: Partial<RecordField>, value: FieldValue): string =>
      renderCell(makeField({ name: 'f', kind: 'uint', offset: 0, size: 8, ...field }), value, undefined, names);
    expect([named({ format: 'uid' }, 7), named({ format: 'uid' }, 8)]).toEqual(['7 (ann)', '8']);
    expect(named({ kind: 'pointer', format: 'hex' }, '0xffffffff81000002')).toBe('f+0x2');
    expect(named({ kind: 'pointer', format: 'hex' }, '0x7f0000000000')).toBe('0x7f0000000000');
    expect(named({ format: 'symbol' }, '18446744071578845187')).toBe('f+0x3');
    const stack = { format: 'stack', map: 'stacks', kind: 'int', size: 4 } as const;
    expect([3, 4, -17].map((id) => named(stack, id))).toEqual(['f+0x1 < 0x5', '4', '-17 (EEXIST)']);
  });

  it('names errors and signals in the detail', () => {
    expect(renderDetail(makeField({ name: 'ret', kind: 'int', offset: 0, size: 4, format: 'errno' }), -2)).toBe(
      '-2 (ENOENT)',
    );
    expect(renderDetail(makeField({ name: 'ret', kind: 'int', offset: 0, size: 4, format: 'errno' }), 3)).toBe('3');
    expect(renderDetail(makeField({ name: 'sig', kind: 'int', offset: 0, size: 4, format: 'signal' }), 9)).toBe(
      '9 (SIGKILL)',
    );
  });

  it('shows a kernel clock as wall time', () => {
    const field = makeField({ name: 'ts', kind: 'uint', offset: 0, size: 8, format: 'ktime' });
    const noon = BigInt(new Date(2026, 0, 31, 12, 36, 4, 113).getTime()) * 1_000_000n;
    expect(renderCell(field, 5, () => noon)).toBe('12:36:04.113');
    expect(renderCell(field, 5, () => null)).toBe('5');
  });
});

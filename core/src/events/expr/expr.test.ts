import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingsideError } from '../../errors.ts';
import type { FieldValue, RecordInfo } from '../../model/index.ts';
import { compileExpr, decodeRecord, EventStore, EventTap, RowDecoder } from '../index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks, passesWire } from '../testing.ts';
import { UNITS, type Expr, type Operand } from './ast.ts';
import { parseExpr } from './parser.ts';
import { nothing, type WireCondition } from './wire.ts';

const record = makeRecord('struct event', 96, [
  makeField({ name: 'u32', kind: 'uint', offset: 0, size: 4 }),
  makeField({ name: 's32', kind: 'int', offset: 4, size: 4 }),
  makeField({ name: 'u64', kind: 'uint', offset: 8, size: 8 }),
  makeField({ name: 's64', kind: 'int', offset: 16, size: 8 }),
  makeField({ name: 'port', kind: 'uint', offset: 24, size: 2, format: 'port', bigEndian: true }),
  makeField({ name: 's8', kind: 'int', offset: 26, size: 1 }),
  makeField({ name: 'flag', kind: 'bool', offset: 27, size: 1 }),
  makeField({ name: 'bits', kind: 'uint', offset: 28, size: 4, bits: 5, bitOffset: 3 }),
  makeField({ name: 'sbits', kind: 'int', offset: 28, size: 4, bits: 6, bitOffset: 9 }),
  makeField({ name: 'state', kind: 'enum', offset: 32, size: 4, values: { 0: 'IDLE', 1: 'BUSY', 7: 'DONE' } }),
  makeField({ name: 'ratio', kind: 'float', offset: 36, size: 4 }),
  makeField({ name: 'odd', kind: 'uint', offset: 41, size: 8 }),
  makeField({ name: 'comm', kind: 'chars', offset: 52, size: 8 }),
  makeField({
    name: 'addr',
    kind: 'union',
    offset: 60,
    size: 16,
    fields: [
      makeField({ name: 'v4', kind: 'ipv4', offset: 60, size: 4 }),
      makeField({ name: 'v6', kind: 'ipv6', offset: 60, size: 16 }),
    ],
  }),
  makeField({
    name: 'list',
    kind: 'array',
    offset: 76,
    size: 12,
    count: 3,
    element: makeField({ name: '', kind: 'uint', offset: 0, size: 4 }),
  }),
  makeField({ name: 'latency_us', kind: 'uint', offset: 88, size: 4, format: 'us' }),
  makeField({ name: 'len', kind: 'uint', offset: 92, size: 4, format: 'bytes' }),
  makeField({ name: 'tail', kind: 'chars', offset: 96, size: 0 }),
]);
const schema = makeSchema(record);

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const number = (
  offset: number,
  size: number,
  kind: 'unsigned' | 'signed',
  operator: WireCondition['operator'],
  value: bigint,
): WireCondition => ({ offset, size, kind, operator, number: value });

/** Rows of the records that the expression lets through. */
function matching(text: string, records: readonly Uint8Array[], of = schema): number[] {
  const store = new EventStore({ slabBytes: 1 << 16 });
  const stream = store.stream('events');
  store.append(stream, store.addHost('web-1', noClocks), makeSpan(records));
  const tap = new EventTap(new RowDecoder(store, stream, of), compileExpr(text, of));
  return tap.take(records.length).map((event) => event.seq);
}

function bytes(change: (view: DataView, bytes: Uint8Array) => void, length = 96): Uint8Array {
  const made = new Uint8Array(length);
  change(new DataView(made.buffer), made);
  return made;
}

function failure(text: string): RingsideError {
  try {
    compileExpr(text, schema);
  } catch (error) {
    if (error instanceof RingsideError) return error;
    throw error;
  }
  throw new Error(`${text} compiled`);
}

/** The naive evaluator: walks the tree for each decoded record. */
class Naive {
  readonly #fields: { [name: string]: FieldValue };
  constructor(info: RecordInfo, data: Uint8Array) {
    this.#fields = decodeRecord(info, new DataView(data.buffer), 0, data.length);
  }

  holds(expr: Expr): boolean {
    switch (expr.kind) {
      case 'and':
        return this.holds(expr.left) && this.holds(expr.right);
      case 'or':
        return this.holds(expr.left) || this.holds(expr.right);
      case 'not':
        return !this.holds(expr.operand);
      case 'truth': {
        const value = this.#value(expr.operand);
        return value !== null && value !== '' && Number(value) !== 0 && value !== 'IDLE' && value !== false;
      }
      case 'match': {
        const value = this.#value(expr.left);
        return value !== null && new RegExp(expr.pattern).test(value as string) !== expr.negated;
      }
      case 'compare': {
        const order = this.#order(this.#value(expr.left), this.#value(expr.right), expr);
        if (order === null) return false;
        return {
          '==': order === 0,
          '!=': order !== 0,
          '<': order < 0,
          '<=': order <= 0,
          '>': order > 0,
          '>=': order >= 0,
        }[expr.op];
      }
    }
  }

  /** Exactly: integers and fractions as fractions of bigints. */
  #order(left: unknown, right: unknown, expr: Expr & { kind: 'compare' }): number | null {
    if (left === null || right === null) return null;
    const sides = [expr.left, expr.right];
    const isText = sides.some((side) => side.kind === 'path' && /^(comm|tail|addr)/.test(side.path));
    if (isText) return (left as string) < (right as string) ? -1 : Number(left !== right);
    const isEnum = sides.some((side) => side.kind === 'path' && side.path === 'state');
    const numbers = { IDLE: '0', BUSY: '1', DONE: '7' } as Record<string, string>;
    const [a, b] = [left, right].map((value) => (isEnum && typeof value === 'string' ? numbers[value] : value));
    if ([a, b].some((value) => value === 'NaN')) return Number.NaN;
    const [x, y] = [fraction(a), fraction(b)];
    const difference = x.n * y.d - y.n * x.d;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }

  #value(operand: Operand): unknown {
    switch (operand.kind) {
      case 'number': {
        const factor = operand.unit === null ? 1n : UNITS[operand.unit].factor;
        return { n: operand.value.numerator * factor, d: operand.value.denominator };
      }
      case 'string':
      case 'boolean':
        return operand.value;
      case 'path': {
        if (['IDLE', 'BUSY', 'DONE'].includes(operand.path)) return operand.path;
        const [name, inner] = operand.path.split(/[.[\]]/);
        const value = this.#fields[name!] ?? null;
        if (inner === undefined || value === null) return value;
        return (value as { [name: string]: FieldValue })[inner] ?? null;
      }
      case 'arithmetic':
      case 'call':
        throw new Error('these have tests of their own');
    }
  }
}

function fraction(value: unknown): { n: bigint; d: bigint } {
  if (typeof value === 'object') return value as { n: bigint; d: bigint };
  if (typeof value === 'number' && !Number.isInteger(value)) {
    if (!Number.isFinite(value)) return { n: value > 0 ? 1n << 2000n : -(1n << 2000n), d: 1n };
    let d = 1n;
    let scaled = value;
    while (!Number.isInteger(scaled)) [scaled, d] = [scaled * 2, d * 2n];
    return { n: BigInt(scaled), d };
  }
  if (value === 'Infinity') return { n: 1n << 2000n, d: 1n };
  if (value === '-Infinity') return { n: -(1n << 2000n), d: 1n };
  return { n: BigInt(value as string | number | boolean), d: 1n };
}

const numeric = fc.constantFrom('u32', 's32', 'u64', 's64', 'port', 's8', 'bits', 'sbits', 'odd', 'list[1]', 'ratio');
const literal = fc.oneof(
  fc.integer({ min: -40, max: 70 }).map(String),
  fc.constantFrom(
    '0xff',
    '0x80000000',
    '4294967295',
    '-2147483648',
    '18446744073709551615',
    '9223372036854775808',
    '-1',
    '1.5',
    '-0.5',
    '1us',
    '2KB',
    '99999999999999999999',
  ),
);
const op = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
const leaf = fc.oneof(
  fc.tuple(numeric, op, literal).map((parts) => parts.join(' ')),
  fc.tuple(literal, op, numeric).map((parts) => parts.join(' ')),
  fc.tuple(numeric, op, numeric).map((parts) => parts.join(' ')),
  fc
    .tuple(fc.constantFrom('state'), op, fc.constantFrom('IDLE', 'BUSY', 'DONE', '7', '-1'))
    .map((parts) => parts.join(' ')),
  fc
    .tuple(
      fc.constantFrom('comm', 'tail'),
      op,
      fc.constantFrom('""', '"a"', "'ab'", '"abcdefgh"', '"abcdefghi"', '"é"'),
    )
    .map((parts) => parts.join(' ')),
  fc
    .tuple(
      fc.constantFrom('comm', 'tail', 'state'),
      fc.constantFrom('~', '!~'),
      fc.constantFrom('"^a"', '"b$"', '"é|B"', '"a.*h"', '""'),
    )
    .map((parts) => parts.join(' ')),
  fc.constantFrom(
    'comm == tail',
    'flag == true',
    'flag != true',
    'flag',
    'u32',
    'comm',
    'state',
    'ratio',
    'addr.v4 == "0.0.0.0"',
    'addr.v6 != "::"',
  ),
);
const expression = fc.letrec<{ expr: string }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `(${a} && ${b})`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `(${a} || ${b})`),
    tie('expr').map((inner) => `!(${inner})`),
  ),
})).expr;

/** Mostly small values, so that comparisons are sometimes true, of lengths that cut fields off. */
const data = fc
  .tuple(
    fc.uint8Array({ minLength: 96, maxLength: 112 }),
    fc.array(fc.tuple(fc.nat(95), fc.constantFrom(0, 0, 1, 2, 7, 0x61, 0x62, 0xff)), { maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('a', 'b', 'h', 'é', '\n', '\0'), maxLength: 6 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant(96) }, { weight: 1, arbitrary: fc.nat(112) }),
    fc.boolean(),
  )
  .map(([made, pokes, comm, length, zero]) => {
    if (zero) made.fill(0);
    for (const [at, byte] of pokes) made[at] = byte;
    made.set(new TextEncoder().encode(comm).subarray(0, 8), 52);
    return made.slice(0, length);
  });

describe('compileExpr', () => {
  it('agrees with a naive evaluator on decoded records (property)', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(expression, fc.array(data, { minLength: 1, maxLength: 12 }), (text, records) => {
        const expr = parseExpr(text);
        const expected = records.flatMap((bytes, seq) => (new Naive(record, bytes).holds(expr) ? [seq] : []));
        expect(matching(text, records)).toEqual(expected);
      }),
      { numRuns: 600 },
    );
  });

  it('gives the agent only what hides no row (property)', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(expression, fc.array(data, { minLength: 1, maxLength: 12 }), (text, records) => {
        const { wire } = compileExpr(text, schema);
        if (wire === null) return;
        const agent = wire.length === 0 ? [[nothing]] : wire;
        for (const row of matching(text, records)) expect(passesWire(agent, records[row]!)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each<[string, WireCondition[][] | null]>([
    ['u32 > 5 && s8 == -1', [[number(0, 4, 'unsigned', '>=', 6n), number(26, 1, 'signed', '==', -1n)]]],
    [
      'u32 < 2 || u64 == 0xffffffffffffffff',
      [[number(0, 4, 'unsigned', '<=', 1n)], [number(8, 8, 'unsigned', '==', -1n)]],
    ],
    ['port == 443', [[{ ...number(24, 2, 'unsigned', '==', 443n), bigEndian: true }]]],
    ['latency_us > 1ms', [[number(88, 4, 'unsigned', '>=', 1001n)]]],
    ['state == DONE', [[number(32, 4, 'unsigned', '==', 7n)]]],
    ['comm == "ab" && ratio > 1', [[{ offset: 52, size: 2, kind: 'bytes', operator: 'prefix', text: ascii('ab') }]]],
    ['comm ~ "^ab.*"', [[{ offset: 52, size: 2, kind: 'bytes', operator: 'prefix', text: ascii('ab') }]]],
    [
      'addr.v4 == "10.0.0.0/8"',
      [[{ ...number(60, 4, 'unsigned', '==', 0x0a000000n), bigEndian: true, mask: 0xff000000n }]],
    ],
    ['u32 > 5000000000', []],
    ['ratio > 1', null],
    ['!(u32 == 1)', null],
    ['comm != "ab"', null],
    ['u32 == 1 || ratio > 1', null],
    ['seq < 10 && u32 == 1', null],
    ['bits == 1', null],
    ['comm ~ "^ab|c"', null],
    ['', null],
  ])('of %j it gives the agent what it can evaluate', (text, wire) => {
    expect(compileExpr(text, schema).wire).toEqual(wire);
  });

  it('converts units to the unit of the field', () => {
    const rows = [1000, 1001, 2000].map((value) => bytes((view) => view.setUint32(88, value, true)));
    expect(matching('latency_us > 1ms', rows)).toEqual([1, 2]);
    expect(matching('latency_us == 1.001ms', rows)).toEqual([1]);
    expect(matching('latency_us < 1500us && 1s > latency_us', rows)).toEqual([0, 1]);
    const sizes = [1024, 2000].map((value) => bytes((view) => view.setUint32(92, value, true)));
    expect(matching('len > 1KB', sizes)).toEqual([1]);
    expect(failure('len > 1ms')).toMatchObject({ code: 'bad-expression' });
    expect(failure('latency_us > 1KB')).toMatchObject({ code: 'bad-expression' });
  });

  it('compares addresses, whole or by prefix, in any spelling', () => {
    const rows = [
      bytes((_, all) => all.set([10, 1, 2, 3], 60)),
      bytes((_, all) => all.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3], 60)),
      bytes((_, all) => all.set([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 60)),
    ];
    expect(matching('addr.v4 == "10.1.2.3"', rows)).toEqual([0]);
    expect(matching("addr.v4 == '10.0.0.0/8'", rows)).toEqual([0]);
    expect(matching('addr.v4 != "10.1.2.0/23"', rows)).toEqual([1, 2]);
    expect(matching('addr.v6 == "10.1.2.3"', rows)).toEqual([1]);
    expect(matching('addr.v6 == "10.1.0.0/16" || addr.v6 == "FE80:0::1"', rows)).toEqual([1, 2]);
    expect(matching('addr.v6 ~ "^fe80:"', rows)).toEqual([2]);
    expect(failure('addr.v4 == "fe80::1"')).toMatchObject({ code: 'bad-expression' });
    expect(failure('addr.v4 < "10.0.0.0"')).toMatchObject({ code: 'bad-expression' });
  });

  it('knows names of enums, errors and signals', () => {
    const rows = [-2, 0, 9].map((value) => bytes((view) => view.setInt32(4, value, true)));
    expect(matching('s32 == -ENOENT', rows)).toEqual([0]);
    expect(matching('s32 == SIGKILL', rows)).toEqual([2]);
    const states = [0, 1, 7].map((value) => bytes((view) => view.setUint32(32, value, true)));
    expect(matching('state == DONE || "BUSY" == state', states)).toEqual([1, 2]);
    expect(matching('DONE > state', states)).toEqual([0, 1]);
  });

  it('shows control characters to comparisons as it shows them to people', () => {
    const rows = [bytes((_, all) => all.set([0x61, 0x0a, 0x62], 52)), bytes((_, all) => all.set([0x61, 0xff], 52))];
    expect(matching('comm == "a␊b"', rows)).toEqual([0]);
    expect(matching('comm ~ "␊"', rows)).toEqual([0]);
    expect(matching('comm == "a\ufffd"', rows)).toEqual([1]);
  });

  it('has the fixed columns of every row', () => {
    const rows = [bytes(() => undefined), bytes(() => undefined)];
    expect(matching('seq == 1', rows)).toEqual([1]);
    expect(matching('host == "web-1" && stream ~ "^ev"', rows)).toEqual([0, 1]);
    expect(matching('cpu == 0 || cpu != 0', rows)).toEqual([]);
    expect(matching('time > "2023-11-14T00:00:00Z" && time < "2023-11-15"', rows)).toEqual([0, 1]);
    expect(matching('time >= 1700000000s', rows)).toEqual([0, 1]);
    expect(matching('@seq < u32 || @seq == u32', rows)).toEqual([0]);
    const own = makeSchema(makeRecord('x', 4, [makeField({ name: 'cpu', kind: 'uint', offset: 0, size: 4 })]));
    expect(matching('cpu == 5', [Uint8Array.from([5, 0, 0, 0])], own)).toEqual([0]);
    expect(matching('@cpu == 5', [Uint8Array.from([5, 0, 0, 0])], own)).toEqual([]);
  });

  it('asks each record type what it has', () => {
    const two = makeSchema(
      makeRecord('a', 8, [makeField({ name: 'pid', kind: 'uint', offset: 0, size: 4 })]),
      makeRecord('b', 16, [
        makeField({ name: 'ret', kind: 'int', offset: 0, size: 4 }),
        makeField({ name: 'pid', kind: 'uint', offset: 8, size: 4 }),
      ]),
    );
    const rows = [
      bytes((view) => view.setUint32(0, 7, true), 8),
      bytes((view) => view.setUint32(8, 7, true), 16),
      bytes(() => undefined, 16),
    ];
    expect(matching('pid == 7', rows, two)).toEqual([0, 1]);
    expect(matching('ret == 0', rows, two)).toEqual([1, 2]);
    expect(matching('ret != 1', rows, two)).toEqual([1, 2]);
    expect(matching('!(ret == 0) || pid == 0', rows, two)).toEqual([0, 2]);
  });

  it('lets everything through when it is empty', () => {
    expect(compileExpr('  ', schema).everything).toBe(true);
    expect(matching('', [bytes(() => undefined)])).toEqual([0]);
  });
});

describe('errors', () => {
  it('name the known fields and the nearest', () => {
    expect(failure('comn == "x"')).toMatchObject({
      code: 'unknown-field',
      exitCode: 2,
      message: '"comn" is no field of events; did you mean "comm"? (column 1)',
      remedy: expect.stringContaining('u32, s32, u64') as string,
    });
    expect(failure('state == BUSYY').message).toContain('did you mean "BUSY"');
    expect(failure('addr.v5 == "1.2.3.4"').message).toContain('did you mean "addr.v4"');
    expect(failure('list[3] == 1').code).toBe('unknown-field');
  });

  it.each<[string, string, number]>([
    ['u32 == ', 'found the end', 8],
    ['u32 = 1', 'write "=="', 5],
    ['u32 == 1 & s32', 'write "&&"', 10],
    ['(u32 == 1', 'not closed', 1],
    ['u32 == 1)', 'found ")"', 9],
    ['comm == "abc', 'not closed', 9],
    ['u32 == 5xy', 'no unit', 9],
    ['1 == 2', 'two constants', 3],
    ['comm ~ 5', 'in quotes', 8],
    ['comm ~ "a("', 'not closed', 11],
    ['comm == 5', 'text', 9],
    ['u32 == "abc"', 'number', 8],
    ['addr == 5', 'addr.v4', 1],
    ['list == 5', 'list[0]', 1],
    ['comm == u32', 'cannot be compared', 9],
    ['5', 'alone', 1],
    ['seq', 'alone', 1],
    ['seq ~ "1"', 'is a number', 1],
    ['host == 5', 'is text', 9],
    ['time > "soon"', '12:31:04', 8],
    ['u32 # 1', 'no meaning', 5],
    ['-"a" == comm', 'negative', 1],
  ])('%j says where', (text, what, column) => {
    const error = failure(text);
    expect(error.code).toBe('bad-expression');
    expect(error.message).toContain(what);
    expect(error.message).toContain(`(column ${column})`);
    expect(error.detail.split('\n')[1]).toBe(`${' '.repeat(column - 1)}^`);
  });

  it('are all that random text can cause (property)', () => {
    const piece = fc.constantFrom(
      'u32',
      'comm',
      '==',
      '~',
      '(',
      ')',
      '"a"',
      '"(a+)+"',
      '5',
      '&&',
      '||',
      '!',
      '-',
      '0x',
      '.',
      'state',
      'DONE',
      "'",
      'addr',
      '[0]',
      '1ms',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(' ')),
        ),
        (text) => {
          try {
            compileExpr(text, schema);
          } catch (error) {
            expect(error).toBeInstanceOf(RingsideError);
            expect(['bad-expression', 'unknown-field']).toContain((error as RingsideError).code);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('stop what is too deep or too long', () => {
    expect(failure('('.repeat(2000)).code).toBe('bad-expression');
    expect(failure('!'.repeat(2000)).code).toBe('bad-expression');
    expect(failure(`u32 == ${'1'.repeat(5000)}`).code).toBe('bad-expression');
    expect(() => compileExpr(new Array(300).fill('u32 == 1').join(' ||'), schema)).not.toThrow();
  });
});

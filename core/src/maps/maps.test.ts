import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileReader, decodeMapEntries, type MapLayout } from '../events/index.ts';
import type { FieldKind, FieldValue, RecordField } from '../model/index.ts';
import { encodeField, encodePerCpu, parseJsonValue } from './encode.ts';
import { entryWriter, lineFrame } from './jsonText.ts';

const base = { offset: 0, bits: 0, format: 'plain' as const };
const number = (name: string, kind: FieldKind, size: number, more: Partial<RecordField> = {}): RecordField => ({
  ...base,
  name,
  type: kind,
  size,
  kind,
  ...more,
});

const scalar: fc.Arbitrary<RecordField> = fc.oneof(
  fc
    .tuple(fc.constantFrom<FieldKind>('int', 'uint', 'pointer'), fc.constantFrom(1, 2, 4, 8), fc.boolean())
    .map(([kind, size, bigEndian]) => number('x', kind, size, { bigEndian })),
  fc.constantFrom(
    number('x', 'bool', 1),
    number('x', 'char', 1),
    number('x', 'ipv4', 4, { bigEndian: true }),
    number('x', 'ipv6', 16, { bigEndian: true }),
    number('x', 'chars', 16),
    number('x', 'bytes', 5),
    number('x', 'float', 8),
    number('x', 'enum', 4, { values: { '0': 'ZERO', '7': 'SEVEN' } }),
    number('x', 'uint', 4, { bits: 5, bitOffset: 3 }),
    number('x', 'int', 8, { bits: 40, bitOffset: 11 }),
  ),
);

/** A struct of those one behind the other, some as arrays. */
const struct: fc.Arbitrary<RecordField> = fc
  .array(fc.tuple(scalar, fc.integer({ min: 0, max: 3 })), { minLength: 1, maxLength: 6 })
  .map((parts) => {
    let offset = 0;
    const fields = parts.map(([field, count], i): RecordField => {
      const name = `m${i}`;
      const at = offset;
      const element = { ...field, name: '' };
      offset += field.size * Math.max(1, count);
      return count > 0 && field.bits === 0
        ? number(name, 'array', field.size * count, { offset: at, element, count })
        : { ...field, name, offset: at };
    });
    return number('s', 'struct', offset, { fields });
  });

const layoutOf = (key: RecordField, value: RecordField): MapLayout => ({
  key,
  value,
  keySize: key.size,
  valueBytes: value.size,
  perCpu: 0,
});

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

it('writes the JSON that JSON.stringify would write of the decoded entries', () => {
  fc.assert(
    fc.property(scalar, struct, fc.uint8Array({ minLength: 0, maxLength: 400 }), (key, value, noise) => {
      const layout = layoutOf(key, value);
      const size = key.size + value.size;
      const bytes = noise.subarray(0, Math.floor(noise.length / size) * size);
      const expected = decodeMapEntries(bytes, layout).map(
        (entry) => `${JSON.stringify({ type: 'entry', ...entry })}\n`,
      );
      expect(text(entryWriter(layout, lineFrame('json'))(bytes))).toBe(expected.join(''));
    }),
    { numRuns: 500 },
  );
});

it('writes every integer near the edges exactly', () => {
  const edges = [
    0n,
    9n,
    10n,
    99n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    10n ** 9n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 63n,
  ];
  for (const kind of ['int', 'uint'] as const) {
    const field = number('v', kind, 8);
    const layout = layoutOf(number('k', 'uint', 1), field);
    for (const edge of edges.flatMap((n) => [n - 1n, n, n + 1n, -n])) {
      const bytes = Buffer.alloc(9);
      bytes.writeBigUInt64LE(BigInt.asUintN(64, edge), 1);
      const [entry] = decodeMapEntries(bytes, layout);
      expect(text(entryWriter(layout, lineFrame('plain'))(bytes))).toBe(`0  ${JSON.stringify(entry!.value)}\n`);
    }
  }
});

it('encodes what it decoded to the same bytes', () => {
  fc.assert(
    fc.property(struct, fc.uint8Array({ minLength: 200, maxLength: 200 }), (field, noise) => {
      const bytes = noise.slice(0, field.size);
      const read = compileReader(field);
      const value = read(new DataView(bytes.buffer), 0, bytes.length);
      const again = encodeWhere(field, value);
      // What cannot be written as text (broken UTF-8, NaN's bits) is refused or reads the same again.
      if (again) expect(read(new DataView(again.buffer), 0, again.length)).toEqual(value);
    }),
    { numRuns: 500 },
  );
});

function encodeWhere(field: RecordField, value: FieldValue): Uint8Array | undefined {
  try {
    return encodeField(field, value, 'value');
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad-value' });
    expect(JSON.stringify(value)).toMatch(/␀|␁|[␀-␡]|�|[\u0080-\uffff]/u);
    return undefined;
  }
}

it('never fails in another way than bad-value', () => {
  fc.assert(
    fc.property(struct, fc.jsonValue(), (field, value) => {
      try {
        expect(encodeField(field, value as FieldValue, 'value')).toHaveLength(field.size);
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-value', remedy: expect.stringContaining('Give') as string });
      }
    }),
  );
});

it('reads JSON as people type it', () => {
  expect(parseJsonValue('42')).toBe(42);
  expect(parseJsonValue('18446744073709551615')).toBe('18446744073709551615');
  expect(parseJsonValue('{"a":18446744073709551615,"b":"18446744073709551615x"}')).toEqual({
    a: '18446744073709551615',
    b: '18446744073709551615x',
  });
  expect(parseJsonValue('10.0.0.1')).toBe('10.0.0.1');
  expect(parseJsonValue('eth0')).toBe('eth0');
  expect(() => parseJsonValue('{"a":')).toThrow(/none/);
});

const flow = number('value', 'struct', 12, {
  fields: [
    number('count', 'uint', 8),
    number('state', 'enum', 2, { offset: 8, values: { '1': 'OPEN', '2': 'CLOSED' } }),
    number('_pad', 'uint', 2, { offset: 10 }),
  ],
});

it('names the member that is wrong and what would do', () => {
  expect(Buffer.from(encodeField(flow, { count: '5', state: 'CLOSED' }, 'value')).toString('hex')).toBe(
    '050000000000000002000000',
  );
  const refuse = (value: FieldValue) => {
    try {
      encodeField(flow, value, 'value');
    } catch (error) {
      const { message, remedy } = error as { message: string; remedy: string };
      return `${message} ${remedy}`;
    }
    return 'taken';
  };
  expect(refuse({ state: 1 })).toMatch(/value\.count is missing.*integer from 0 to 18446744073709551615/);
  expect(refuse({ count: -1, state: 1 })).toMatch(/-1 is no value for value\.count/);
  expect(refuse({ count: 1, state: 'SHUT' })).toMatch(/one of OPEN, CLOSED/);
  expect(refuse({ count: 1, state: 1, more: 2 })).toMatch(/value\.more.*count, state/);
  expect(refuse([1])).toMatch(/an object with count, state/);
});

it('takes one member of an unnamed union, or several that agree', () => {
  const union = number('key', 'struct', 8, {
    fields: [number('whole', 'uint', 8), number('low', 'uint', 4), number('high', 'uint', 4, { offset: 4 })],
  });
  expect(encodeField(union, { whole: 1 }, 'key')).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  expect(encodeField(union, { whole: 1, low: 1, high: 0 }, 'key')).toHaveLength(8);
  expect(() => encodeField(union, { whole: 1, low: 2 }, 'key')).toThrow(/other members of the union/);
});

it('gives per-CPU maps one value for all, or one for each', () => {
  const field = number('value', 'uint', 4);
  expect(encodePerCpu(field, 7, 2, 'value')).toEqual(Uint8Array.of(7, 0, 0, 0));
  expect(encodePerCpu(field, { perCpu: [1, 2], sum: 3 }, 2, 'value')).toEqual(
    Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0),
  );
  expect(() => encodePerCpu(field, { perCpu: [1] }, 2, 'value')).toThrow(/perCpu/);
});

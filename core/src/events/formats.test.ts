import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CellFormat, RecordField } from '../model/index.ts';
import { cellWriter, decimal, formatNumber, formatTime, type FormatContext } from './formats.ts';
import { makeField } from './testing.ts';
import { clockText } from './time.ts';

const FORMATS: CellFormat[] = [
  ...(['dec', 'hex', 'oct', 'bin', 'bytes', 'duration-ns', 'duration-us', 'duration-ms', 'duration-s'] as const),
  ...(['clock', 'clock-ns', 'iso', 'epoch', 'elapsed', 'ipv4', 'port', 'errno', 'signal', 'char', 'text'] as const),
];
/** 2023-11-14T22:13:20Z */
const TIME = 1_700_000_000_000_000_000n;
/** A clock that began at TIME; what is not within an hour of it is no time. */
const context: FormatContext = {
  toWallTime: (clock) => (clock >= 0n && clock < 3_600_000_000_000n ? TIME + clock : null),
  firstTime: TIME + 1_000_000_000n,
};
const write = (format: CellFormat, value: number | bigint, bits = 64) =>
  formatNumber(format, value, { ...context, bits });

const signed = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const unsigned = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

describe('a number', () => {
  it('of 64 bits is exact in every base', () => {
    fc.assert(
      fc.property(unsigned, (value) => {
        expect(BigInt(write('dec', value)!)).toBe(value);
        expect(BigInt(write('hex', value)!)).toBe(value);
        expect(BigInt(write('bin', value)!)).toBe(value);
        expect(BigInt(`0o${write('oct', value)!}`)).toBe(value);
      }),
    );
  });

  it('below zero is its two’s complement in the width of its field', () => {
    fc.assert(
      fc.property(signed, fc.constantFrom(8, 16, 32, 64), (any, bits) => {
        const value = BigInt.asIntN(bits, any);
        expect(BigInt(write('hex', value, bits)!)).toBe(BigInt.asUintN(bits, value));
        expect(BigInt(write('bin', value, bits)!)).toBe(BigInt.asUintN(bits, value));
        expect(write('dec', value, bits)).toBe(value.toString());
      }),
    );
  });

  it.each<[CellFormat, number | bigint, string]>([
    ['oct', 0n, '0'],
    ['oct', 8n, '010'],
    ['bytes', 0n, '0 B'],
    ['bytes', 1023n, '1023 B'],
    ['bytes', 1536n, '1.50 KB'],
    ['bytes', 1024n * 1024n - 1n, '1.00 MB'],
    ['bytes', 2n ** 64n - 1n, '16777216 TB'],
    ['bytes', Number.NaN, 'NaN'],
    ['duration-ns', 999n, '999 ns'],
    ['duration-ns', 1830n, '1.83 µs'],
    ['duration-ns', 999_999n, '1.00 ms'],
    ['duration-ns', -1830n, '-1.83 µs'],
    ['duration-us', 1500n, '1.50 ms'],
    ['duration-ms', 250n, '250 ms'],
    ['duration-s', 90n, '90 s'],
    ['duration-s', Number.POSITIVE_INFINITY, 'Infinity'],
    ['ipv4', 0x0100007fn, '127.0.0.1'],
    ['port', 0x5000n, '80'],
    ['port', 0xbb01n, '443'],
    ['errno', -2n, '-2 ENOENT'],
    ['errno', 0n, '0'],
    ['signal', 9n, '9 SIGKILL'],
    ['signal', 99n, '99'],
    ['char', 65n, 'A'],
    ['char', 27n, '27'],
    ['iso', 1_234_567n, '2023-11-14T22:13:20.001234567Z'],
    ['epoch', 1_234_567n, '1700000000.001234567'],
    ['elapsed', 1_001_234_567n, '0.001234567'],
    ['elapsed', 0n, '-1.000000000'],
    ['iso', TIME + 5n, '2023-11-14T22:13:20.000000005Z'],
    ['dec', 0.1 + 0.2, '0.3'],
  ])('as %s: %s is %s', (format, value, text) => {
    expect(write(format, value)).toBe(text);
  });

  it('is no time where no clock makes it one, however large it is', () => {
    for (const format of ['clock', 'clock-ns', 'iso', 'epoch', 'elapsed'] as const) {
      expect(write(format, -1n)).toBeNull();
      expect(write(format, 7_200_000_000_000n)).toBeNull();
      expect(write(format, 2n ** 100n)).toBeNull();
      expect(write(format, 1.5)).toBeNull();
    }
  });

  it('is one short line in every format, whatever it is', () => {
    const any = fc.oneof(signed, unsigned, fc.double(), fc.bigInt({ min: -(2n ** 128n), max: 2n ** 128n }));
    fc.assert(
      fc.property(fc.constantFrom(...FORMATS), any, fc.constantFrom(1, 8, 32, 64), (format, value, bits) => {
        const text = write(format, value, bits);
        // eslint-disable-next-line no-control-regex -- such a character would break the line
        if (text !== null) expect(text).toMatch(/^[^\u0000-\u001f\u007f]{1,256}$/);
      }),
    );
  });
});

it('a moment is written to the nanosecond', () => {
  const time = TIME + 123_456_789n;
  expect(formatTime('clock', time, TIME)).toBe(clockText(time));
  expect(formatTime('clock-ns', time, TIME)).toBe(`${clockText(time).slice(0, 8)}.123456789`);
  expect(formatTime('epoch', time, TIME)).toBe('1700000000.123456789');
  expect(formatTime('elapsed', time, TIME)).toBe('0.123456789');
  expect(formatTime('hex', time, TIME)).toBeNull();
});

it('a computed number has nine digits, a whole one all of them', () => {
  expect(decimal(1 / 3)).toBe('0.333333333');
  expect(decimal(2 ** 53)).toBe('9007199254740992');
  expect(decimal(2n ** 64n)).toBe('18446744073709551616');
  expect([decimal(null), decimal('a')]).toEqual(['', 'a']);
});

describe('a cell', () => {
  const at = 3;
  const fields: RecordField[] = [
    makeField({ name: 'byte', kind: 'uint', offset: 1, size: 1 }),
    makeField({ name: 'big', kind: 'int', offset: 4, size: 8 }),
    makeField({ name: 'net', kind: 'uint', offset: 2, size: 2, bigEndian: true }),
    makeField({ name: 'bits', kind: 'int', offset: 3, size: 4, bits: 5, bitOffset: 2 }),
    makeField({ name: 'real', kind: 'float', offset: 8, size: 8 }),
    makeField({ name: 'single', kind: 'float', offset: 8, size: 4 }),
    makeField({ name: 'addr', kind: 'ipv4', offset: 4, size: 4 }),
    makeField({ name: 'on', kind: 'bool', offset: 0, size: 1 }),
    makeField({ name: 'comm', kind: 'chars', offset: 4, size: 8 }),
    makeField({ name: 'raw', kind: 'bytes', offset: 4, size: 8 }),
    makeField({ name: 'tail', kind: 'bytes', offset: 12, size: 0 }),
    makeField({ name: 'rest', kind: 'chars', offset: 12, size: 0 }),
    makeField({ name: 'long', kind: 'bytes', offset: 0, size: 4000 }),
  ];

  it('is one line without control characters for any bytes and any length of the record', () => {
    const field = fc.constantFrom(...fields);
    const bytes = fc.uint8Array({ minLength: at, maxLength: 600 });
    fc.assert(
      fc.property(field, fc.constantFrom(...FORMATS), bytes, fc.nat(600), (of, format, memory, length) => {
        const writer = cellWriter(of, format);
        const end = Math.min(memory.length, at + length);
        const text = writer?.(new DataView(memory.slice().buffer), at, end, context) ?? '';
        expect(text.length).toBeLessThanOrEqual(256);
        // eslint-disable-next-line no-control-regex -- such a character would break the line
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
        if (of.offset >= end - at) expect(text).toBe('');
      }),
    );
  });

  const cell = (field: RecordField, format: CellFormat, ...bytes: number[]): string | null | undefined =>
    cellWriter(field, format)?.(new DataView(Uint8Array.from(bytes).buffer), 0, bytes.length, context);

  it('shows the bytes of texts and the text of bytes', () => {
    expect(cell(makeField({ name: 'c', kind: 'chars', offset: 1, size: 4 }), 'hex', 0, 0x61, 0, 0xff, 7, 9)).toBe(
      '6100ff07',
    );
    expect(cell(makeField({ name: 'b', kind: 'bytes', offset: 1, size: 4 }), 'text', 0, 0x61, 0x1b, 0, 7)).toBe('a␛');
    expect(cellWriter(makeField({ name: 'c', kind: 'chars', offset: 0, size: 4 }), 'dec')).toBeNull();
    expect(cellWriter(makeField({ name: 'a', kind: 'array', offset: 0, size: 4 }), 'hex')).toBeNull();
  });

  it('shows the beginning of what is long', () => {
    const long = new Array<number>(5000).fill(0x61);
    for (const kind of ['bytes', 'chars'] as const) {
      for (const size of [0, 4000]) {
        const field = makeField({ name: 'long', kind, offset: 8, size });
        expect(cell(field, 'hex', ...long)).toBe('61'.repeat(128));
        if (kind === 'bytes') expect(cell(field, 'text', ...long)).toBe('a'.repeat(256));
      }
    }
  });

  it('takes an address as the number that it is, and leaves it one where that is asked for', () => {
    const field = makeField({ name: 'a', kind: 'ipv4', offset: 0, size: 4 });
    expect(cell(field, 'hex', 127, 0, 0, 1)).toBe('0x7f000001');
    expect(cellWriter(field, 'ipv4')).toBeNull();
  });

  it('is empty where the record ends before it', () => {
    expect(cell(makeField({ name: 'n', kind: 'uint', offset: 0, size: 8 }), 'hex', 1, 2, 3)).toBe('');
    expect(cell(makeField({ name: 'n', kind: 'uint', offset: 0, size: 2 }), 'hex', 1, 2, 3)).toBe('0x201');
  });
});

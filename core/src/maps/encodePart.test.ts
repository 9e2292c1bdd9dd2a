import { describe, expect, it } from 'vitest';
import type { FieldKind, RecordField } from '../model/index.ts';
import { differences, encodePart } from './encodePart.ts';

const field = (
  name: string,
  kind: FieldKind,
  size: number,
  offset = 0,
  more: Partial<RecordField> = {},
): RecordField => ({
  ...{ name, type: kind, offset, bits: 0, size, kind, format: 'plain' },
  ...more,
});
const context = field('context', 'struct', 24, 0, {
  fields: [
    field('len', 'uint', 4),
    field('mark', 'uint', 4, 4),
    field('state', 'enum', 4, 8, { values: { '1': 'OPEN', '2': 'SHUT' } }),
    field('address', 'ipv4', 4, 12, { bigEndian: true }),
    field('cb', 'array', 8, 16, { element: field('', 'uint', 4), count: 2 }),
  ],
});

describe('values that are given in part', () => {
  it('leave the rest zero', () => {
    const bytes = encodePart(context, { mark: 5, cb: [1, 2] }, 'context');
    expect(Buffer.from(bytes).toString('hex')).toBe(`0000000005000000${'00'.repeat(8)}0100000002000000`);
    expect(() => encodePart(context, { mork: 5 }, 'context')).toThrow(/context\.mork/);
    expect(() => encodePart(context, { mark: -1 }, 'context')).toThrow(/context\.mark/);
  });

  it('differ only where they are given', () => {
    const actual = { len: 1, mark: 5, state: 'OPEN', address: '10.0.0.1', cb: [1, 2] };
    expect(differences(context, { mark: 5, state: 1, address: '10.0.0.1', cb: [1, 2] }, actual, 'context')).toEqual([]);
    expect(differences(context, { mark: 6, state: 'SHUT', cb: [1, 3] }, actual, 'context')).toEqual([
      { path: 'context.mark', expected: 6, actual: 5 },
      { path: 'context.state', expected: 'SHUT', actual: 'OPEN' },
      { path: 'context.cb[1]', expected: 3, actual: 2 },
    ]);
    expect(differences(context, { mark: 6 }, undefined, 'context')).toEqual([
      { path: 'context.mark', expected: 6, actual: undefined },
    ]);
    expect(() => differences(context, { stat: 1 }, actual, 'context')).toThrow(/context\.stat/);
  });
});

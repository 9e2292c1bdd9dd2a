import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileExpr, EventStore, RowDecoder, View } from '../index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../testing.ts';
import { Batch } from './batch.ts';
import { compileDerived } from './derived.ts';

const schema = makeSchema(
  makeRecord('struct io', 40, [
    makeField({ name: 'start', kind: 'uint', offset: 0, size: 8, format: 'ns' }),
    makeField({ name: 'end', kind: 'uint', offset: 8, size: 8, format: 'ns' }),
    makeField({ name: 'delay_us', kind: 'int', offset: 16, size: 4, format: 'us' }),
    makeField({ name: 'ret', kind: 'int', offset: 20, size: 4 }),
    makeField({ name: 'comm', kind: 'chars', offset: 24, size: 16 }),
  ]),
);

function row(start: bigint, end: bigint, delay = 0, ret = 0, comm = ''): Uint8Array {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, start, true);
  view.setBigUint64(8, end, true);
  view.setInt32(16, delay, true);
  view.setInt32(20, ret, true);
  bytes.set(new TextEncoder().encode(comm), 24);
  return bytes;
}

function decoderOf(...records: Uint8Array[]): RowDecoder {
  const store = new EventStore();
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  store.append(stream, host, makeSpan(records));
  return new RowDecoder(store, stream, schema);
}

function valueOf(expr: string, record: Uint8Array) {
  const decoder = decoderOf(record);
  const batch = new Batch();
  batch.load(decoder.stream.chunkOf(0)!, 0);
  return compileDerived(`=${expr}`, schema).read(batch, 0, 0);
}

async function matching(where: string, ...records: Uint8Array[]): Promise<number> {
  const view = new View(decoderOf(...records), compileExpr(where, schema));
  await view.caughtUp();
  return view.matching;
}

const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });

describe('computed values', () => {
  it('are exact however large the integers are (property)', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const big = (expr: string): bigint => BigInt(valueOf(expr, row(a, b))!);
        expect(big('end - start')).toBe(b - a);
        expect(big('end + start')).toBe(a + b);
        expect(big('end * start')).toBe(a * b);
        if (a !== 0n) expect(big('end % start')).toBe(b % a);
      }),
      { numRuns: 50 },
    );
  });

  it.each<[string, number | string | null]>([
    ['ret + 2 * 3', 13],
    ['(ret + 2) * 3', 27],
    ['-ret', -7],
    ['ret / 2', 3.5],
    ['ret / 0', null],
    ['10 - 4 - 3', 3],
    ['abs(0 - ret) + min(ret, 2) + max(1, 2)', 11],
    ['len(comm)', 5],
    ['upper(comm) + "-" + ret', 'NGINX-7'],
    ['ret > 3', 1],
    ['ret > 3 && comm == "x"', 0],
    ['delay_us / 1ms', 5],
  ])('%s', (expr, value) => {
    expect(valueOf(expr, row(0n, 0n, 5000, 7, 'nginx'))).toBe(value);
  });

  it('can be compared in filters, in the units of their fields', async () => {
    const rows = [row(0n, 2_000_000n, 3000), row(0n, 500n, 10)];
    expect(await matching('end - start > 1ms', ...rows)).toBe(1);
    expect(await matching('(end - start) / 1000 <= 0.5', ...rows)).toBe(1);
    expect(await matching('delay_us + 5 > 1ms', ...rows)).toBe(1);
    expect(await matching('comm + "x" ~ "^x"', ...rows)).toBe(2);
    expect(await matching('end - start', ...rows)).toBe(2);
  });

  it.each([
    ['comm * 2', /Text cannot be used with \*.*column 1/],
    ['ret + nonsense', /"nonsense" is no field.*column 7/],
    ['sqrt(ret)', /"sqrt" is no function; there are abs/],
    ['len(ret)', /len\(\) takes a text \(column 5\)/],
    ['min(ret)', /min\(\) takes two values/],
    ['ret +', /Expected a field, a number or a text, found the end/],
    ['(ret + 1', /"\(" is not closed/],
  ])('says what is wrong with %s', (expr, message) => {
    expect(() => compileDerived(`=${expr}`, schema)).toThrow(message);
  });

  it('stops at expressions that are nested too deeply', () => {
    expect(() => compileDerived(`=${'-'.repeat(500)}ret`, schema)).toThrow(/too deeply/);
    expect(() => compileDerived(`=${'abs('.repeat(500)}`, schema)).toThrow(/too deeply/);
  });
});

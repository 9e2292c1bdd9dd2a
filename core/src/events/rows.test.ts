import { describe, expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { compileExpr, EventStore, EventTap, RowDecoder, View } from './index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from './testing.ts';

const schema = makeSchema(
  makeRecord('struct event', 24, [
    makeField({ name: 'pid', kind: 'uint', offset: 0, size: 4 }),
    makeField({ name: 'ret', kind: 'int', offset: 4, size: 4 }),
    makeField({ name: 'comm', kind: 'chars', offset: 8, size: 16 }),
  ]),
);

function record(pid: number, ret: number, comm: string): Uint8Array {
  const bytes = new Uint8Array(24);
  new DataView(bytes.buffer).setUint32(0, pid, true);
  new DataView(bytes.buffer).setInt32(4, ret, true);
  bytes.set(new TextEncoder().encode(comm), 8);
  return bytes;
}

describe('from span to rows', () => {
  const store = new EventStore();
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  store.append(stream, host, makeSpan([record(1, 0, 'bash'), record(2, -2, 'nginx'), record(3, 0, 'nginx')]));
  const decoder = new RowDecoder(store, stream, schema);

  it('shows a filtered page', () => {
    const view = new View(decoder, compileExpr('comm ~ "^ng" && ret < 0', schema), { sliceMs: Infinity });
    const page = view.page(-1, 10);
    expect(page.columns.map((column) => column.id)).toEqual(['@time', 'pid', 'ret', 'comm']);
    expect(page.rows.map((row) => row.cells.slice(1))).toEqual([['2', '-2', 'nginx']]);
    expect(page).toMatchObject({ first: 0, matching: 1, stored: 3, delivered: 3, partial: false });
  });

  it('hands out events', () => {
    const tap = new EventTap(decoder, compileExpr('pid >= 3', schema));
    expect(tap.take(10)).toEqual([
      {
        type: 'event',
        host: 'web-1',
        stream: 'events',
        record: 'struct event',
        time: '1700000000000000000',
        cpu: null,
        seq: 2,
        fields: { pid: 3, ret: 0, comm: 'nginx' },
      },
    ]);
    expect(tap.shown).toBe(1);
  });

  it('names the known fields', () => {
    expect(() => compileExpr('pidd == 1', schema)).toThrow(RingsideError);
    expect(() => compileExpr('pidd == 1', schema)).toThrow(/did you mean "pid"/);
  });
});

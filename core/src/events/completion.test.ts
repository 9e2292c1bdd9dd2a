import { describe, expect, it } from 'vitest';
import { completeExpr } from './completion.ts';
import { EventStore, RowDecoder } from './index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from './testing.ts';

const schema = makeSchema(
  makeRecord('struct event', 24, [
    makeField({ name: 'pid', kind: 'uint', offset: 0, size: 4 }),
    makeField({ name: 'state', kind: 'enum', offset: 4, size: 4, values: { '1': 'OPEN', '2': 'CLOSED' } }),
    makeField({ name: 'comm', kind: 'chars', offset: 8, size: 16 }),
  ]),
);

function decoder(): RowDecoder {
  const store = new EventStore();
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  const record = (pid: number, comm: string): Uint8Array => {
    const bytes = new Uint8Array(24);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, pid, true);
    view.setUint32(4, 1, true);
    bytes.set(new TextEncoder().encode(comm), 8);
    return bytes;
  };
  store.append(stream, host, makeSpan([record(7, 'nginx'), record(7, 'node'), record(8, 'say "hi"')]));
  return new RowDecoder(store, stream, schema);
}

/** What is proposed where the text has a |. */
function at(marked: string) {
  const place = marked.indexOf('|');
  const { from, to, items } = completeExpr(decoder(), marked.replace('|', ''), place);
  return { from, to, texts: items.map(({ text }) => text), items };
}

describe('completion of an expression', () => {
  it('begins with the fields, narrowed by what is typed', () => {
    expect(at('|').texts).toEqual(['pid', 'state', 'comm', 'time', 'cpu', 'host', 'stream', 'seq']);
    expect(at('pid == 7 && co|').texts).toEqual(['comm']);
    expect(at('(pi|')).toMatchObject({ from: 1, to: 3, texts: ['pid'] });
  });

  it('replaces the whole name that the place is in', () => {
    expect(at('st|xyz == 1')).toMatchObject({ from: 0, to: 5, texts: ['state', 'stream', 'host'] });
  });

  it('gives the operators that the field takes', () => {
    expect(at('comm |').texts).toEqual(['==', '!=', '~', '!~']);
    expect(at('pid |').texts).toContain('<=');
    expect(at('host |').texts).toEqual(['==', '!=', '~', '!~']);
  });

  it('gives the values that rows have, the most frequent first, and the names of an enum', () => {
    expect(at('pid == |').items.slice(0, 2)).toEqual([
      { text: '7', kind: 'value', detail: '2 rows' },
      { text: '8', kind: 'value', detail: '1 rows' },
    ]);
    expect(at('state == |').texts).toEqual(['OPEN', 'CLOSED']);
    expect(at('host == |').texts).toEqual(['"web-1"']);
  });

  it('takes a quote that was typed, and escapes those in values', () => {
    expect(at('comm == "n|')).toMatchObject({ from: 8, texts: ['"nginx"', '"node"'] });
    expect(at('comm == "sa|').texts).toEqual(['"say \\"hi\\""']);
  });

  it('joins comparisons', () => {
    expect(at('pid == 7 |').texts).toEqual(['&&', '||']);
    expect(at('pid == 7 && |').texts).toContain('comm');
  });

  it('has nothing to say of a field that there is not', () => {
    expect(at('nope == |').texts).toEqual([]);
  });
});

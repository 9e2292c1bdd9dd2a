import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventStore, type EventStream } from './index.ts';
import { makeSpan, noClocks } from './testing.ts';

/** A record whose bytes tell which one it is. */
function numbered(number: number, length = 16): Uint8Array {
  const record = new Uint8Array(length);
  for (let i = 0; i < length; i++) record[i] = (number + i) & 0xff;
  return record;
}

function bytesOf(stream: EventStream, seq: number): number[] | null {
  const place = stream.place(seq);
  return place && [...place.chunk.slab.bytes.subarray(place.offset, place.offset + place.length)];
}

function fresh(options = {}): { store: EventStore; stream: EventStream; host: number } {
  const store = new EventStore(options);
  return { store, stream: store.stream('events'), host: store.addHost('a', noClocks) };
}

describe('EventStore', () => {
  it('numbers rows of all spans and finds each again, whatever lengths and discards (property)', () => {
    const span = fc.array(fc.record({ length: fc.integer({ min: 0, max: 70 }), discarded: fc.boolean() }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(fc.array(span, { maxLength: 6 }), (spans) => {
        const { store, stream, host } = fresh();
        const kept: number[][] = [];
        let next = 0;
        for (const records of spans) {
          const bytes = records.map(({ length }) => numbered(next++, length));
          const discarded = records.flatMap((record, index) => (record.discarded ? [index] : []));
          kept.push(...bytes.filter((_, index) => !discarded.includes(index)).map((record) => [...record]));
          store.append(stream, host, makeSpan(bytes, { discarded }));
        }
        expect(stream.delivered).toBe(kept.length);
        expect(Array.from({ length: kept.length }, (_, seq) => bytesOf(stream, seq))).toEqual(kept);
        expect(stream.place(kept.length)).toBeNull();
      }),
      { numRuns: 200 },
    );
  });

  it('fills batches with the same places as it finds one by one', () => {
    const { store, stream, host } = fresh();
    const records = Array.from({ length: 300 }, (_, i) => numbered(i, (i * 7) % 50));
    store.append(stream, host, makeSpan(records, { discarded: [0, 5, 6, 299] }));
    const chunk = stream.chunkOf(0)!;
    const offsets = new Uint32Array(chunk.count);
    chunk.fillOffsets(0, chunk.count, offsets);
    expect([...offsets]).toEqual(Array.from(offsets, (_, row) => chunk.dataOffset(row)));
    const later = new Uint32Array(10);
    chunk.fillOffsets(chunk.count - 10, 10, later);
    expect([...later]).toEqual([...offsets.subarray(-10)]);
  });

  it('lets the oldest rows leave at the bound and still counts them', () => {
    const { store, stream, host } = fresh({ maxBytes: 8192, slabBytes: 2048 });
    for (let i = 0; i < 200; i++) {
      store.append(stream, host, makeSpan([numbered(i), numbered(i)]));
      expect(store.bytes).toBeLessThanOrEqual(8192);
    }
    expect(stream.delivered).toBe(400);
    expect(stream.evicted).toBeGreaterThan(300);
    expect(stream.stored).toBe(400 - stream.firstSeq);
    expect(stream.place(stream.firstSeq - 1)).toBeNull();
    for (let seq = stream.firstSeq; seq < 400; seq++) expect(bytesOf(stream, seq)).toEqual([...numbered(seq >> 1)]);
  });

  it('takes little spans into account with more than their bytes', () => {
    const { store, stream, host } = fresh({ maxBytes: 1 << 20, slabBytes: 1 << 18 });
    for (let i = 0; i < 20_000; i++) store.append(stream, host, makeSpan([new Uint8Array(0)]));
    // A span of 24 bytes and its bookkeeping: five thousand of them, not forty, fit a MiB.
    expect(stream.stored).toBeLessThan(6000);
  });

  it('keeps streams and hosts apart', () => {
    const store = new EventStore();
    const [a, b] = [store.addHost('a', noClocks), store.addHost('b', noClocks)];
    store.append(store.stream('x'), a, makeSpan([numbered(1)]));
    store.append(store.stream('x'), b, makeSpan([numbered(2), numbered(3)], { cpu: 3 }));
    store.append(store.stream('y'), b, makeSpan([numbered(4)]));
    const x = store.stream('x');
    expect([x.delivered, x.deliveredBy(a), x.deliveredBy(b), store.stream('y').delivered]).toEqual([3, 1, 2, 1]);
    expect([x.chunkOf(0)!.host, x.chunkOf(0)!.cpuAt(x.place(0)!.offset)]).toEqual([a, null]);
    expect(x.chunkOf(2)!.cpuAt(x.place(2)!.offset)).toBe(3);
    expect(x.chunkOf(2)).toMatchObject({ host: b, readTimeNs: 1_700_000_000_000_000_000n });
    expect(store.addHost('b', noClocks)).toBe(b);
    expect(store.hosts).toHaveLength(2);
  });

  it('keeps every row in order when hosts fill their spans at the same time (property)', () => {
    // Each step opens a span for a host, or finishes or aborts the one that it has open.
    const step = fc.record({
      host: fc.integer({ min: 0, max: 2 }),
      records: fc.integer({ min: 1, max: 20 }),
      abort: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const store = new EventStore({ maxBytes: 6144, slabBytes: 2048 });
        const streams = [store.stream('x'), store.stream('x'), store.stream('y')];
        for (const name of ['a', 'b', 'c']) store.addHost(name, noClocks);
        const open = new Map<
          number,
          { span: ReturnType<EventStore['beginSpan']>; payload: Uint8Array; first: number; count: number }
        >();
        const rows = { x: [] as number[], y: [] as number[] };
        let next = 0;
        for (const { host, records, abort } of steps) {
          const stream = streams[host]!;
          const pending = open.get(host);
          if (pending === undefined) {
            const first = next;
            const payload = makeSpan(Array.from({ length: records }, () => numbered(next++)));
            open.set(host, { span: store.beginSpan(stream, host, payload.length), payload, first, count: records });
            continue;
          }
          open.delete(host);
          const { span, payload, first, count } = pending;
          // The bytes come late, just as they do from a slow socket.
          span.bytes.set(payload, span.offset);
          if (abort) {
            store.abortSpan(span);
            continue;
          }
          expect(store.commitSpan(span)).toBe(count);
          const list = stream.name === 'x' ? rows.x : rows.y;
          for (let i = 0; i < count; i++) list.push(first + i);
        }
        for (const stream of store.streams) {
          const list = stream.name === 'x' ? rows.x : rows.y;
          expect(stream.delivered).toBe(list.length);
          for (let seq = stream.firstSeq; seq < stream.delivered; seq++) {
            expect(bytesOf(stream, seq)).toEqual([...numbered(list[seq]!)]);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('refuses what is no span with protocol and stays usable', () => {
    const { store, stream, host } = fresh();
    const good = makeSpan([numbered(1), numbered(2)]);
    const damaged = (change: (view: DataView) => void): Uint8Array => {
      const copy = good.slice();
      change(new DataView(copy.buffer));
      return copy;
    };
    const bad = [
      new Uint8Array(8),
      good.subarray(0, 20),
      good.subarray(0, good.length - 8),
      damaged((view) => view.setUint32(8, 3, true)),
      damaged((view) => view.setUint32(16, 0x80000010, true)),
      damaged((view) => view.setUint32(16, 0x3fffffff, true)),
      damaged((view) => view.setUint32(16, 1000, true)),
    ];
    for (const payload of bad) {
      expect(() => store.append(stream, host, payload)).toThrow(expect.objectContaining({ code: 'protocol' }));
    }
    expect(() => store.beginSpan(stream, host, 64 << 20)).toThrow(expect.objectContaining({ code: 'too-large' }));
    expect(stream.delivered).toBe(0);
    expect(store.append(stream, host, good)).toBe(2);
  });

  it('never fails otherwise on random bytes (property)', () => {
    const { store, stream, host } = fresh({ maxBytes: 1 << 16, slabBytes: 1 << 14 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (payload) => {
        const before = stream.delivered;
        try {
          expect(store.append(stream, host, payload)).toBe(stream.delivered - before);
        } catch (error) {
          expect(error).toMatchObject({ code: 'protocol' });
          expect(stream.delivered).toBe(before);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('clocks of a host', () => {
  it('count for the spans that come after they were told', () => {
    const { store, stream, host } = fresh();
    const moved = { realtimeMinusMonotonicNs: 5_000_000_000n, realtimeMinusBoottimeNs: 1_000_000_000n };
    store.append(stream, host, makeSpan([numbered(1)]));
    expect(store.addHost('a', moved)).toBe(host);
    store.append(stream, host, makeSpan([numbered(2)]));
    expect(stream.chunkOf(0)!.clocks).toMatchObject(noClocks);
    expect(stream.chunkOf(1)!.clocks).toMatchObject(moved);
  });
});

import { describe, expect, it, vi } from 'vitest';
import { EventStore, RunViews } from '../events/index.ts';
import type { RunEvent, StreamSchema } from '../model/index.ts';
import { RowEmitter } from './rowEmitter.ts';

const schema: StreamSchema = {
  stream: 'events',
  records: [
    {
      map: 'events',
      type: 'struct event',
      size: 8,
      confidence: 'declared',
      tag: null,
      fields: [{ name: 'n', type: '__u64', offset: 0, bits: 0, size: 8, kind: 'uint', format: 'plain' }],
    },
  ],
};

/** A DATA payload with records that hold `from`, `from` + 1 … */
function span(from: number, count: number): Uint8Array {
  const bytes = new Uint8Array(16 + count * 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, count, true);
  view.setUint32(12, 0xffffffff, true);
  for (let i = 0; i < count; i++) {
    view.setUint32(16 + i * 16, 8, true);
    view.setBigUint64(24 + i * 16, BigInt(from + i), true);
  }
  return bytes;
}

function setUp(where: string, limit: number | null) {
  const store = new EventStore();
  const host = store.addHost('local', { realtimeMinusMonotonicNs: 0n, realtimeMinusBoottimeNs: 0n });
  const events: number[] = [];
  let emittedAll = 0;
  let limitReached = 0;
  const emitter = new RowEmitter(new RunViews(store, () => [schema]), where, {
    limit,
    emit: (list: RunEvent[]) => {
      for (const e of list) if (e.type === 'event') events.push(e.fields['n'] as number);
    },
    onEmitted: () => emittedAll++,
    onLimit: () => limitReached++,
  });
  emitter.add('events');
  const feed = (from: number, count: number): void => {
    store.append(store.stream('events'), host, span(from, count));
    emitter.wake();
  };
  return { emitter, events, feed, counts: () => ({ emittedAll, limitReached }) };
}

describe('RowEmitter', () => {
  it('hands out every row once, in order, and says when it is through', async () => {
    const { events, feed, emitter, counts } = setUp('', null);
    feed(0, 2500);
    feed(2500, 10);
    await vi.waitFor(() => expect(counts().emittedAll).toBe(1));
    expect(events).toEqual(Array.from({ length: 2510 }, (_, i) => i));
    expect(emitter.emitted('events')).toBe(2510);
    expect(counts()).toMatchObject({ emittedAll: 1, limitReached: 0 });
  });

  it('stops exactly at the limit, and counts matching rows only', async () => {
    const { events, feed, emitter, counts } = setUp('n >= 100', 5);
    feed(0, 1000);
    await vi.waitFor(() => expect(counts().limitReached).toBe(1));
    feed(1000, 1000);
    await emitter.drain();
    expect(events).toEqual([100, 101, 102, 103, 104]);
    expect(counts().limitReached).toBe(1);
  });

  it('drains what is left at the end', async () => {
    const { events, feed, emitter } = setUp('', null);
    feed(0, 5000);
    await emitter.drain();
    expect(events).toHaveLength(5000);
  });

  it('refuses a filter over fields that are not there', () => {
    expect(() => setUp('m == 1', null)).toThrow(expect.objectContaining({ code: 'unknown-field' }));
  });
});

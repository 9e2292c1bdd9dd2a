import { describe, expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { MapFills, type FillableMap, type FillSource } from './mapFill.ts';

const map = (given: Partial<FillableMap>): FillableMap => ({
  ...{ name: 'm', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 1024 },
  ...given,
});

interface Asked extends FillSource {
  limits: number[];
}

function host(maps: FillableMap[], bytes: number[] = [], more: Partial<FillSource> = {}): Asked {
  const limits: number[] = [];
  return {
    ...{ name: 'web-1', readable: true, maps, possibleCpus: 2, limits },
    dumpMap: (_map, limit) => {
      limits.push(limit);
      return Promise.resolve({ bytes: Uint8Array.from(bytes), valueBytes: 8, truncated: false });
    },
    ringPositions: () => Promise.resolve([100n, 260n, 4096n]),
    ...more,
  };
}

const entry = (key: number, value: number): number[] => [key, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0];

describe('how full the maps of a run are', () => {
  it('counts the entries of hashes, and the elements of arrays that are not zero', async () => {
    const both = host(
      [map({ name: 'h' }), map({ name: 'a', type: 'array', maxEntries: 3 })],
      [...entry(0, 7), ...entry(1, 0), ...entry(2, 1)],
    );
    expect(await new MapFills(() => [both]).of(['h', 'a', 'other'])).toEqual([
      { map: 'h', host: 'web-1', unit: 'entries', count: 3, more: false, of: 1024 },
      { map: 'a', host: 'web-1', unit: 'set', count: 2, more: false, of: 3 },
    ]);
  });

  it('tells how many bytes of a ring wait', async () => {
    expect(await new MapFills(() => [host([map({ name: 'r', type: 'ringbuf' })])]).of(['r'])).toEqual([
      { map: 'r', host: 'web-1', unit: 'waiting', count: 160, more: false, of: 4096 },
    ]);
  });

  it('reads a bounded part of a large map, and says that there is more', async () => {
    const large = host([map({ type: 'percpu_hash', valueSize: 100, maxEntries: 10_000_000 })], entry(1, 1), {
      possibleCpus: 64,
    });
    large.dumpMap = (_map, limit) => {
      large.limits.push(limit);
      return Promise.resolve({ bytes: Uint8Array.from(entry(1, 1)), valueBytes: 8, truncated: true });
    };
    expect(await new MapFills(() => [large]).of(['m'])).toMatchObject([{ count: 1, more: true }]);
    expect(large.limits[0]! * (4 + 104 * 64)).toBeLessThanOrEqual(256 << 10);
  });

  it('asks a host at most once a second, and none that is gone', async () => {
    let now = 0;
    const one = host([map({})], entry(1, 1));
    const gone = host([map({})], [], { readable: false });
    const fills = new MapFills(
      () => [one, gone],
      () => now,
    );
    await fills.of(['m']);
    await fills.of(['m']);
    expect([one.limits.length, gone.limits.length]).toEqual([1, 0]);
    now = 1000;
    await fills.of(['m']);
    expect(one.limits.length).toBe(2);
  });

  it('leaves out what has no figure: other types, and a map that cannot be read', async () => {
    const failing = host([map({ name: 'h' }), map({ name: 'q', type: 'queue' })], [], {
      dumpMap: () => Promise.reject(new RingsideError('host-lost', 'gone')),
    });
    expect(await new MapFills(() => [failing]).of(['h', 'q'])).toEqual([]);
  });
});

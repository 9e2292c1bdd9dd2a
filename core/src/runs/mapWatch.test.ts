import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RowsQuery } from '../model/index.ts';
import type { HostRun, MapDumpBytes } from './hostRun.ts';
import { MapWatch, type MapSource } from './mapWatch.ts';
import type { PreparedObject } from './prepare.ts';

const full = new Uint8Array(readFileSync(join(import.meta.dirname, '../../../test/fixtures/objects/maps.bpf.o')));
const map = { name: 'recent', type: 'lru_hash', keySize: 4, valueSize: 8, maxEntries: 500 };
const prepared = { full, report: { maps: [map] } } as unknown as PreparedObject;
const query: RowsQuery = { runId: 'r', stream: 'map:recent', where: '', first: 0, count: 10 };

/** A host whose map holds one entry, 127.0.0.1 and this value. */
function hostWith(value: number): { host: HostRun; reads: () => number; goes(): void; fails(): void } {
  let [reads, failing] = [0, false];
  const host = {
    name: 'web-1',
    readable: true,
    dumpMap: (): Promise<MapDumpBytes> => {
      reads++;
      if (failing) return Promise.reject(new Error('detached'));
      const bytes = Uint8Array.of(127, 0, 0, 1, value, 0, 0, 0, 0, 0, 0, 0);
      return Promise.resolve({ bytes, entries: 1, valueBytes: 8, truncated: false });
    },
  };
  return {
    host: host as unknown as HostRun,
    reads: () => reads,
    goes: () => void (host.readable = false),
    fails: () => void (failing = true),
  };
}

const watch = (host: HostRun): MapWatch => new MapWatch({ prepared, hostRuns: [host] } satisfies MapSource);
const cells = async (maps: MapWatch): Promise<string[][]> => (await maps.page(query)).rows.map((row) => row.cells);

it('reads every map anew for a recording', async () => {
  const { host, reads } = hostWith(7);
  const maps = watch(host);
  expect((await cells(maps))[0]!.at(-1)).toBe('7');
  await maps.readAll();
  expect(reads()).toBe(2);
});

it('keeps the last entries when the host goes away, or fails, while they are read once more', async () => {
  const { host, goes, fails } = hostWith(7);
  const maps = watch(host);
  const before = await cells(maps);
  fails();
  await maps.readAll();
  goes();
  await maps.readAll();
  expect(await cells(maps)).toEqual(before);
});

it('says what to do when nothing was read while it was attached', async () => {
  const { host, goes } = hostWith(7);
  goes();
  await expect(watch(host).page(query)).rejects.toMatchObject({ code: 'not-recorded' });
});

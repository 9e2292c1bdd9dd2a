/**
 * The maps of a recording as its agent gives them: whole, or what changed between two looks. A map holds what was read of
 * it last, up to the place that is being played.
 */
import type { LoadedMap } from '../../agent/generated/agent_pb.ts';
import type { MapDumpBytes } from '../hostRun.ts';

export interface KeptMap extends MapDumpBytes {
  /** When it was read, ns since the Unix epoch. */
  timeNs: bigint;
}

export interface RecordedDelta {
  /** Packed entries: new ones, and those with another value. */
  changed: Uint8Array;
  changedCount: number;
  /** Packed keys. */
  deleted: Uint8Array;
  deletedCount: number;
  entries: number;
  truncated: boolean;
  timeNs: bigint;
}

interface Watch {
  map: string;
  limit: number;
  /** What the watcher was given last. */
  given: KeptMap | null;
  entries: Map<string, Uint8Array>;
}

/** One reading of a map, and the way to it. */
interface Reading {
  map: string;
  timeNs: bigint;
  /** null when it cannot be read. */
  load(): Promise<KeptMap | null>;
}

/** Readings of several maps within this time are one look at all of them; a map that is read again begins another. */
const ONE_LOOK_MS = 500;
/** Times that are told; of more, every so many. */
const MOST_TIMES = 2_000;

export class RecordedMaps {
  private readonly readings: Reading[] = [];
  private shownAt: number | null = null;
  private readonly dumps = new Map<string, KeptMap>();
  private readonly watches = new Map<number, Watch>();
  private last = 0;

  /** `loaded`: the maps of the version that is played. */
  constructor(public loaded: readonly LoadedMap[]) {}

  put(map: string, dump: KeptMap): void {
    this.dumps.set(map, dump);
  }

  /** Remembers where a reading can be found again. */
  remember(reading: Reading): void {
    this.readings.push(reading);
  }

  /** When all maps were read, and the time that is shown; null when none was. */
  kept(): { times: number[]; at: number } | null {
    const times: number[] = [];
    let since = -Infinity;
    const looked = new Set<string>();
    for (const { map, timeNs } of this.readings) {
      const ms = Number(timeNs / 1_000_000n);
      if (ms - since < ONE_LOOK_MS && !looked.has(map)) times[times.length - 1] = ms;
      else {
        times.push(ms);
        since = ms;
        looked.clear();
      }
      looked.add(map);
    }
    const step = Math.ceil(times.length / MOST_TIMES);
    const told = times.filter((_, i) => (times.length - 1 - i) % Math.max(1, step) === 0);
    return told.length === 0 ? null : { times: told, at: this.shownAt ?? told.at(-1)! };
  }

  /** Shows every map as it was read last until then; a map that was not read by then as it was read first. */
  async showAt(ms: number): Promise<void> {
    this.shownAt = ms;
    for (const map of new Set(this.readings.map((reading) => reading.map))) {
      const own = this.readings.filter((reading) => reading.map === map);
      const wanted = own.findLast(({ timeNs }) => Number(timeNs / 1_000_000n) <= ms) ?? own[0]!;
      if (this.get(map)?.timeNs === wanted.timeNs) continue;
      const dump = await wanted.load();
      if (dump !== null && this.shownAt === ms) this.put(map, dump);
    }
  }

  get(map: string): KeptMap | undefined {
    return this.dumps.get(map);
  }

  entry(map: string): LoadedMap | undefined {
    return this.loaded.find(({ name }) => name === map);
  }

  /** At most `limit` entries are given; 0 = all. */
  watch(map: string, limit: number): number {
    this.watches.set(++this.last, { map, limit: limit || Infinity, given: null, entries: new Map() });
    return this.last;
  }

  unwatch(watch: number): void {
    this.watches.delete(watch);
  }

  /** What changed since the last question; null where there is no such watch, or nothing was kept. */
  poll(id: number): RecordedDelta | null {
    const watch = this.watches.get(id);
    const dump = watch && this.dumps.get(watch.map);
    const loaded = watch && this.entry(watch.map);
    if (!watch || !dump || !loaded) return null;
    const frame = {
      entries: dump.entries,
      truncated: dump.truncated || dump.entries > watch.limit,
      timeNs: dump.timeNs,
    };
    if (watch.given === dump) return { ...frame, ...NOTHING };
    const now = split(dump, loaded.keySize, watch.limit);
    const changed = [...now].filter(([key, entry]) => !same(watch.entries.get(key), entry)).map(([, entry]) => entry);
    const deleted = [...watch.entries].filter(([key]) => !now.has(key)).map(([, e]) => e.subarray(0, loaded.keySize));
    watch.given = dump;
    watch.entries = now;
    return {
      ...frame,
      ...{ changed: Buffer.concat(changed), changedCount: changed.length },
      ...{ deleted: Buffer.concat(deleted), deletedCount: deleted.length },
    };
  }
}

const NOTHING = { changed: new Uint8Array(0), changedCount: 0, deleted: new Uint8Array(0), deletedCount: 0 };

/** Entries by their keys. A file may say anything: what is not there is not given. */
function split({ bytes, entries, valueBytes }: KeptMap, keySize: number, limit: number): Map<string, Uint8Array> {
  const size = keySize + valueBytes;
  const found = new Map<string, Uint8Array>();
  const count = size === 0 ? 0 : Math.min(entries, limit, Math.floor(bytes.length / size));
  for (let at = 0; at < count * size; at += size) {
    const entry = bytes.subarray(at, at + size);
    found.set(Buffer.from(entry.subarray(0, keySize)).toString('latin1'), entry);
  }
  return found;
}

const same = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0;

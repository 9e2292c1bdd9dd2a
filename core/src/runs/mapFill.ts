/** How full the maps of a run are: figures beside their definitions, read for little even when a map is large. */
import { isPerCpuMap } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { MapFill } from '../model/index.ts';

/** Counting means reading: so much of a map is read, and what is beyond is said to be more. */
const BUDGET_BYTES = 256 << 10;
/** An answer younger than this answers the next question too: several editors may show one file. */
const FRESH_MS = 900;
/** More definitions than this are in no editor's view. */
const MOST_MAPS = 64;

const withEntries: ReadonlySet<string> = new Set([
  ...['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash', 'lpm_trie', 'stack_trace'],
]);
const arrays: ReadonlySet<string> = new Set(['array', 'percpu_array']);
const rings: ReadonlySet<string> = new Set(['ringbuf', 'user_ringbuf']);

/** A loaded map; sizes are the host's, which may have grown one that the object made too small. */
export interface FillableMap {
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
}

/** What of a run on one host is needed. */
export interface FillSource {
  readonly name: string;
  readonly readable: boolean;
  readonly maps: readonly FillableMap[];
  readonly possibleCpus: number;
  dumpMap(map: string, limit: number): Promise<{ bytes: Uint8Array; valueBytes: number; truncated: boolean }>;
  ringPositions(map: string): Promise<[bigint, bigint, bigint] | null>;
}

interface Kept {
  at: number;
  fill: Promise<MapFill | null>;
}

export class MapFills {
  private readonly known = new Map<string, Kept>();

  constructor(
    private readonly hosts: () => readonly FillSource[],
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The figures of these maps on every host that can be asked; those that cannot be counted are left out. */
  async of(maps: readonly string[]): Promise<MapFill[]> {
    const wanted = new Set(maps.slice(0, MOST_MAPS));
    const asked = this.hosts()
      .filter((host) => host.readable)
      .flatMap((host) => host.maps.filter((map) => wanted.has(map.name)).map((map) => this.fresh(host, map)));
    return (await Promise.all(asked)).filter((fill) => fill !== null);
  }

  private fresh(host: FillSource, map: FillableMap): Promise<MapFill | null> {
    const key = `${host.name}\n${map.name}`;
    const known = this.known.get(key);
    if (known && this.now() - known.at < FRESH_MS) return known.fill;
    const fill = fillOf(host, map).catch((error: unknown) => {
      // A host that has just gone, or a map that was replaced: there is no figure then, and nothing to be told.
      if (RingsideError.from(error).code === 'internal') throw error;
      return null;
    });
    this.known.set(key, { at: this.now(), fill });
    return fill;
  }
}

async function fillOf(host: FillSource, map: FillableMap): Promise<MapFill | null> {
  const common = { map: map.name, host: host.name };
  if (rings.has(map.type)) {
    const ends = await host.ringPositions(map.name);
    if (ends === null) return null;
    const [consumer, producer, size] = ends;
    return { ...common, unit: 'waiting', count: Number(producer - consumer), more: false, of: Number(size) };
  }
  const isArray = arrays.has(map.type);
  if (!isArray && !withEntries.has(map.type)) return null;
  const value = isPerCpuMap(map.type) ? Math.ceil(map.valueSize / 8) * 8 * host.possibleCpus : map.valueSize;
  const limit = Math.max(1, Math.min(map.maxEntries, Math.floor(BUDGET_BYTES / (map.keySize + value))));
  const { bytes, valueBytes, truncated } = await host.dumpMap(map.name, limit);
  const entry = map.keySize + valueBytes;
  const entries = entry === 0 ? 0 : Math.floor(bytes.length / entry);
  const more = truncated || (isArray && entries < map.maxEntries);
  if (!isArray) return { ...common, unit: 'entries', count: entries, more, of: map.maxEntries };
  let count = 0;
  for (let i = 0; i < entries; i++) {
    const start = i * entry + map.keySize;
    if (bytes.subarray(start, start + valueBytes).some((byte) => byte !== 0)) count++;
  }
  return { ...common, unit: 'set', count, more, of: map.maxEntries };
}

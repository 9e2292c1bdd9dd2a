/**
 * The names that stand in a recording: each is written once. They are bounded; a recording of the last minutes keeps those
 * that rows needed last, any other one those that came first. What rows need and is not there is counted.
 */
import {
  MOST_NAME_LENGTH,
  nameBytes,
  nameKinds,
  noNames,
  sameFrames,
  stackBytes,
  type FoundNames,
  type NameKind,
} from '../../recording/names.ts';
import type { NamedIds } from '../namedIds.ts';

/** Bytes that the names of a host take in a recording. */
const MOST_BYTES = 16 << 20;
/** Of the last minutes, what rows needed so short ago is not taken out: they need it again and again. */
const RECENT_NS = 10_000_000_000n;
/** Names that are not there are counted one by one up to so many. */
export const MOST_MISSING = 100_000;

interface Written {
  table: Map<unknown, Written>;
  id: bigint | number;
  /** Of its table, for what is missing. */
  kind: string;
  value: string | readonly bigint[];
  bytes: number;
  /** When a row needed it last, and when it was written; ns on the recorder's clock. */
  neededNs: bigint;
  writtenNs: bigint;
}

interface Missing {
  neededNs: bigint;
  /** Before it was taken out; null: it never was. */
  writtenNs: bigint | null;
}

export interface WrittenNamesOptions {
  /** Of a recording that keeps the last minutes: how much it keeps. */
  windowNs?: bigint | undefined;
  mostBytes?: number;
}

export class WrittenNames {
  private bytes = 0;
  private readonly names: Record<NameKind, Map<bigint, Written>> = {
    user: new Map(),
    group: new Map(),
    symbol: new Map(),
  };
  private readonly stacks = new Map<string, Map<number, Written>>();
  /** Of a recording of the last minutes: all of them, those that were needed longest ago first. */
  private readonly order = new Set<Written>();
  private readonly lacking = new Map<string, Missing>();
  /** The rows in the file begin here, and names that were written until then have left it unless they are known. */
  private fromNs = 0n;
  private goneNs = 0n;
  private readonly windowNs: bigint | undefined;
  private readonly mostBytes: number;

  constructor({ windowNs, mostBytes = MOST_BYTES }: WrittenNamesOptions = {}) {
    this.windowNs = windowNs;
    this.mostBytes = mostBytes;
  }

  /** Rows need these names now. Returns those that are to be written: they are not there yet, or otherwise. */
  add(found: FoundNames, nowNs: bigint): FoundNames {
    const added = noNames();
    for (const kind of nameKinds) {
      const table = this.names[kind];
      for (const [id, name] of found[kind]) {
        if (name === '' || name.length > MOST_NAME_LENGTH) continue;
        if (this.take(kind, table, id, name, nameBytes(name), nowNs)) added[kind].set(id, name);
      }
    }
    for (const [map, stacks] of found.stacks) {
      if (map === '' || map.length > MOST_NAME_LENGTH) continue;
      const table = this.stacks.get(map) ?? new Map<number, Written>();
      this.stacks.set(map, table);
      const fresh = new Map<number, readonly bigint[]>();
      for (const [id, frames] of stacks)
        if (this.take(map, table, id, frames, stackBytes(frames.length), nowNs)) fresh.set(id, frames);
      if (fresh.size > 0) added.stacks.set(map, fresh);
    }
    return added;
  }

  /** Rows need the names of these, and nobody could be asked for them. */
  lack({ stacks, ...names }: NamedIds, nowNs: bigint): void {
    const lack = (kind: string, table: ReadonlyMap<unknown, Written> | undefined, id: bigint | number): void => {
      if (table?.has(id) !== true) this.isMissing(kind, id, { neededNs: nowNs, writtenNs: null });
    };
    for (const kind of nameKinds) for (const id of names[kind]) lack(kind, this.names[kind], id);
    for (const [map, ids] of stacks) for (const id of ids) lack(map, this.stacks.get(map), id);
  }

  private take<K extends bigint | number>(
    kind: string,
    table: Map<K, Written>,
    id: K,
    value: Written['value'],
    bytes: number,
    nowNs: bigint,
  ): boolean {
    const known = table.get(id);
    if (known && isSame(known.value, value)) {
      this.touch(known, nowNs);
      return false;
    }
    // What is replaced leaves a file of the last minutes, and no other one.
    if (known && this.windowNs !== undefined) this.takeOut(known);
    if (!this.makeRoom(bytes, nowNs)) {
      this.isMissing(kind, id, { neededNs: nowNs, writtenNs: null });
      return false;
    }
    this.bytes += bytes;
    const written = { table, id, kind, value, bytes, neededNs: nowNs, writtenNs: nowNs } as Written;
    table.set(id, written);
    if (this.windowNs !== undefined) this.order.add(written);
    this.lacking.delete(keyOf(kind, id));
    return true;
  }

  private touch(known: Written, nowNs: bigint): void {
    known.neededNs = nowNs;
    if (this.windowNs === undefined) return;
    this.order.delete(known);
    this.order.add(known);
  }

  /**
   * Takes out what was needed longest ago, but nothing that is needed all the time: it would be written again and again. As
   * much as an eighth goes at once.
   */
  private makeRoom(bytes: number, nowNs: bigint): boolean {
    if (this.bytes + bytes <= this.mostBytes) return true;
    if (this.windowNs === undefined || bytes > this.mostBytes) return false;
    const oldNs = nowNs - (this.windowNs / 2n < RECENT_NS ? this.windowNs / 2n : RECENT_NS);
    for (const old of this.order) {
      if (old.neededNs > oldNs || this.bytes + bytes <= (this.mostBytes / 8) * 7) break;
      this.takeOut(old);
      this.isMissing(old.kind, old.id, old);
    }
    return this.bytes + bytes <= this.mostBytes;
  }

  private takeOut(old: Written): void {
    this.order.delete(old);
    old.table.delete(old.id);
    this.bytes -= old.bytes;
  }

  private isMissing(kind: string, id: bigint | number, { neededNs, writtenNs }: Missing): void {
    const key = keyOf(kind, id);
    const known = this.lacking.get(key);
    if (known) known.neededNs = neededNs;
    else if (this.lacking.size < MOST_MISSING) this.lacking.set(key, { neededNs, writtenNs });
  }

  /**
   * The file lets go of its chunks of names up to `untilNs`; its rows begin at `fromNs` then. Returns what of the names in
   * those chunks is still known: it is written once more.
   */
  carry(fromNs: bigint, untilNs: bigint): FoundNames {
    this.fromNs = fromNs;
    this.goneNs = untilNs;
    const carried = noNames();
    for (const kind of nameKinds)
      for (const [id, { value, writtenNs }] of this.names[kind])
        if (writtenNs <= untilNs) carried[kind].set(id, value as string);
    for (const [map, table] of this.stacks) {
      const old = [...table].filter(([, { writtenNs }]) => writtenNs <= untilNs);
      if (old.length > 0)
        carried.stacks.set(map, new Map(old.map(([id, { value }]) => [id, value as readonly bigint[]])));
    }
    return carried;
  }

  /** So many names rows need that are in the recording, and they are not: at most MOST_MISSING are counted. */
  missing(nowNs: bigint): number {
    if (this.windowNs === undefined) return this.lacking.size;
    const window = nowNs - this.windowNs;
    const since = window > this.fromNs ? window : this.fromNs;
    const gone = window > this.goneNs ? window : this.goneNs;
    let missing = 0;
    for (const [key, { neededNs, writtenNs }] of this.lacking) {
      if (neededNs < since) this.lacking.delete(key);
      else if (writtenNs === null || writtenNs <= gone) missing++;
    }
    return missing;
  }
}

const keyOf = (kind: string, id: bigint | number): string => `${typeof id} ${kind} ${id}`;

const isSame = (a: Written['value'], b: Written['value']): boolean =>
  typeof a === 'string' || typeof b === 'string' ? a === b : sameFrames(a, b);

/** What a recording says of names that are not in it; "" when all are. */
export function unnamedText(missing: number): string {
  if (missing === 0) return '';
  const count = `${missing.toLocaleString('en-US')}${missing >= MOST_MISSING ? ' or more' : ''}`;
  return missing === 1
    ? 'One user, function or stack is shown as a number: the recording had no room for its name, or the host could not be asked.'
    : `${count} users, functions and stacks are shown as numbers: the recording had no room for their names, or the host could not be asked.`;
}

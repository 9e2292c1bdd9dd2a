/**
 * The entries of one map as they are on the host: packed bytes that deltas change in place, found by key. A million of them
 * take their bytes and some words each, never an object.
 */
import type { RowLayout } from './layout.ts';
import { KEY_AT, RATE_AT } from './layout.ts';

const EMPTY = 0xffffffff;
const FIRST_ROWS = 64;
/** Earlier bytes are kept for at most so many changed rows: marks of more than that would say nothing. */
const MOST_BEFORE = 20_000;

/** What a look at the map found, packed as the agent sends it. */
export interface Delta {
  /** Key, value, key, value …: new ones and those with another value. */
  changed: Uint8Array;
  /** Keys. */
  deleted: Uint8Array;
  /** Without keys: there is nothing now. */
  emptied: boolean;
  /** Nanoseconds since the epoch. */
  time: bigint;
}

/** Rows that the last look changed, with the followed member before and after. */
export interface Changes {
  rows: Uint32Array;
  before: Float64Array;
  after: Float64Array;
}

export class MapTable {
  buffer: ArrayBuffer;
  bytes: Uint8Array;
  view: DataView;
  /** The look at which each row was changed last; 0 = the first. */
  changedAt = new Uint32Array(FIRST_ROWS);
  bornAt = new Uint32Array(FIRST_ROWS);
  alive = new Uint8Array(FIRST_ROWS);
  /** Rows that there are or have been; dead ones are used again. */
  rows = 0;
  count = 0;
  /** Looks taken in. */
  looks = 0;
  /** Rises when keys come or go. */
  keysVersion = 0;
  lastChanges: Changes = { rows: new Uint32Array(0), before: new Float64Array(0), after: new Float64Array(0) };
  /** Bytes of rows before the last look changed them. */
  readonly earlier = new Map<number, Uint8Array>();
  #slots = new Uint32Array(FIRST_ROWS * 2).fill(EMPTY);
  #free: number[] = [];
  #time = 0n;
  /** Nothing is known of any row's changes. */
  #unknown = true;
  #counter: ((view: DataView, base: number) => number) | null;

  constructor(
    readonly layout: RowLayout,
    /** The member whose change a second is kept; "" = none. */
    public rateOf: string,
  ) {
    this.#counter = layout.counter(rateOf);
    this.buffer = new ArrayBuffer(FIRST_ROWS * layout.stride);
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
  }

  /** Follows another member: nothing is known of its changes yet. */
  follow(rateOf: string): void {
    this.rateOf = rateOf;
    this.#counter = this.layout.counter(rateOf);
    for (let row = 0; row < this.rows; row++) this.view.setFloat64(this.base(row) + RATE_AT, Number.NaN, true);
    this.lastChanges = { rows: new Uint32Array(0), before: new Float64Array(0), after: new Float64Array(0) };
    this.#unknown = true;
  }

  base(row: number): number {
    return row * this.layout.stride;
  }

  /** The followed member of a row. */
  counterOf(row: number): number {
    return this.#counter === null ? Number.NaN : this.#counter(this.view, this.base(row));
  }

  rateAt(row: number): number {
    return this.view.getFloat64(this.base(row) + RATE_AT, true);
  }

  key(row: number): Uint8Array {
    const at = this.base(row) + KEY_AT;
    return this.bytes.subarray(at, at + this.layout.keySize);
  }

  /** The value as the host has it: of all CPUs. */
  value(row: number): Uint8Array {
    const { valueAt, cpusAt, valueBytes, sum } = this.layout;
    const at = this.base(row) + (sum === null ? valueAt : cpusAt);
    return this.bytes.subarray(at, at + valueBytes);
  }

  /** The row of a key; -1 = there is none. */
  find(key: Uint8Array): number {
    const slot = this.#slot(key, 0);
    const row = this.#slots[slot]!;
    return row === EMPTY ? -1 : row;
  }

  apply(delta: Delta): void {
    const { keySize, valueBytes } = this.layout;
    const entryBytes = keySize + valueBytes;
    const seconds = this.looks === 0 ? 0 : Number(delta.time - this.#time) / 1e9;
    this.#forgetRates();
    this.earlier.clear();
    this.looks++;
    const changed = entryBytes === 0 ? 0 : Math.floor(delta.changed.length / entryBytes);
    const changes = {
      rows: new Uint32Array(changed),
      before: new Float64Array(changed),
      after: new Float64Array(changed),
    };
    const keep = changed <= MOST_BEFORE;
    for (let i = 0; i < changed; i++) {
      this.#put(delta.changed, i * entryBytes, seconds, keep, changes, i);
    }
    if (keySize > 0)
      for (let at = 0; at + keySize <= delta.deleted.length; at += keySize)
        this.#drop(delta.deleted.subarray(at, at + keySize));
    if (delta.emptied) this.#drop(new Uint8Array(0));
    this.lastChanges = changes;
    this.#time = delta.time;
  }

  /** What did not change has no rate any more. After the first look nothing is known of any. */
  #forgetRates(): void {
    const { stride } = this.layout;
    if (this.#unknown && this.looks > 0) {
      this.#unknown = false;
      for (let row = 0; row < this.rows; row++) this.view.setFloat64(row * stride + RATE_AT, 0, true);
      return;
    }
    for (const row of this.lastChanges.rows) this.view.setFloat64(row * stride + RATE_AT, 0, true);
  }

  #put(from: Uint8Array, at: number, seconds: number, keep: boolean, changes: Changes, i: number): void {
    const { keySize, valueBytes, stride, valueAt, cpusAt, sum, slot, typing } = this.layout;
    const slotAt = this.#slot(from, at);
    let row = this.#slots[slotAt]!;
    const isNew = row === EMPTY;
    if (isNew) {
      row = this.#newRow();
      this.#slots[slotAt] = row;
      this.bytes.set(from.subarray(at, at + keySize), row * stride + KEY_AT);
    }
    const base = row * stride;
    const before = isNew ? 0 : this.counterOf(row);
    if (keep && !isNew) this.earlier.set(row, this.bytes.slice(base, base + stride));
    const value = base + (sum === null ? valueAt : cpusAt);
    this.bytes.set(from.subarray(at + keySize, at + keySize + valueBytes), value);
    if (sum !== null) sum.write(this.view, value, slot, typing.perCpu, this.view, base + valueAt);
    const after = this.counterOf(row);
    this.view.setFloat64(base + RATE_AT, seconds > 0 ? (after - before) / seconds : Number.NaN, true);
    this.changedAt[row] = this.looks;
    if (isNew) {
      this.bornAt[row] = this.looks;
      if (this.count * 2 > this.#slots.length) this.#index(this.#slots.length * 2);
    }
    changes.rows[i] = row;
    changes.before[i] = before;
    changes.after[i] = after;
  }

  #newRow(): number {
    const row = this.#free.pop() ?? this.rows++;
    if (row >= this.alive.length) this.#grow(this.alive.length * 2);
    this.alive[row] = 1;
    this.count++;
    this.keysVersion++;
    return row;
  }

  #drop(key: Uint8Array): void {
    const row = this.find(key);
    if (row < 0) return;
    this.alive[row] = 0;
    this.count--;
    this.keysVersion++;
    this.#free.push(row);
    this.#unslot(key);
  }

  /** Takes a key's slot away and moves up what was put behind it. */
  #unslot(key: Uint8Array): void {
    const mask = this.#slots.length - 1;
    let hole = this.#slot(key, 0);
    this.#slots[hole] = EMPTY;
    for (let at = (hole + 1) & mask; this.#slots[at] !== EMPTY; at = (at + 1) & mask) {
      const row = this.#slots[at]!;
      const home = this.#hash(this.bytes, this.base(row) + KEY_AT) & mask;
      // Between its home and its place nothing may be empty.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#slots[hole] = row;
      this.#slots[at] = EMPTY;
      hole = at;
    }
  }

  #grow(rows: number): void {
    const { stride } = this.layout;
    const bytes = new Uint8Array(new ArrayBuffer(rows * stride));
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.buffer = bytes.buffer;
    this.view = new DataView(this.buffer);
    const longer = (old: Uint32Array): Uint32Array<ArrayBuffer> => {
      const made = new Uint32Array(rows);
      made.set(old);
      return made;
    };
    this.changedAt = longer(this.changedAt);
    this.bornAt = longer(this.bornAt);
    const alive = new Uint8Array(rows);
    alive.set(this.alive);
    this.alive = alive;
  }

  #index(slots: number): void {
    this.#slots = new Uint32Array(slots).fill(EMPTY);
    for (let row = 0; row < this.rows; row++)
      if (this.alive[row] === 1) this.#slots[this.#slot(this.bytes, this.base(row) + KEY_AT)] = row;
  }

  /** The slot that holds the key which lies at `at`, or the empty one where it would be noted. */
  #slot(bytes: Uint8Array, at: number): number {
    const { keySize } = this.layout;
    const mask = this.#slots.length - 1;
    let slot = this.#hash(bytes, at) & mask;
    for (;;) {
      const row = this.#slots[slot]!;
      if (row === EMPTY || this.#same(this.base(row) + KEY_AT, bytes, at, keySize)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #same(own: number, other: Uint8Array, at: number, size: number): boolean {
    const { bytes } = this;
    for (let i = 0; i < size; i++) if (bytes[own + i] !== other[at + i]) return false;
    return true;
  }

  /** FNV-1a with a last mix: keys that count up would lie side by side otherwise. */
  #hash(bytes: Uint8Array, at: number): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < this.layout.keySize; i++) hash = Math.imul(hash ^ bytes[at + i]!, 0x01000193);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x85ebca6b);
    return (hash ^ (hash >>> 13)) >>> 0;
  }
}

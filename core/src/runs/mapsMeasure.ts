/** How many entries the maps of a list have, and how fast they change: by watches that tell little and rest long. */
import type { AgentClient } from '../agent/client.ts';
import { RingsideError } from '../errors.ts';
import type { Ref } from '../maps/index.ts';

/** Watches that are open at once; an agent takes 32 from all that look. */
const MOST_OPEN = 6;
/** Entries that are followed: their changes are counted, the others are only counted. */
const FOLLOWED = 4096;
/** Bytes that one look may bring. */
const MOST_BYTES = 256 << 10;
const LEAST_REST_MS = 1000;
/** A look takes at most so much of the time. */
const REST = 20;
/** Looks after which a map makes room for others that wait. */
const TURN = 3;

export interface Measured {
  entries: number | null;
  changesPerSecond: number | null;
  /** More changed than was followed. */
  atLeast: boolean;
}

export interface Measurable {
  key: string;
  agent: AgentClient;
  ref: Ref;
  entryBytes: number;
}

interface Open {
  of: Measurable;
  watch: number;
  looks: number;
  nextAt: number;
  time: bigint;
}

export class MapsMeasure {
  readonly #results = new Map<string, Measured>();
  readonly #open = new Map<string, Open>();
  #queue: string[] = [];
  #working: Promise<void> | null = null;

  result(key: string): Measured | undefined {
    return this.#results.get(key);
  }

  /** Goes on measuring these, beside whatever else happens. `shown` is measured by whoever shows it. */
  go(maps: readonly Measurable[], shown: string): void {
    this.#working ??= this.#turn(new Map(maps.map((map) => [map.key, map])), shown)
      .catch(() => undefined)
      .finally(() => (this.#working = null));
  }

  async close(): Promise<void> {
    await this.#working;
    await Promise.all([...this.#open.keys()].map((key) => this.#close(key)));
  }

  async #turn(maps: ReadonlyMap<string, Measurable>, shown: string): Promise<void> {
    for (const [key, { of }] of this.#open) if (!maps.has(key) || of.agent.closed) await this.#close(key);
    for (const key of this.#results.keys()) if (!maps.has(key) && key !== shown) this.#results.delete(key);
    const known = new Set(this.#queue);
    this.#queue = [...this.#queue.filter((key) => maps.has(key)), ...[...maps.keys()].filter((key) => !known.has(key))];
    const waiting = this.#queue.filter((key) => !this.#open.has(key));
    for (const [key, { looks }] of this.#open) {
      if (waiting.length === 0 || this.#open.size < MOST_OPEN) break;
      if (looks >= TURN) await this.#close(key, true);
    }
    for (const key of waiting) {
      if (this.#open.size >= MOST_OPEN) break;
      await this.#begin(maps.get(key)!);
    }
    for (const open of [...this.#open.values()]) if (performance.now() >= open.nextAt) await this.#look(open);
  }

  async #begin(of: Measurable): Promise<void> {
    const limit = Math.max(1, Math.min(FOLLOWED, Math.floor(MOST_BYTES / Math.max(1, of.entryBytes))));
    try {
      const opened = await of.agent.request({ case: 'watchMap', value: { map: of.ref, limit } }, 'watchOpened');
      this.#open.set(of.key, { of, watch: opened.watch, looks: 0, nextAt: 0, time: 0n });
    } catch {
      // It stays uncounted, which the list says; whoever opens it hears why.
      this.#queue = [...this.#queue.filter((key) => key !== of.key), of.key];
    }
  }

  async #look(open: Open): Promise<void> {
    const { agent, key } = open.of;
    const began = performance.now();
    try {
      const delta = await agent.request({ case: 'pollWatch', value: { watch: open.watch } }, 'mapDelta');
      for (const blob of [delta.changedBlob, delta.deletedBlob]) if (blob !== 0) agent.takeBlob(blob);
      const seconds = open.looks === 0 ? 0 : Number(delta.timeNs - open.time) / 1e9;
      const changes = delta.changed + delta.deleted;
      const before = this.#results.get(key)?.changesPerSecond ?? null;
      const changesPerSecond = seconds > 0 ? changes / seconds : before;
      this.#results.set(key, { entries: Number(delta.entries), changesPerSecond, atLeast: delta.truncated });
      open.looks++;
      open.time = delta.timeNs;
      open.nextAt = performance.now() + Math.max(LEAST_REST_MS, (performance.now() - began) * REST);
    } catch (error) {
      // Gone, or its host is: what was counted is not true any more.
      if (RingsideError.from(error).code !== 'cancelled') this.#results.delete(key);
      await this.#close(key, true);
    }
  }

  async #close(key: string, toEnd = false): Promise<void> {
    const open = this.#open.get(key);
    this.#open.delete(key);
    if (toEnd) this.#queue = [...this.#queue.filter((other) => other !== key), key];
    if (open === undefined || open.of.agent.closed) return;
    const value = { watch: open.watch };
    await open.of.agent.request({ case: 'closeWatch', value }, 'empty').catch(() => undefined);
  }
}

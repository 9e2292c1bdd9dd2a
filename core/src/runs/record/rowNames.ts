/**
 * Which names recorded rows need: a panel asks for those of the rows that it shows, a recording wants those of all. Of each
 * row only the numbers are read that may have a name, in slices, so that nobody waits for it.
 */
import { setImmediate } from 'node:timers/promises';
import { recordSelector, type EventStore, type EventStream } from '../../events/index.ts';
import { fieldsOf, recordBytes } from '../../events/decode.ts';
import { nameKinds } from '../../recording/names.ts';
import type { RecordInfo, StreamSchema } from '../../model/index.ts';
import { noIds, stacksOf, type NamedIds } from '../namedIds.ts';
import { collectorOf, type Collector } from './namedFields.ts';

/** So long rows are read at once. */
const SLICE_MS = 4;
/** Rows between two looks at the clock. */
const ROWS_AT_ONCE = 4_096;
/** Rows of a stream in one look; of more a part is read that is spread evenly: their numbers repeat. */
const MOST_ROWS = 500_000;
/** Numbers of a kind of a host that wait for their names: the bound of memory. */
const MOST_WAITING = 100_000;
/** So many more may come until those beyond are sorted out: that takes a walk over all. */
const SLACK = 50_000;

export class RowNames {
  /** The first row of each stream that was not looked at yet. */
  private readonly next = new Map<EventStream, number>();
  /** Numbers by host that nobody has been asked for yet. */
  private waiting: NamedIds[] = [];
  /** For which there was no room to wait. */
  private beyond: NamedIds[] = [];
  private looking: Promise<void> | undefined;

  /** `schemas`: of the streams as they are called now. */
  constructor(
    private readonly store: EventStore,
    private readonly schemas: () => readonly StreamSchema[],
    private readonly mostRows = MOST_ROWS,
  ) {}

  /** Rows that have come until now need no names: they are not recorded. */
  skip(): void {
    for (const stream of this.store.streams) this.next.set(stream, stream.delivered);
    this.waiting = [];
    this.beyond = [];
  }

  /** Looks at the rows that have come since. */
  async look(): Promise<void> {
    await this.looking;
    this.looking ??= this.lookAtAll().finally(() => (this.looking = undefined));
    await this.looking;
  }

  /** Looks, and gives the numbers that may have names by host; they are not given again. */
  async take(): Promise<NamedIds[]> {
    await this.look();
    for (const host of this.waiting.keys()) this.bound(host, MOST_WAITING);
    const { waiting } = this;
    this.waiting = [];
    return waiting;
  }

  /** The numbers that were too many to be given, by host: their rows go without names. */
  takeBeyond(): NamedIds[] {
    const { beyond } = this;
    this.beyond = [];
    return beyond;
  }

  /** These could not be asked for: they are given once more. */
  putBack(host: number, ids: NamedIds): void {
    const own = this.of(host);
    for (const kind of nameKinds) for (const id of ids[kind]) own[kind].add(id);
    for (const [map, stacks] of ids.stacks) for (const id of stacks) stacksOf(own, map).add(id);
  }

  private of(host: number): NamedIds {
    return (this.waiting[host] ??= noIds());
  }

  private async lookAtAll(): Promise<void> {
    for (const schema of this.schemas()) {
      const types = schema.records.map(typeOf);
      if (types.some(({ collect }) => collect !== null)) await this.lookAt(schema, types);
    }
  }

  private async lookAt(schema: StreamSchema, types: readonly RecordType[]): Promise<void> {
    const stream = this.store.stream(schema.stream);
    const last = stream.delivered - 1;
    const from = Math.max(stream.firstSeq, this.next.get(stream) ?? 0);
    this.next.set(stream, stream.delivered);
    const step = Math.max(1, Math.ceil((last + 1 - from) / this.mostRows));
    const select = recordSelector(schema);
    let until = performance.now() + SLICE_MS;
    for (let seq = last - Math.floor((last - from) / step) * step; seq <= last;) {
      const chunk = stream.chunkOf(seq);
      if (chunk === null) {
        // It has left the store meanwhile.
        seq += Math.max(1, Math.ceil((stream.firstSeq - seq) / step)) * step;
        continue;
      }
      const ids = this.of(chunk.host);
      const end = Math.min(last + 1, chunk.firstSeq + chunk.count, seq + step * ROWS_AT_ONCE);
      const { view } = chunk.slab;
      for (; seq < end; seq += step) {
        const offset = chunk.dataOffset(seq - chunk.firstSeq);
        const length = chunk.lengthAt(offset);
        const type = types[select(view, offset, length)];
        type?.collect?.(view, offset, offset + Math.min(length, type.mostBytes), ids);
      }
      this.bound(chunk.host, MOST_WAITING + SLACK);
      if (performance.now() < until) continue;
      await setImmediate();
      until = performance.now() + SLICE_MS;
    }
  }

  /** Of more than `most` those that came last get no name. */
  private bound(host: number, most: number): void {
    const ids = this.of(host);
    const beyond = (this.beyond[host] ??= noIds());
    for (const kind of nameKinds) moveBeyond(ids[kind], most, beyond[kind]);
    for (const [map, stacks] of ids.stacks) moveBeyond(stacks, most, stacksOf(beyond, map));
  }
}

interface RecordType {
  collect: Collector | null;
  /** What lies behind them is padding. */
  mostBytes: number;
}

const typeOf = (record: RecordInfo): RecordType => ({
  collect: collectorOf(fieldsOf(record)),
  mostBytes: recordBytes(record, Infinity),
});

function moveBeyond<T>(ids: Set<T>, most: number, beyond: Set<T>): void {
  if (ids.size <= most) return;
  let place = 0;
  for (const id of ids) {
    if (place++ < MOST_WAITING) continue;
    ids.delete(id);
    if (beyond.size < MOST_WAITING) beyond.add(id);
  }
}

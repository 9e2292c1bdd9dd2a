/** The streams of one host's share of a run: from the agent into the store, and what their account says. */
import { create } from '@bufbuild/protobuf';
import { StreamStatsSchema, type StreamStats, type SwapResult } from '../agent/generated/agent_pb.ts';
import type { StreamConsumer } from '../agent/client.ts';
import { nothing, PerCpuMerge, type Wire } from '../events/index.ts';
import type { AgentCounters, EventStore, EventStream, SpanReservation } from '../events/index.ts';
import type { MapInfo, StreamSchema } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { ConnectedHost } from './hosts.ts';

interface OpenedStream {
  id: number;
  map: string;
  stream: EventStream;
  /** Perf buffers come CPU by CPU. */
  merge: PerCpuMerge | null;
  /** Bytes committed and not yet granted anew, when somebody else decides about consumption. */
  heldBytes: number;
  /** Its last figures, once its map has been replaced. */
  ended: StreamStats | null;
}

/** A map that yields records. */
export type StreamMap = Pick<MapInfo, 'name' | 'type'>;

export interface HostStreamsCallbacks {
  /** Rows came in. */
  onRows(): void;
  /** What of the run's filter the agent evaluates for this stream; null = it sends everything. */
  filterOf(stream: string): Wire | null;
  /** How the records of a stream are laid out. */
  schemaOf(stream: string): StreamSchema;
  /** True while committed bytes are granted anew at once; false when the run grants them after emitting the rows. */
  grantAtOnce(): boolean;
}

export class HostStreams {
  private readonly all: OpenedStream[] = [];
  private readonly openSpans = new Set<SpanReservation>();

  constructor(
    private readonly host: ConnectedHost,
    /** Index of the host in the store. */
    private readonly index: number,
    private readonly store: EventStore,
    private readonly callbacks: HostStreamsCallbacks,
  ) {}

  async open(objectId: number, map: StreamMap, call: CallOptions): Promise<void> {
    const opened = this.expect(map);
    const { stream } = await this.host.agent.openStream({ objectId, map: map.name }, this.consumer(opened), call);
    opened.id = stream;
    this.all.push(opened);
    await this.filter(opened, call);
  }

  /** Streams that the agent has already, of a run that is taken over. Nothing comes before `begin`. */
  adopt(
    maps: readonly StreamMap[],
    streams: readonly { map: string; stream?: { stream: number } | undefined }[],
  ): void {
    for (const { map, stream } of streams) {
      const known = maps.find((m) => m.name === map);
      if (known === undefined || stream === undefined) continue;
      const opened = this.expect(known);
      opened.id = stream.stream;
      this.host.agent.takeStream(opened.id, this.consumer(opened));
      this.all.push(opened);
    }
  }

  async begin(call: CallOptions): Promise<void> {
    for (const opened of this.all) {
      await this.filter(opened, call);
      this.host.agent.begin(opened.id);
    }
  }

  private expect({ name, type }: StreamMap): OpenedStream {
    const stream = this.store.stream(name);
    const merge = type === 'perf_event_array' ? this.merge(stream) : null;
    return { id: 0, map: name, stream, merge, heldBytes: 0, ended: null };
  }

  private merge(stream: EventStream): PerCpuMerge {
    return new PerCpuMerge(this.callbacks.schemaOf(stream.name), {
      clocks: () => this.host.agent.clocks,
      emit: (span) => this.store.append(stream, this.index, span),
      onLate: () => this.callbacks.onRows(),
    });
  }

  /** Who takes the streams that a swap opens: their first records may stand behind the answer. */
  takers(maps: readonly StreamMap[]): {
    consumers: Map<string, StreamConsumer>;
    swapped: (result: SwapResult) => void;
  } {
    const expected = new Map(maps.map((map) => [map.name, this.expect(map)]));
    const consumers = new Map([...expected].map(([map, opened]) => [map, this.consumer(opened)]));
    const swapped = (result: SwapResult): void => {
      for (const opened of this.live()) {
        if (!result.endedStreams.includes(opened.id)) continue;
        opened.merge?.flush();
        opened.ended = result.old?.streams.find((s) => s.stream === opened.id) ?? create(StreamStatsSchema);
      }
      for (const { map, stream } of result.openedStreams) {
        const opened = expected.get(map);
        if (opened === undefined || stream === undefined) continue;
        opened.id = stream.stream;
        this.all.push(opened);
      }
    };
    return { consumers, swapped };
  }

  /** The filters of streams that a swap opened. */
  async filterOpened(result: SwapResult, call: CallOptions): Promise<void> {
    const ids = result.openedStreams.map((s) => s.stream?.stream);
    for (const opened of this.all) if (ids.includes(opened.id)) await this.filter(opened, call);
  }

  /** Before anything is attached, so that it holds for every record. */
  private async filter(opened: OpenedStream, call: CallOptions): Promise<void> {
    const wire = this.callbacks.filterOf(opened.map);
    if (wire === null) return;
    const alternatives = (wire.length === 0 ? [[nothing]] : wire).map((conditions) => ({
      conditions: [...conditions],
    }));
    const value = { stream: opened.id, alternatives };
    await this.host.agent.request({ case: 'setStreamFilter', value }, 'empty', call);
  }

  private consumer(opened: OpenedStream): StreamConsumer {
    return opened.merge === null ? this.direct(opened) : this.merged(opened, opened.merge);
  }

  /** Samples wait for those of other CPUs before they go to the store. */
  private merged(opened: OpenedStream, merge: PerCpuMerge): StreamConsumer {
    let payload = new Uint8Array(0);
    return {
      reserve: (length) => (payload = new Uint8Array(length)),
      commit: (length) => {
        merge.add(payload);
        this.taken(opened, length);
      },
    };
  }

  /** Straight into the store's memory. */
  private direct(opened: OpenedStream): StreamConsumer {
    let span: SpanReservation | undefined;
    return {
      reserve: (length) => {
        span = this.store.beginSpan(opened.stream, this.index, length);
        this.openSpans.add(span);
        return span.bytes.subarray(span.offset, span.offset + length);
      },
      commit: (length) => {
        this.openSpans.delete(span!);
        this.store.commitSpan(span!);
        this.taken(opened, length);
      },
    };
  }

  private taken(opened: OpenedStream, length: number): void {
    if (this.callbacks.grantAtOnce()) this.host.agent.consumed(opened.id, length);
    else opened.heldBytes += length;
    this.callbacks.onRows();
  }

  /** Nothing more is to come: hands out what waits for samples of other CPUs. */
  flush(): void {
    for (const { merge } of this.all) merge?.flush();
  }

  private live(): OpenedStream[] {
    return this.all.filter((s) => s.ended === null);
  }

  /** The open streams as RunDescription has them. */
  opened(): { map: string; stream: { stream: number; kind: string } }[] {
    return this.live().map(({ id, map, merge }) => ({
      map,
      stream: { stream: id, kind: merge === null ? 'ringbuf' : 'perf' },
    }));
  }

  /** Lets the agent send again what was held back until the rows had been emitted. */
  grantHeld(): void {
    for (const opened of this.all) {
      if (opened.heldBytes === 0) continue;
      this.host.agent.consumed(opened.id, opened.heldBytes);
      opened.heldBytes = 0;
    }
  }

  /** Gives back what a lost connection cut off in the middle of a frame. */
  abort(): void {
    this.flush();
    for (const span of this.openSpans) this.store.abortSpan(span);
    this.openSpans.clear();
  }

  /** This host's counters of one stream of the store, over all maps that fed it. Before the first figures nothing is known. */
  counters(name: string, current: readonly StreamStats[], final: boolean): AgentCounters {
    const fed = this.all.filter((s) => s.stream.name === name);
    const figures = fed.map((s) => s.ended ?? current.find((c) => c.stream === s.id));
    const sum = (of: (stats: StreamStats) => bigint): bigint =>
      figures.reduce((total, stats) => total + (stats === undefined ? 0n : of(stats)), 0n);
    const delivered = fed[0]?.stream.deliveredBy(this.index) ?? 0;
    const arrived = this.host.recorded?.delivered(name);
    return {
      ...(arrived !== undefined && { notRecorded: arrived === null ? null : Math.max(0, arrived - delivered) }),
      recordsRead: sum((s) => s.recordsRead),
      recordsSent: sum((s) => s.recordsSent),
      recordsDropped: sum((s) => s.recordsDropped),
      recordsFiltered: sum((s) => s.recordsFiltered),
      kernelLost: sum((s) => s.kernelLost),
      kernelLostKnown: figures.length > 0 && figures.every((s) => s?.kernelLostKnown === true),
      delivered,
      outOfOrder: fed.reduce((total, { merge }) => total + (merge?.outOfOrder ?? 0), 0),
      final: final || (fed.length > 0 && fed.every((s) => s.ended !== null)),
    };
  }
}

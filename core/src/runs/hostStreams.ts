/** The streams of one host's share of a run: from the agent into the store, and what their account says. */
import { create } from '@bufbuild/protobuf';
import { StreamStatsSchema, type StreamStats, type SwapResult } from '../agent/generated/agent_pb.ts';
import type { StreamConsumer } from '../agent/client.ts';
import { nothing, type Wire } from '../events/index.ts';
import type { AgentCounters, EventStore, EventStream, SpanReservation } from '../events/index.ts';
import type { CallOptions } from '../progress.ts';
import type { ConnectedHost } from './hosts.ts';

interface OpenedStream {
  id: number;
  map: string;
  stream: EventStream;
  /** Bytes committed and not yet granted anew, when somebody else decides about consumption. */
  heldBytes: number;
  /** Its last figures, once its map has been replaced. */
  ended: StreamStats | null;
}

export interface HostStreamsCallbacks {
  /** Rows came in. */
  onRows(): void;
  /** What of the run's filter the agent evaluates for this stream; null = it sends everything. */
  filterOf(stream: string): Wire | null;
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

  async open(objectId: number, map: string, call: CallOptions): Promise<void> {
    const opened = this.expect(map);
    const { stream } = await this.host.agent.openStream({ objectId, map }, this.consumer(opened), call);
    opened.id = stream;
    this.all.push(opened);
    await this.filter(opened, call);
  }

  private expect(map: string): OpenedStream {
    return { id: 0, map, stream: this.store.stream(map), heldBytes: 0, ended: null };
  }

  /** Who takes the streams that a swap opens: their first records may stand behind the answer. */
  takers(maps: readonly string[]): { consumers: Map<string, StreamConsumer>; swapped: (result: SwapResult) => void } {
    const expected = new Map(maps.map((map) => [map, this.expect(map)]));
    const consumers = new Map([...expected].map(([map, opened]) => [map, this.consumer(opened)]));
    const swapped = (result: SwapResult): void => {
      for (const opened of this.live()) {
        if (!result.endedStreams.includes(opened.id)) continue;
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
        if (this.callbacks.grantAtOnce()) this.host.agent.consumed(opened.id, length);
        else opened.heldBytes += length;
        this.callbacks.onRows();
      },
    };
  }

  private live(): OpenedStream[] {
    return this.all.filter((s) => s.ended === null);
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
    for (const span of this.openSpans) this.store.abortSpan(span);
    this.openSpans.clear();
  }

  /** This host's counters of one stream of the store, over all maps that fed it. Before the first figures nothing is known. */
  counters(name: string, current: readonly StreamStats[], final: boolean): AgentCounters {
    const fed = this.all.filter((s) => s.stream.name === name);
    const figures = fed.map((s) => s.ended ?? current.find((c) => c.stream === s.id));
    const sum = (of: (stats: StreamStats) => bigint): bigint =>
      figures.reduce((total, stats) => total + (stats === undefined ? 0n : of(stats)), 0n);
    return {
      recordsRead: sum((s) => s.recordsRead),
      recordsSent: sum((s) => s.recordsSent),
      recordsDropped: sum((s) => s.recordsDropped),
      recordsFiltered: sum((s) => s.recordsFiltered),
      kernelLost: sum((s) => s.kernelLost),
      kernelLostKnown: figures.length > 0 && figures.every((s) => s?.kernelLostKnown === true),
      delivered: fed[0]?.stream.deliveredBy(this.index) ?? 0,
      final: final || (fed.length > 0 && fed.every((s) => s.ended !== null)),
    };
  }
}

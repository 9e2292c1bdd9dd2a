/** One host's share of a run: the loaded object, its streams, attachments and figures. */
import type { LeftOut, Print, Stats } from '../agent/generated/agent_pb.ts';
import { isErrorCode, RingsideError } from '../errors.ts';
import { nothing, type Wire } from '../events/index.ts';
import type { AgentCounters, EventStore, EventStream, SpanReservation } from '../events/index.ts';
import type { AttachmentInfo, AttachSpec, IteratorText, LeftOutProgram, RunNote } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { ConnectedHost } from './hosts.ts';
import { loadPlan, type LoadPlan, type LoadSpec } from './loadPlan.ts';
import type { PreparedObject } from './prepare.ts';

/** Map types that yield records. */
export const streamMapTypes = new Set(['ringbuf', 'perf_event_array']);

export interface OpenedStream {
  id: number;
  map: string;
  stream: EventStream;
  /** Bytes committed and not yet granted anew, when somebody else decides about consumption. */
  heldBytes: number;
}

export interface HostRunCallbacks {
  /** Rows came in. */
  onRows(): void;
  onPrints(host: HostRun, prints: Print[]): void;
  /** What of the run's filter the agent evaluates for this stream; null = it sends everything. */
  filterOf(stream: string): Wire | null;
  /** True while committed bytes are granted anew at once; false when the run grants them after emitting the rows. */
  grantAtOnce(): boolean;
}

export class HostRun {
  readonly streams: OpenedStream[] = [];
  attachments: AttachmentInfo[] = [];
  leftOut: LeftOutProgram[] = [];
  notes: RunNote[] = [];
  stats: Stats | undefined;
  /** Why the host is gone, once it is. */
  lost: RingsideError | undefined;
  private objectId = 0;
  private plan: LoadPlan | undefined;
  /** The figures in `stats` were taken after the last record. */
  private drained = false;
  /** Index of this host in the event store. */
  readonly index: number;
  private readonly openSpans = new Set<SpanReservation>();
  private stopEvents: (() => void) | undefined;

  constructor(
    readonly host: ConnectedHost,
    public object: PreparedObject,
    private readonly store: EventStore,
    private readonly callbacks: HostRunCallbacks,
  ) {
    this.index = store.addHost(host.name, host.agent.clocks);
  }

  get name(): string {
    return this.host.name;
  }

  /** Loads the object as the user and the object itself say. Errors: what libbpf and the verifier say. */
  async load(spec: LoadSpec, call: CallOptions): Promise<void> {
    const { agent } = this.host;
    await this.unload();
    [this.leftOut, this.notes] = [[], []];
    const plan = await loadPlan(this.object, spec, 'run');
    const objectBlob = await agent.sendBlob(plan.bytes, call);
    const kernelBtfBlob = plan.kernelBtf === null ? 0 : await agent.sendBlob(plan.kernelBtf, call);
    const options = { ...plan.options, kernelBtfBlob };
    const loaded = await agent.request({ case: 'loadObject', value: { objectBlob, options } }, 'load', call);
    this.objectId = loaded.objectId;
    this.plan = plan;
    this.leftOut = plan.leftOut.map((left) => ({ host: this.name, ...left }));
    this.addLeftOut(loaded.leftOut);
    for (const { about, text } of plan.notes) this.notes.push({ host: this.name, about, text });
    for (const { name, chosen } of loaded.maps) {
      if (chosen !== '')
        this.notes.push({ host: this.name, about: name, text: `The object leaves it open: ${chosen}.` });
    }
  }

  /** How many programs were left out because of the verifier's verdict. */
  get rejected(): number {
    return this.leftOut.filter((l) => l.error.code === 'verifier-rejected').length;
  }

  private addLeftOut(left: readonly LeftOut[]): void {
    for (const { program, section, reason, instead } of left) {
      const { code = '', message = '', hint = '' } = reason ?? {};
      const error = new RingsideError(isErrorCode(code) ? code : 'internal', message, { remedy: hint });
      const own = this.plan?.sections.get(program) ?? section;
      this.leftOut.push({ host: this.name, program, section: own, error: error.toData(), instead });
    }
  }

  /** Opens every stream before anything is attached, so that the first record is not missed. */
  async openStreams(call: CallOptions): Promise<void> {
    const { agent } = this.host;
    for (const map of this.object.report.maps.filter((m) => streamMapTypes.has(m.type))) {
      const opened: OpenedStream = { id: 0, map: map.name, stream: this.store.stream(map.name), heldBytes: 0 };
      const { stream } = await agent.openStream(
        { objectId: this.objectId, map: map.name },
        this.consumer(opened),
        call,
      );
      opened.id = stream;
      this.streams.push(opened);
      await this.filter(opened, call);
    }
    this.stopEvents = agent.onEvent(({ event }) => {
      if (event.case === 'clocks') this.store.addHost(this.name, this.host.agent.clocks);
      if (event.case !== 'prints' || event.value.objectId !== this.objectId) return;
      this.callbacks.onPrints(this, event.value.prints);
    });
    await agent.request({ case: 'openPrints', value: { objectId: this.objectId } }, 'empty', call);
  }

  /** Before anything is attached, so that it holds for every record. */
  private async filter(opened: OpenedStream, call: CallOptions): Promise<void> {
    const wire = this.callbacks.filterOf(opened.map);
    if (wire === null) return;
    const alternatives = (wire.length === 0 ? [[nothing]] : wire).map((conditions) => ({
      conditions: [...conditions],
    }));
    await this.host.agent.request(
      { case: 'setStreamFilter', value: { stream: opened.id, alternatives } },
      'empty',
      call,
    );
  }

  private consumer(opened: OpenedStream): { reserve(length: number): Uint8Array; commit(length: number): void } {
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

  /** Lets the agent send again what was held back until the rows had been emitted. */
  grantHeld(): void {
    for (const opened of this.streams) {
      if (opened.heldBytes === 0) continue;
      this.host.agent.consumed(opened.id, opened.heldBytes);
      opened.heldBytes = 0;
    }
  }

  /** Attaches what was loaded. Without programs that the user named, what cannot be attached is left out and said. */
  async attach(spec: Pick<AttachSpec, 'programs'>, call: CallOptions): Promise<void> {
    const left = new Set(this.leftOut.map((l) => l.program));
    const leaveOut = spec.programs.length === 0;
    const programs = this.plan!.programs.filter((p) => !left.has(p.name)).map(({ name, target }) => ({
      program: name,
      target,
      leaveOut,
    }));
    const answer = await this.host.agent.request(
      { case: 'attach', value: { objectId: this.objectId, programs } },
      'attach',
      call,
    );
    this.addLeftOut(answer.leftOut);
    this.attachments = answer.attachments.map((a) => ({
      host: this.name,
      program: a.program,
      section: this.plan!.sections.get(a.program) ?? a.section,
      target: a.target,
      link: { id: a.linkId, kind: a.linkKind },
    }));
  }

  async refreshStats(): Promise<void> {
    this.stats = await this.host.agent.request({ case: 'getStats', value: { objectId: this.objectId } }, 'stats');
  }

  /** The packed entries of a map, as DumpMap gives them. */
  async dumpMap(map: string, limit: number): Promise<{ bytes: Uint8Array; valueBytes: number; truncated: boolean }> {
    const dump = await this.host.agent.request(
      { case: 'dumpMap', value: { objectId: this.objectId, map, limit } },
      'mapDump',
    );
    const bytes = dump.entries === 0 ? new Uint8Array(0) : this.host.agent.takeBlob(dump.blob);
    return { bytes, valueBytes: dump.valueBytes, truncated: dump.truncated };
  }

  async readIterator(program: string): Promise<IteratorText> {
    const { agent } = this.host;
    const pass = await agent.request(
      { case: 'readIterator', value: { objectId: this.objectId, program } },
      'iteratorText',
    );
    const bytes = pass.bytes === 0n ? new Uint8Array(0) : agent.takeBlob(pass.blob);
    return { text: new TextDecoder().decode(bytes), truncated: pass.truncated, time: String(pass.timeNs) };
  }

  /** How many of the records found room. */
  async writeUserRing(map: string, records: Uint8Array[]): Promise<number> {
    const { agent } = this.host;
    const value = { objectId: this.objectId, map, records };
    const answer = await agent.request({ case: 'writeUserRing', value }, 'userRingWritten');
    return answer.written;
  }

  /** Detaches and drains; the last figures are exact. Rows that are still on their way come before this resolves. */
  async detach(): Promise<void> {
    if (this.objectId === 0 || this.host.agent.closed) return;
    const { stats } = await this.host.agent.request({ case: 'detach', value: { objectId: this.objectId } }, 'detach');
    if (stats) {
      this.stats = stats;
      this.drained = true;
    }
  }

  /** Frees everything on the host. Never throws: it is also what undoes a failed attach. */
  async close(): Promise<void> {
    this.stopEvents?.();
    for (const span of this.openSpans) this.store.abortSpan(span); // cut off in the middle of a frame
    this.openSpans.clear();
    await this.unload();
  }

  private async unload(): Promise<void> {
    const id = this.objectId;
    this.objectId = 0;
    if (id === 0 || this.host.agent.closed) return;
    await this.host.agent.request({ case: 'closeObject', value: { objectId: id } }, 'empty').catch(() => undefined);
  }

  /** True while its maps can be read. */
  get readable(): boolean {
    return this.objectId !== 0 && !this.host.agent.closed;
  }

  /** This host's counters of one stream, for the ledger. Before the first figures nothing is known of the kernel. */
  counters(map: string): AgentCounters {
    const opened = this.streams.find((s) => s.map === map);
    const stats = this.stats?.streams.find((s) => s.stream === opened?.id);
    return {
      recordsRead: stats?.recordsRead ?? 0n,
      recordsSent: stats?.recordsSent ?? 0n,
      recordsDropped: stats?.recordsDropped ?? 0n,
      recordsFiltered: stats?.recordsFiltered ?? 0n,
      kernelLost: stats?.kernelLost ?? 0n,
      kernelLostKnown: stats?.kernelLostKnown ?? false,
      delivered: opened?.stream.deliveredBy(this.index) ?? 0,
      final: this.drained,
    };
  }
}

/** One host's share of a run: the loaded object, its streams, attachments and figures. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ObjectOptionsSchema, Print, Stats } from '../agent/generated/agent_pb.ts';
import { BpfObject, encodeGlobal } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { AgentCounters, EventStore, EventStream, SpanReservation } from '../events/index.ts';
import type { AttachmentInfo, AttachSpec, InspectReport } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { ConnectedHost } from './hosts.ts';
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
  /** True while committed bytes are granted anew at once; false when the run grants them after emitting the rows. */
  grantAtOnce(): boolean;
}

export class HostRun {
  readonly streams: OpenedStream[] = [];
  attachments: AttachmentInfo[] = [];
  stats: Stats | undefined;
  /** Why the host is gone, once it is. */
  lost: RingsideError | undefined;
  private objectId = 0;
  /** The figures in `stats` were taken after the last record. */
  private drained = false;
  /** Index of this host in the event store. */
  readonly index: number;
  private readonly openSpans = new Set<SpanReservation>();
  private stopEvents: (() => void) | undefined;

  constructor(
    readonly host: ConnectedHost,
    readonly object: PreparedObject,
    private readonly store: EventStore,
    private readonly callbacks: HostRunCallbacks,
  ) {
    const { realtimeMinusMonotonicNs, realtimeMinusBoottimeNs } = host.agent.hello;
    this.index = store.addHost(host.name, { realtimeMinusMonotonicNs, realtimeMinusBoottimeNs });
  }

  get name(): string {
    return this.host.name;
  }

  /** Loads the object: globals set, chosen programs only. Errors: what libbpf and the verifier say. */
  async load(spec: Pick<AttachSpec, 'programs' | 'set'>, call: CallOptions): Promise<void> {
    const { agent } = this.host;
    const options = objectOptions(this.object, spec);
    const objectBlob = await agent.sendBlob(this.object.stripped, call);
    const loaded = await agent.request({ case: 'loadObject', value: { objectBlob, options } }, 'load', call);
    this.objectId = loaded.objectId;
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
    }
    this.stopEvents = agent.onEvent(({ event }) => {
      if (event.case !== 'prints' || event.value.objectId !== this.objectId) return;
      this.callbacks.onPrints(this, event.value.prints);
    });
    await agent.request({ case: 'openPrints', value: { objectId: this.objectId } }, 'empty', call);
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

  async attach(spec: Pick<AttachSpec, 'programs' | 'targets'>, call: CallOptions): Promise<void> {
    const programs = this.wantedPrograms(spec.programs).map((program) => ({
      program,
      target: Object.fromEntries(
        spec.targets.filter((t) => t.program === '' || t.program === program).map((t) => [t.key, t.value]),
      ),
    }));
    const { attachments } = await this.host.agent.request(
      { case: 'attach', value: { objectId: this.objectId, programs } },
      'attach',
      call,
    );
    this.attachments = attachments.map((a) => ({
      host: this.name,
      program: a.program,
      section: a.section,
      target: a.target,
      link: { id: a.linkId, kind: a.linkKind },
    }));
  }

  private wantedPrograms(chosen: string[]): string[] {
    const { programs } = this.object.report;
    return (
      chosen.length > 0 ? programs.filter((p) => chosen.includes(p.name)) : programs.filter((p) => p.autoload)
    ).map((p) => p.name);
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
      kernelLost: stats?.kernelLost ?? 0n,
      kernelLostKnown: stats?.kernelLostKnown ?? false,
      delivered: opened?.stream.deliveredBy(this.index) ?? 0,
      final: this.drained,
    };
  }
}

/** What LoadObject and VerifyObject take. Errors: unknown-program, unknown-variable, bad-value. */
export function objectOptions(
  object: PreparedObject,
  spec: Pick<AttachSpec, 'programs' | 'set'>,
): MessageInitShape<typeof ObjectOptionsSchema> {
  checkPrograms(object.report, spec.programs);
  const parsed = BpfObject.parse(object.full);
  const globals = Object.entries(spec.set).map(([name, text]) => {
    const { variable, bytes } = encodeGlobal(parsed, name, text);
    return { variable, value: bytes };
  });
  return { name: runName(object.file), programs: spec.programs, globals };
}

function checkPrograms(report: InspectReport, chosen: string[]): void {
  const known = report.programs.map((p) => p.name);
  for (const name of chosen) {
    if (known.includes(name)) continue;
    throw new RingsideError('unknown-program', `There is no program "${name}".`, {
      remedy: `Programs: ${known.join(', ') || 'none'}.`,
    });
  }
}

/** File name without folder and .bpf.c or .o. */
export function runName(file: string): string {
  return file
    .split('/')
    .at(-1)!
    .replace(/(\.bpf)?\.(c|o)$/, '');
}

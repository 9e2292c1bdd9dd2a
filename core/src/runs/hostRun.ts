/** One host's share of a run: the loaded object, its streams, attachments and figures. */
import type {
  Attachment,
  LeftOut,
  LoadedMap,
  Print,
  ProgramOutcome,
  RunDescription,
  RunLimits as AgentLimits,
  Stats,
  Stopped,
  SwapResult,
} from '../agent/generated/agent_pb.ts';
import { isErrorCode, RingsideError } from '../errors.ts';
import type { AgentCounters, EventStore } from '../events/index.ts';
import type {
  AttachmentInfo,
  AttachSpec,
  IteratorText,
  KeptOn,
  LeftOutProgram,
  RunLimits,
  RunNote,
  SwapReport,
} from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { StatsSpan } from './costs.ts';
import type { ToCommit } from './guards.ts';
import type { ConnectedHost } from './hosts.ts';
import { HostStreams, type HostStreamsCallbacks, type StreamMap } from './hostStreams.ts';
import { loadPlan, type LoadPlan, type LoadSpec } from './loadPlan.ts';
import type { PreparedObject } from './prepare.ts';

/** Map types that yield records. */
export const streamMapTypes = new Set(['ringbuf', 'perf_event_array']);

const streamMaps = (object: PreparedObject): StreamMap[] =>
  object.report.maps.filter((m) => streamMapTypes.has(m.type));

/** Why a host may not show prints. */
const withoutPrints = new Set<string>(['no-permission', 'unsupported-by-kernel', 'attach-failed']);

/** A new version in the old one's place, and what of it has to be committed. */
export interface Swapped {
  report: SwapReport;
  toCommit: ToCommit;
}

/** The packed entries of a map. */
export interface MapDumpBytes {
  bytes: Uint8Array;
  entries: number;
  valueBytes: number;
  truncated: boolean;
}

export interface HostRunCallbacks extends HostStreamsCallbacks {
  onPrints(host: HostRun, prints: Print[]): void;
  /** A new version took over: called before its first frame is read. */
  onSwapped(host: HostRun, object: PreparedObject, result: SwapResult): void;
  /** The agent has detached it by itself. */
  onStopped(host: HostRun, error: RingsideError): void;
}

/** Without programs that the user named, what cannot be attached is left out and said. */
function wantedPrograms(
  plan: LoadPlan,
  spec: Pick<AttachSpec, 'programs'>,
): { program: string; target: Record<string, string>; leaveOut: boolean }[] {
  const leaveOut = spec.programs.length === 0;
  return plan.programs.map(({ name, target }) => ({ program: name, target, leaveOut }));
}

export class HostRun {
  readonly streams: HostStreams;
  attachments: AttachmentInfo[] = [];
  leftOut: LeftOutProgram[] = [];
  notes: RunNote[] = [];
  /** Why its object is built with the plain instruction set; undefined while it is not for a refusal's sake. */
  plainSet: string | undefined;
  stats: Stats | undefined;
  /** The figures before `stats`, of the same version. */
  before: Stats | undefined;
  /** Figures from before the present version was attached. */
  first: Stats | undefined;
  /** Those of the versions before it. */
  readonly past: StatsSpan[] = [];
  /** Why the host is gone, once it is. */
  lost: RingsideError | undefined;
  /** Why the host's agent has detached it by itself. */
  stopped: RingsideError | undefined;
  /** Its agent was asked to load something. */
  touched = false;
  /** In force, once attached. */
  limits: RunLimits | null = null;
  /** Where it goes on without us, once it is kept. */
  kept: KeptOn | null = null;
  /** Rules of guards that the next request confirms. */
  confirmed: string[] = [];
  /** Maps of the loaded object, with their kernel ids. */
  maps: readonly LoadedMap[] = [];
  private objectId = 0;
  private plan: LoadPlan | undefined;
  /** The figures in `stats` were taken after the last record. */
  private drained = false;
  /** Index of this host in the event store. */
  readonly index: number;
  private stopEvents: (() => void) | undefined;

  constructor(
    readonly host: ConnectedHost,
    public object: PreparedObject,
    private readonly store: EventStore,
    private readonly callbacks: HostRunCallbacks,
  ) {
    this.index = store.addHost(host.name, host.agent.clocks);
    this.streams = new HostStreams(host, this.index, store, callbacks);
  }

  get possibleCpus(): number {
    return this.host.info.possibleCpus;
  }

  get name(): string {
    return this.host.name;
  }

  /** Loads the object as the user and the object itself say. Errors: what libbpf and the verifier say. */
  async load(
    spec: LoadSpec,
    call: CallOptions,
    globals: { variable: string; value: Uint8Array }[] = [],
  ): Promise<void> {
    const { agent } = this.host;
    await this.unload();
    [this.leftOut, this.notes] = [[], []];
    const plan = await loadPlan(this.object, spec, 'run', this.host);
    const objectBlob = await agent.sendBlob(plan.bytes, call);
    const kernelBtfBlob = plan.kernelBtf === null ? 0 : await agent.sendBlob(plan.kernelBtf, call);
    const options = { ...plan.options, kernelBtfBlob, confirmed: this.confirmed };
    options.globals = [...(plan.options.globals ?? []), ...globals];
    this.touched = true;
    const loaded = await agent.request({ case: 'loadObject', value: { objectBlob, options } }, 'load', call);
    this.objectId = loaded.objectId;
    this.loaded(plan, loaded);
  }

  private loaded(plan: LoadPlan, loaded: { leftOut: LeftOut[]; maps: LoadedMap[] }): void {
    this.plan = plan;
    this.maps = loaded.maps;
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
    for (const map of streamMaps(this.object)) await this.streams.open(this.objectId, map, call);
    this.listen();
    await this.openPrints(call);
  }

  /** A host that does not let prints be told apart takes the object all the same. */
  private async openPrints(call: CallOptions): Promise<void> {
    try {
      await this.host.agent.request({ case: 'openPrints', value: { objectId: this.objectId } }, 'empty', call);
    } catch (error) {
      const { code, message, remedy } = RingsideError.from(error);
      if (!withoutPrints.has(code)) throw error;
      this.notes.push({ host: this.name, about: 'bpf_printk', text: `Not shown: ${message} ${remedy}` });
    }
  }

  private listen(): void {
    this.stopEvents = this.host.agent.onEvent(({ event }) => {
      if (event.case === 'clocks') this.store.addHost(this.name, this.host.agent.clocks);
      if (event.case === 'stopped' && event.value.objectId === this.objectId)
        this.callbacks.onStopped(this, stoppedError(this.name, event.value));
      if (event.case !== 'prints' || event.value.objectId !== this.objectId) return;
      this.callbacks.onPrints(this, event.value.prints);
    });
  }

  /** Lets the agent send again what was held back until the rows had been emitted. */
  grantHeld(): void {
    this.streams.grantHeld();
  }

  /** Attaches what was loaded. */
  async attach(spec: Pick<AttachSpec, 'programs' | 'limits'>, call: CallOptions): Promise<ToCommit> {
    const left = new Set(this.leftOut.map((l) => l.program));
    const programs = wantedPrograms(this.plan!, spec).filter((p) => !left.has(p.program));
    const { objectId, confirmed } = this;
    const limits = limitsMessage(spec.limits);
    const value = { objectId, programs, limits, confirmed, dropCapabilities: true };
    const answer = await this.host.agent.request({ case: 'attach', value }, 'attach', call);
    this.addLeftOut(answer.leftOut);
    this.attached(answer.attachments);
    this.limits = readLimits(answer.limits);
    return { findings: answer.toCommit, withinMs: answer.commitWithinMs };
  }

  /** Detaches, and keeps everything else: maps, streams, rows. `attach` goes on. */
  async suspend(): Promise<void> {
    if (this.objectId === 0 || this.host.agent.closed) return;
    const { stats } = await this.host.agent.request({ case: 'detach', value: { objectId: this.objectId } }, 'detach');
    if (stats) this.stats = stats;
    this.attachments = [];
  }

  /** The connection is alive with what was attached: it may stay. */
  async commit(signal: AbortSignal): Promise<void> {
    const { objectId } = this;
    await this.host.agent.request({ case: 'commitAttach', value: { objectId } }, 'empty', { signal });
  }

  /** Lets the run outlive us for so long; 0: not any more. */
  async keep(seconds: number, name: string, by: string, details: Uint8Array): Promise<void> {
    const { agent } = this.host;
    const detailsBlob = seconds === 0 || this.kept !== null ? 0 : await agent.sendBlob(details);
    const value = { objectId: this.objectId, seconds, name, by, detailsBlob };
    const { run, expiresNs } = await agent.request({ case: 'keepRun', value }, 'runKept');
    this.kept = run === '' ? null : { host: this.name, run, expires: String(expiresNs) };
    if (this.limits !== null && run !== '') this.limits = { ...this.limits, timeSeconds: 0 };
  }

  /** Goes on with a run that was kept: nothing is loaded, its streams are taken as they are. */
  async adopt(description: RunDescription, call: CallOptions): Promise<void> {
    const { run, objectId, attachments, limits, streams, stopped, maps } = description;
    this.objectId = objectId;
    this.maps = maps;
    this.touched = true;
    this.plan = await loadPlan(this.object, { programs: [], set: {} }, 'verify', this.host);
    this.attached(attachments);
    this.limits = readLimits(limits);
    this.kept = run ? { host: this.name, run: run.run, expires: String(run.expiresNs) } : null;
    if (stopped) this.stopped = stoppedError(this.name, stopped);
    this.streams.adopt(streamMaps(this.object), streams);
    this.listen();
    await this.refreshStats();
    this.first = this.stats;
    this.before = undefined;
    await this.streams.begin(call);
  }

  /** Other limits, or the same ones with their time anew. */
  async setLimits(limits: Partial<RunLimits>): Promise<void> {
    const value = { objectId: this.objectId, limits: limitsMessage(limits) };
    this.limits = readLimits(await this.host.agent.request({ case: 'setLimits', value }, 'limits'));
  }

  private attached(attachments: readonly Attachment[]): void {
    this.attachments = attachments.map((a) => ({
      host: this.name,
      program: a.program,
      section: this.plan!.sections.get(a.program) ?? a.section,
      target: a.target,
      link: { id: a.linkId, kind: a.linkKind },
    }));
  }

  /**
   * Puts a new version of the object in this one's place: maps and streams go on where their layout did not change. On any
   * failure the old version goes on as it was. `reset`: rings whose records are laid out otherwise.
   */
  async swap(object: PreparedObject, spec: LoadSpec, reset: string[], call: CallOptions): Promise<Swapped> {
    const { agent } = this.host;
    const plan = await loadPlan(object, spec, 'run', this.host);
    const objectBlob = await agent.sendBlob(plan.bytes, call);
    const kernelBtfBlob = plan.kernelBtf === null ? 0 : await agent.sendBlob(plan.kernelBtf, call);
    const { consumers, swapped } = this.streams.takers(streamMaps(object));
    const request = {
      objectId: this.objectId,
      objectBlob,
      options: { ...plan.options, kernelBtfBlob, confirmed: this.confirmed },
      programs: wantedPrograms(plan, spec),
      resetMaps: reset,
    };
    const result = await agent.swapObject(request, consumers, call, (answer) => {
      swapped(answer);
      this.callbacks.onSwapped(this, object, answer);
      if (answer.old) this.past.push({ first: this.first, last: answer.old });
      this.first = undefined; // those of the new version are asked for below
    });
    this.object = object;
    this.notes = [];
    this.loaded(plan, result);
    this.attached(result.attachments);
    await this.streams.filterOpened(result, call);
    await this.refreshStats();
    this.first = this.stats;
    this.before = undefined;
    const report = {
      host: this.name,
      overlapNanos: Number(result.overlapNanos),
      maps: result.mapFates.map(({ map, fate, reason, entries }) => ({
        map,
        fate: fate as SwapReport['maps'][number]['fate'],
        reason,
        entries: Number(entries),
      })),
    };
    return { report, toCommit: { findings: result.toCommit, withinMs: result.commitWithinMs } };
  }

  async refreshStats(): Promise<void> {
    const before = this.stats;
    this.stats = await this.host.agent.request({ case: 'getStats', value: { objectId: this.objectId } }, 'stats');
    this.before = before;
  }

  /** The packed entries of a map, as DumpMap gives them. */
  async dumpMap(map: string, limit: number): Promise<MapDumpBytes> {
    const dump = await this.host.agent.request(
      { case: 'dumpMap', value: { objectId: this.objectId, map, limit } },
      'mapDump',
    );
    const bytes = dump.entries === 0 ? new Uint8Array(0) : this.host.agent.takeBlob(dump.blob);
    return { bytes, entries: dump.entries, valueBytes: dump.valueBytes, truncated: dump.truncated };
  }

  /** Those entries of a map that have these keys, packed in the same way. */
  async mapEntries(map: string, keys: Uint8Array[]): Promise<MapDumpBytes> {
    const ref = { case: 'loaded' as const, value: { objectId: this.objectId, map } };
    const page = await this.host.agent.request({ case: 'readMap', value: { map: { ref }, keys } }, 'mapPage');
    const bytes = page.blob === 0 ? new Uint8Array(0) : this.host.agent.takeBlob(page.blob);
    return { bytes, entries: page.entries, valueBytes: page.valueBytes, truncated: false };
  }

  /** How far a ring's two ends are: consumer, producer and size in bytes. */
  async ringPositions(map: string): Promise<[bigint, bigint, bigint] | null> {
    const value = { map: { ref: { case: 'loaded' as const, value: { objectId: this.objectId, map } } }, limit: 1 };
    const page = await this.host.agent.request({ case: 'readMap', value }, 'mapPage');
    const bytes = page.blob === 0 ? new Uint8Array(0) : this.host.agent.takeBlob(page.blob);
    if (page.content !== 'positions' || bytes.length < 24) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return [view.getBigUint64(0, true), view.getBigUint64(8, true), view.getBigUint64(16, true)];
  }

  /** What an attached iterator writes, from its beginning to its end. */
  async readIterator(program: string): Promise<IteratorText> {
    const { agent } = this.host;
    const pass = await agent.request(
      { case: 'readIterator', value: { objectId: this.objectId, program } },
      'iteratorText',
    );
    const bytes = pass.bytes === 0n ? new Uint8Array(0) : agent.takeBlob(pass.blob);
    return { text: new TextDecoder().decode(bytes), truncated: pass.truncated, time: String(pass.timeNs) };
  }

  /** Runs a loaded program by request (BPF_PROG_TEST_RUN); nothing has to be attached. */
  runProgram(
    program: string,
    input: { dataIn: Uint8Array; contextIn: Uint8Array; repeat: number },
    call: CallOptions,
  ): Promise<ProgramOutcome> {
    const value = { objectId: this.objectId, program, ...input };
    return this.host.agent.request({ case: 'runProgram', value }, 'programOutcome', call);
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
    this.streams.flush();
    if (stats) {
      this.stats = stats;
      this.drained = true;
    }
  }

  /** Lets go of it without touching it. */
  leave(): void {
    this.stopEvents?.();
    this.streams.abort();
    this.objectId = 0;
  }

  /** Frees everything on the host. Never throws: it is also what undoes a failed attach. */
  async close(): Promise<void> {
    this.stopEvents?.();
    this.streams.abort();
    await this.unload();
  }

  private async unload(): Promise<void> {
    const id = this.objectId;
    this.objectId = 0;
    if (id === 0 || this.host.agent.closed) return;
    await this.host.agent.request({ case: 'closeObject', value: { objectId: id } }, 'empty').catch(() => undefined);
  }

  /** The agent's number of what is loaded; 0 = nothing. */
  get loadedObject(): number {
    return this.objectId;
  }

  /** The figures in `stats` are the agent's last: everything was drained before. */
  get lastWord(): boolean {
    return this.drained;
  }

  /** Nothing of it is attached on the host any more: the connection is gone, or the agent has ended it. */
  get gone(): boolean {
    return this.lost !== undefined || this.stopped !== undefined;
  }

  /** A map of its object, as requests name it. */
  mapRef(map: string) {
    return { ref: { case: 'loaded' as const, value: { objectId: this.objectId, map } } };
  }

  /** True while its maps can be read: of a recording also when it is played to its end. */
  get readable(): boolean {
    return (this.objectId !== 0 || this.host.recorded !== undefined) && !this.host.agent.closed;
  }

  /** This host's counters of one stream, for the ledger. Before the first figures nothing is known of the kernel. */
  counters(map: string): AgentCounters {
    return this.streams.counters(map, this.stats?.streams ?? [], this.drained);
  }
}

function limitsMessage(limits: Partial<RunLimits> = {}): {
  cpuPercent?: number;
  recordsPerSecond?: bigint;
  timeSeconds?: number;
} {
  const { cpuPercent, recordsPerSecond, timeSeconds } = limits;
  return {
    ...(cpuPercent !== undefined && { cpuPercent }),
    ...(recordsPerSecond !== undefined && { recordsPerSecond: BigInt(recordsPerSecond) }),
    ...(timeSeconds !== undefined && { timeSeconds }),
  };
}

function readLimits(limits: AgentLimits | undefined): RunLimits | null {
  if (limits === undefined) return null;
  const { cpuPercent = 0, recordsPerSecond = 0n, timeSeconds = 0 } = limits;
  return { cpuPercent, recordsPerSecond: Number(recordsPerSecond), timeSeconds };
}

function stoppedError(host: string, { code, message, hint }: Stopped): RingsideError {
  return new RingsideError(isErrorCode(code) ? code : 'agent-exited', `Detached on ${host}: ${message}`, {
    remedy: hint,
  });
}

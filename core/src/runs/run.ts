/**
 * A run: one object, attached on one or more hosts, from attach to detach. Holds the run's state in one place; what the
 * tree, the status bar and the panel show is derived from it by `summary()`.
 */
import type { Print, Stats } from '../agent/generated/agent_pb.ts';
import { cancelled, RingsideError } from '../errors.ts';
import {
  compileExpr,
  encodePrints,
  EventStore,
  printEvent,
  PRINTS_STREAM,
  printsSchema,
  RunViews,
  type Wire,
} from '../events/index.ts';
import type { Log } from '../log.ts';
import type {
  AttachSpec,
  Diagnostic,
  EndReason,
  RowDetail,
  RowsPage,
  RowsQuery,
  RunEvent,
  RunState,
  RunSummary,
  StreamSchema,
} from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { agentCost, programCosts, type StatsSpan } from './costs.ts';
import { HostRun, streamMapTypes } from './hostRun.ts';
import type { ConnectedHost } from './hosts.ts';
import { otherCpu } from './instructionSet.ts';
import { runName } from './loadPlan.ts';
import { MAP_STREAM, MapWatch } from './mapWatch.ts';
import { BuildFailure, type PreparedAhead, type PreparedObject } from './prepare.ts';
import { RowEmitter } from './rowEmitter.ts';
import { runLedger } from './runLedger.ts';

const STATS_MS = 1_000;
/** Summaries at most this often while rows come in. */
const SUMMARY_MS = 500;

export interface RunDeps {
  connect(host: string, call: CallOptions): Promise<ConnectedHost>;
  /** Begins to build for the kernel that the host had the last time; undefined when that is not known. Never rejects. */
  prepareAhead(file: string, host: string, call: CallOptions): Promise<PreparedAhead | undefined>;
  /** The object for the host; what was prepared ahead is taken if it was for this kernel. */
  prepare(
    file: string,
    host: ConnectedHost,
    ahead: PreparedAhead | undefined,
    call: CallOptions,
    cpu?: string,
  ): Promise<PreparedObject>;
  onConnectionEnd(host: string, listener: (error: RingsideError) => void): () => void;
  onChange(run: RunSummary): void;
  onEvents(runId: string, events: RunEvent[]): void;
  log: Log;
}

export class Run {
  readonly store: EventStore;
  readonly hostRuns: HostRun[] = [];
  readonly views: RunViews;
  readonly maps: MapWatch;
  state: RunState = 'building';
  /** One a ring or perf buffer of the object, in its order. */
  recordSchemas: StreamSchema[] = [];
  private object: PreparedObject | undefined;
  private diagnostics: Diagnostic[] = [];
  private error: RingsideError | null = null;
  private endReason: EndReason | null = null;
  private readonly startedAt = Date.now();
  private runningSince = 0;
  private endedAt: number | null = null;
  private rate = 0;
  private lastDelivered = 0;
  private lastRateAt = 0;
  private readonly firstStats = new Map<HostRun, Stats>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly unsubscribe: (() => void)[] = [];
  private summaryTimer: NodeJS.Timeout | undefined;
  private ending: Promise<RunSummary> | undefined;
  private readonly abort = new AbortController();
  private readonly emitter: RowEmitter | undefined;

  constructor(
    readonly id: string,
    readonly spec: AttachSpec,
    private readonly deps: RunDeps,
  ) {
    this.store = new EventStore(spec.storeBytes === undefined ? {} : { maxBytes: spec.storeBytes });
    this.views = new RunViews(this.store, () => [...this.recordSchemas, printsSchema]);
    this.maps = new MapWatch(this);
    if (spec.emitEvents) {
      this.emitter = new RowEmitter(this.views, spec.where, {
        limit: spec.count,
        emit: (events) => deps.onEvents(id, events),
        onEmitted: () => this.hostRuns.forEach((h) => h.grantHeld()),
        onLimit: () => void this.end('count'),
      });
    }
  }

  /** Builds, loads, attaches. Whatever fails, nothing of it stays on any host. */
  async start(call: CallOptions): Promise<RunSummary> {
    const signal = call.signal ? AbortSignal.any([call.signal, this.abort.signal]) : this.abort.signal;
    const step: CallOptions = { ...call, signal };
    try {
      this.setState('building');
      await Promise.all(this.spec.hosts.map((name) => this.startHost(name, step)));
      this.setState('attaching');
      await Promise.all(this.hostRuns.map((h) => this.attachHost(h, step)));
      if (signal.aborted) throw cancelled();
    } catch (error) {
      await this.undo(RingsideError.from(error));
      throw this.error!;
    }
    this.running();
    return this.summary();
  }

  private async startHost(name: string, call: CallOptions): Promise<void> {
    const ahead = this.deps.prepareAhead(this.fileFor(name), name, call);
    const host = await this.deps.connect(name, call);
    const object = await this.deps.prepare(this.fileFor(name), host, await ahead, call);
    if (!this.object) {
      this.object = object;
      this.diagnostics = object.diagnostics;
      this.recordSchemas = schemasOf(object);
      this.checkFilter();
    }
    const hostRun = new HostRun(host, object, this.store, {
      filterOf: (stream) => this.wireFilter(stream),
      grantAtOnce: () => this.emitter === undefined || this.state === 'detaching',
      onRows: () => this.onRows(),
      onPrints: (from, prints) => this.onPrints(from, prints),
    });
    this.hostRuns.push(hostRun);
    this.unsubscribe.push(this.deps.onConnectionEnd(name, (error) => this.onHostLost(hostRun, error)));
    this.setState('loading');
    call.progress?.({ step: `Loading ${runName(this.spec.file)} on ${name}` });
    await this.load(hostRun, call);
    await hostRun.openStreams(call);
  }

  /** What the verifier refuses in the newest instruction set may be fine in the plain one: that is tried, and said. */
  private async load(hostRun: HostRun, call: CallOptions): Promise<void> {
    const first = hostRun.object;
    const error = await loadError(hostRun, this.spec, call);
    if (error === null && hostRun.rejected === 0) return;
    const prepare: RunDeps['prepare'] = (...asked) => this.deps.prepare(...asked);
    const code = error?.code ?? 'verifier-rejected';
    const other = await otherCpu(code, this.spec.file, hostRun, prepare, call);
    const before = error === null ? hostRun.rejected : Infinity;
    if (other !== null) {
      hostRun.object = other.object;
      if ((await loadError(hostRun, this.spec, call)) === null && hostRun.rejected < before) {
        hostRun.notes.push({ host: hostRun.name, about: '', text: other.text });
        return;
      }
      hostRun.object = first;
    }
    if (error !== null) throw error; // what was said of the set that the host's kernel should take
    if (other !== null) await hostRun.load(this.spec, call);
  }

  /** An object that was built already is the first host's; others may have another kernel or architecture. */
  private fileFor(host: string): string {
    return host === this.spec.hosts[0] && this.spec.object !== undefined ? this.spec.object : this.spec.file;
  }

  /** A filter that is wrong is said before anything is loaded. Errors: bad-expression, unknown-field. */
  private checkFilter(): void {
    for (const schema of this.recordSchemas) {
      compileExpr(this.spec.where, schema);
      this.emitter?.add(schema.stream);
    }
  }

  /** Panels keep all rows: their filter may change. The rows of the CLI that it hides need not cross the link at all. */
  private wireFilter(stream: string): Wire | null {
    const schema = this.recordSchemas.find((s) => s.stream === stream);
    return this.emitter && schema ? compileExpr(this.spec.where, schema).wire : null;
  }

  private async attachHost(hostRun: HostRun, call: CallOptions): Promise<void> {
    call.progress?.({ step: `Attaching on ${hostRun.name}` });
    await hostRun.refreshStats();
    if (hostRun.stats) this.firstStats.set(hostRun, hostRun.stats);
    await hostRun.attach(this.spec, call);
    this.deps.onEvents(this.id, [
      ...hostRun.notes.map((n) => ({ type: 'note' as const, ...n })),
      ...hostRun.attachments.map((a) => ({ type: 'attached' as const, ...a })),
      ...hostRun.leftOut.map((l) => ({ type: 'left-out' as const, ...l })),
    ]);
  }

  private async undo(error: RingsideError): Promise<void> {
    this.error = error;
    if (error instanceof BuildFailure) this.diagnostics = error.diagnostics;
    this.endedAt = Date.now();
    await Promise.all(this.hostRuns.map((h) => h.close()));
    this.release();
    this.setState('failed');
  }

  private running(): void {
    this.runningSince = performance.now();
    this.lastRateAt = this.runningSince;
    this.setState('running');
    this.every(STATS_MS, () => void this.tick());
    const { durationSeconds, mapsSeconds } = this.spec;
    if (durationSeconds !== null) this.every(durationSeconds * 1000, () => void this.end('duration'));
    if (mapsSeconds !== null) this.every(mapsSeconds * 1000, () => void this.emitMaps());
    this.emitter?.wake();
  }

  private every(ms: number, action: () => void): void {
    this.timers.add(setInterval(action, ms));
  }

  private async tick(): Promise<void> {
    await Promise.allSettled(this.hostRuns.map((h) => h.refreshStats()));
    const now = performance.now();
    const delivered = this.delivered();
    this.rate = Math.round((1000 * (delivered - this.lastDelivered)) / (now - this.lastRateAt));
    this.lastDelivered = delivered;
    this.lastRateAt = now;
    this.changed();
  }

  private delivered(): number {
    return this.store.streams.reduce((sum, s) => sum + s.delivered, 0);
  }

  /** A map that cannot be read once is said in the log; the next turn tries again. */
  private async emitMaps(): Promise<void> {
    try {
      const events = await this.maps.events();
      if (this.ending === undefined || this.state === 'detaching') this.deps.onEvents(this.id, events);
    } catch (error) {
      this.deps.log.warn(
        `The maps of ${runName(this.spec.file)} could not be read: ${RingsideError.from(error).message}`,
      );
    }
  }

  private onRows(): void {
    this.emitter?.wake();
    this.changedSoon();
  }

  private onPrints(from: HostRun, prints: Print[]): void {
    const readTimeNs = BigInt(Date.now()) * 1_000_000n;
    this.store.append(this.store.stream(PRINTS_STREAM), from.index, encodePrints(prints, readTimeNs));
    this.deps.onEvents(
      this.id,
      prints.map((p) => printEvent(from.name, p)),
    );
    this.changedSoon();
  }

  private onHostLost(hostRun: HostRun, error: RingsideError): void {
    hostRun.lost = error;
    if (this.state === 'building' || this.state === 'loading' || this.state === 'attaching') return; // start() fails by itself
    if (this.hostRuns.some((h) => !h.lost)) {
      this.changed();
      return;
    }
    const reason = error.code === 'host-lost' ? 'host-lost' : error.code === 'cancelled' ? 'interrupt' : 'agent';
    if (reason !== 'interrupt') this.error = error;
    void this.end(reason);
  }

  /** Detaches everywhere, drains to the last record and closes the account. Safe to call more than once. */
  end(reason: EndReason): Promise<RunSummary> {
    this.ending ??= this.finish(reason);
    return this.ending;
  }

  private async finish(reason: EndReason): Promise<RunSummary> {
    if (this.state === 'failed' || this.state === 'ended') return this.summary();
    if (this.runningSince === 0) {
      this.abort.abort(); // still starting: start() undoes it
      return this.summary();
    }
    for (const timer of this.timers) clearInterval(timer);
    this.setState('detaching');
    if (this.spec.mapsSeconds !== null) await this.emitMaps();
    for (const h of this.hostRuns) h.grantHeld();
    const results = await Promise.allSettled(this.hostRuns.map((h) => h.detach()));
    const failed = results.find((r): r is PromiseRejectedResult => r.status === 'rejected');
    if (failed) this.error ??= RingsideError.from(failed.reason);
    await this.emitter?.drain();
    await Promise.all(this.hostRuns.map((h) => h.close()));
    this.endReason = reason;
    this.endedAt = Date.now();
    this.rate = 0;
    this.deps.onEvents(this.id, [this.endEvent(reason)]);
    this.release();
    this.setState('ended');
    return this.summary();
  }

  private endEvent(reason: EndReason): RunEvent {
    return {
      type: 'end',
      reason,
      seconds: (performance.now() - this.runningSince) / 1000,
      ledger: this.ledger(),
      programs: this.costs(),
      agent: agentCost(this.spans()),
    };
  }

  private release(): void {
    clearTimeout(this.summaryTimer);
    this.summaryTimer = undefined;
    for (const timer of this.timers) clearInterval(timer);
    this.timers.clear();
    for (const stop of this.unsubscribe) stop();
  }

  /** The rows are not wanted any more. */
  dispose(): void {
    this.views.dispose();
  }

  private spans(): StatsSpan[] {
    return this.hostRuns.map((h) => ({ first: this.firstStats.get(h), last: h.stats }));
  }

  private costs(): ReturnType<typeof programCosts> {
    return programCosts([...new Set(this.hostRuns.flatMap((h) => h.attachments.map((a) => a.program)))], this.spans());
  }

  private ledger(): RunSummary['ledger'] {
    return runLedger(this, this.state === 'detaching' || this.state === 'ended');
  }

  /** Rows that were handed out, or that the run's own filter lets through. */
  shown(stream: string): number {
    if (this.emitter) return this.emitter.emitted(stream);
    const { delivered } = this.store.stream(stream);
    if (this.spec.where === '') return delivered;
    const view = this.views.page({ runId: this.id, stream, where: this.spec.where, first: 0, count: 0 });
    return view.matching + (view.evicted ?? 0);
  }

  /** Rows for a panel: of a record stream, of "printk", or of "map:NAME". */
  page(query: RowsQuery): Promise<RowsPage> | RowsPage {
    return query.stream.startsWith(MAP_STREAM) ? this.maps.page(query) : this.views.page(query);
  }

  detail(stream: string, seq: number): RowDetail | null {
    return stream.startsWith(MAP_STREAM) ? this.maps.detail(stream, seq) : this.views.detail(stream, seq);
  }

  /** This run's share on a host. Errors: usage. */
  on(host: string): HostRun {
    const found = this.hostRuns.find((h) => h.name === host);
    if (found) return found;
    throw new RingsideError('usage', `${host} is no host of this run.`, {
      remedy: `It runs on ${this.spec.hosts.join(', ')}.`,
    });
  }

  /** The object of this run, once it is built. */
  get prepared(): PreparedObject | undefined {
    return this.object;
  }

  /** Everything that a panel can show: records, prints once there are some, maps. */
  private schemas(): StreamSchema[] {
    const printed = this.store.stream(PRINTS_STREAM).delivered > 0 ? [printsSchema] : [];
    return [
      ...this.recordSchemas,
      ...printed,
      ...this.maps.names().map((name) => ({ stream: `${MAP_STREAM}${name}`, records: [] })),
    ];
  }

  setPaused(paused: boolean): void {
    if (this.state === 'running' || this.state === 'paused') this.setState(paused ? 'paused' : 'running');
  }

  private setState(state: RunState): void {
    this.state = state;
    this.changed();
  }

  private changedSoon(): void {
    this.summaryTimer ??= setTimeout(() => this.changed(), SUMMARY_MS);
  }

  private changed(): void {
    clearTimeout(this.summaryTimer);
    this.summaryTimer = undefined;
    this.deps.onChange(this.summary());
  }

  summary(): RunSummary {
    return {
      id: this.id,
      name: runName(this.spec.file),
      file: this.spec.file,
      hosts: this.spec.hosts,
      state: this.state,
      startedAt: this.startedAt,
      endedAt: this.endedAt,
      endReason: this.endReason,
      error: this.error?.toData() ?? null,
      diagnostics: this.diagnostics,
      attachments: this.hostRuns.flatMap((h) => h.attachments),
      leftOut: this.hostRuns.flatMap((h) => h.leftOut),
      notes: this.hostRuns.flatMap((h) => h.notes),
      schemas: this.schemas(),
      ledger: this.ledger(),
      programs: this.costs(),
      rate: this.rate,
      agent: agentCost(this.spans()),
    };
  }
}

async function loadError(hostRun: HostRun, spec: AttachSpec, call: CallOptions): Promise<RingsideError | null> {
  try {
    await hostRun.load(spec, call);
    return null;
  } catch (error) {
    return RingsideError.from(error);
  }
}

/** One schema a ring or perf buffer of the object, in the object's order. */
function schemasOf(object: PreparedObject): StreamSchema[] {
  const { maps, records } = object.report;
  return maps
    .filter((m) => streamMapTypes.has(m.type))
    .map((m) => ({ stream: m.name, records: records.filter((r) => r.map === m.name) }));
}

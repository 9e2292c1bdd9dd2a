/**
 * A run: one object, attached on one or more hosts, from attach to detach. Holds the run's state in one place; what the
 * tree, the status bar and the panel show is derived from it by `summary()`.
 */
import { hostname, userInfo } from 'node:os';
import type { Print, RunDescription } from '../agent/generated/agent_pb.ts';
import { plainCpu } from '../build/index.ts';
import { cancelled, RingsideError } from '../errors.ts';
import {
  answerRows,
  compileExpr,
  encodePrints,
  EventStore,
  printEvent,
  PRINTS_STREAM,
  printsSchema,
  RunSummaries,
  RunViews,
  type Wire,
} from '../events/index.ts';
import type { Log } from '../log.ts';
import type {
  AttachSpec,
  Diagnostic,
  EndReason,
  IteratorText,
  LeftOutProgram,
  RecordSpec,
  ReplayState,
  RowDetail,
  RowsAnswers,
  RowsAsk,
  RowsPage,
  RowsQuery,
  RunEvent,
  RunLimits,
  RunNote,
  RunState,
  RunSummary,
  StreamSchema,
  SwapReport,
} from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { Prompter } from '../prompt.ts';
import { Attention } from './attention.ts';
import { agentCost, programCosts, programRates, type StatsSpan } from './costs.ts';
import { Deadline } from './deadline.ts';
import { Guards, type ToCommit } from './guards.ts';
import { HostRun, streamMapTypes, type Swapped } from './hostRun.ts';
import type { ConnectedHost } from './hosts.ts';
import { otherCpu } from './instructionSet.ts';
import { IteratorTexts } from './iterators.ts';
import { keptDetails } from './keptRun.ts';
import { runName } from './loadPlan.ts';
import { MapFills } from './mapFill.ts';
import { MapSummaries } from './mapSummaries.ts';
import { MAP_STREAM, MapWatch } from './mapWatch.ts';
import { BuildFailure, type PreparedAhead, type PreparedObject } from './prepare.ts';
import { RowEmitter } from './rowEmitter.ts';
import { Recordings } from './record/recordings.ts';
import type { PlayedEnd } from './replay/player.ts';
import { runLedger } from './runLedger.ts';
import { RunNaming } from './runNaming.ts';
import { StreamVersions } from './streamVersions.ts';

const STATS_MS = 1_000;
/** So often the hosts are asked for the names that recorded rows need; a crash costs no more. */
const NAMES_MS = 5_000;
/** Summaries at most this often while rows come in. */
const SUMMARY_MS = 500;

/** What a redeploy may ask for otherwise than the attach did. */
export type RedeployChanges = Partial<Pick<AttachSpec, 'programs' | 'targets' | 'set' | 'load' | 'object'>>;

export interface RunDeps {
  /** The host, by an agent that is this run's alone. */
  connect(host: string, call: CallOptions): Promise<ConnectedHost>;
  /** The host, by the agent that answers questions about it, as long as it is connected. Errors: host-lost. */
  connected(host: string): Promise<ConnectedHost>;
  /** Ends that agent; `unused` when it has loaded nothing. Never rejects. */
  release(host: ConnectedHost, unused: boolean): Promise<void>;
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
  onConnectionEnd(host: ConnectedHost, listener: (error: RingsideError) => void): () => void;
  onChange(run: RunSummary): void;
  onEvents(runId: string, events: RunEvent[]): void;
  log: Log;
  /** For what the guards want to have confirmed. */
  prompter: Prompter;
  /** Of a recording: when its run began (ms since the epoch), and what the summary says of it. */
  replay?: { startedAt: number; state(): ReplayState };
  /** Nobody looks at the run any more. */
  onDispose?(): void;
}

/** A host that has the run already. */
export interface Adopted {
  host: ConnectedHost;
  description: RunDescription;
  object: PreparedObject;
  leftOut?: LeftOutProgram[];
  notes?: RunNote[];
}

export class Run {
  readonly store: EventStore;
  readonly hostRuns: HostRun[] = [];
  private readonly naming: RunNaming;
  /** Agents that are this run's alone. */
  private readonly claimed: ConnectedHost[] = [];
  readonly views: RunViews;
  readonly summaries: RunSummaries;
  readonly mapSummaries = new MapSummaries(() => this.hostRuns);
  readonly maps: MapWatch;
  readonly fills: MapFills;
  private readonly iterators: IteratorTexts;
  private iterating: Promise<void> = Promise.resolve();
  state: RunState = 'building';
  /** One a ring or perf buffer of the object, in its order. */
  recordSchemas: StreamSchema[] = [];
  private object: PreparedObject | undefined;
  private diagnostics: Diagnostic[] = [];
  private error: RingsideError | null = null;
  private endReason: EndReason | null = null;
  readonly startedAt: number;
  private runningSince = 0;
  private detachedAt: number | undefined;
  private endedAt: number | null = null;
  private rate = 0;
  private lastDelivered = 0;
  private lastRateAt = 0;
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly unsubscribe: (() => void)[] = [];
  private summaryTimer: NodeJS.Timeout | undefined;
  private redeploying: Promise<RunSummary> | undefined;
  /** How many versions of the object there were. */
  private version = 1;
  private swaps: SwapReport[] | undefined;
  private ending: Promise<RunSummary> | undefined;
  private readonly abort = new AbortController();
  private readonly emitter: RowEmitter | undefined;
  /** So many rows were handed out as were wanted. */
  private limitReached = false;
  private readonly attention: Attention;
  private readonly guards: Guards;
  readonly recordings: Recordings;
  private readonly deadline = new Deadline(() => void this.end('duration'));
  /** Detached on its hosts, to be attached again; ms since the epoch. */
  private suspendedAt: number | null = null;
  private suspending: Promise<unknown> = Promise.resolve();
  /** The spec of the version that is taking over. */
  private nextSpec: AttachSpec | undefined;
  private playedEnd: PlayedEnd | undefined;

  constructor(
    readonly id: string,
    public spec: AttachSpec,
    private readonly deps: RunDeps,
  ) {
    this.startedAt = deps.replay?.startedAt ?? Date.now();
    this.recordings = new Recordings(this, deps.log);
    this.store = new EventStore(spec.storeBytes === undefined ? {} : { maxBytes: spec.storeBytes });
    this.attention = new Attention(spec.attended === true, deps.log);
    this.naming = new RunNaming(this, deps.log);
    this.iterators = new IteratorTexts(this, (events) => deps.onEvents(id, events));
    this.views = new RunViews(this.store, () => [...this.recordSchemas, printsSchema, ...this.iterators.schemas()]);
    this.summaries = new RunSummaries(this.views);
    this.maps = new MapWatch(this);
    this.fills = new MapFills(() => this.hostRuns);
    this.guards = new Guards(runName(spec.file), spec.confirmed ?? [], deps.prompter);
    if (spec.emitEvents) {
      this.emitter = new RowEmitter(this.views, spec.where, {
        limit: spec.count,
        emit: (events) => deps.onEvents(id, events),
        onEmitted: () => this.hostRuns.forEach((h) => h.grantHeld()),
        onLimit: () => this.onLimit(),
      });
    }
  }

  /** Builds, loads, attaches. Whatever fails, nothing of it stays on any host. */
  async start(call: CallOptions): Promise<RunSummary> {
    const signal = call.signal ? AbortSignal.any([call.signal, this.abort.signal]) : this.abort.signal;
    const step: CallOptions = { ...call, signal };
    try {
      this.setState('building');
      if (this.spec.record) await this.recordings.open(this.spec.record);
      await this.startHosts(step);
      await this.recordings.begin(false);
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

  /** When one host fails, the others are given up before the run is undone: nothing may come up after that. */
  private async startHosts(call: CallOptions): Promise<void> {
    const starts = this.spec.hosts.map((name) => this.startHost(name, call));
    try {
      await Promise.all(starts);
    } catch (error) {
      this.abort.abort();
      await Promise.allSettled(starts);
      throw error;
    }
  }

  /** Goes on with a run that agents have: one that was kept, or that a recording holds. On failure it goes on as it did. */
  async adopt(adopted: readonly Adopted[], call: CallOptions): Promise<RunSummary> {
    this.claimed.push(...adopted.map((a) => a.host));
    try {
      this.setState('attaching');
      for (const { host, description, object, leftOut = [], notes = [] } of adopted) {
        const hostRun = this.hostRunOn(host, object);
        await hostRun.adopt(description, call);
        Object.assign(hostRun, { leftOut, notes });
        this.deps.onEvents(this.id, attachedEvents(hostRun));
      }
    } catch (error) {
      for (const hostRun of this.hostRuns) hostRun.leave();
      await this.undo(RingsideError.from(error));
      throw this.error!;
    }
    this.running();
    return this.summary();
  }

  /** Lets the run outlive this engine for so long; 0: it ends with it again. Errors: usage, not-writable. */
  async keep(seconds: number): Promise<RunSummary> {
    if (this.state !== 'running' && this.state !== 'paused') {
      throw new RingsideError('usage', 'This run is not attached.', { remedy: 'Only what is attached can be kept.' });
    }
    const by = `${userInfo().username} on ${hostname()}`;
    const keep = (h: HostRun): Promise<void> =>
      h.keep(seconds, runName(this.spec.file), by, keptDetails(this.spec, h.object));
    await Promise.all(this.hostRuns.map(keep));
    this.changed();
    return this.summary();
  }

  private async startHost(name: string, call: CallOptions): Promise<void> {
    const ahead = this.deps.prepareAhead(this.fileFor(name), name, call);
    const host = await this.deps.connect(name, call);
    this.claimed.push(host);
    const object = await this.deps.prepare(this.fileFor(name), host, await ahead, call);
    const hostRun = this.hostRunOn(host, object);
    this.setState('loading');
    call.progress?.({ step: `Loading ${runName(this.spec.file)} on ${name}` });
    await this.guarded(hostRun, () => this.load(hostRun, call), call);
    await hostRun.openStreams(call);
  }

  private hostRunOn(host: ConnectedHost, object: PreparedObject): HostRun {
    if (!this.object) {
      this.object = object;
      this.diagnostics = object.diagnostics;
      this.recordSchemas = schemasOf(object);
      this.checkFilter();
    }
    const hostRun = new HostRun(host, object, this.store, {
      filterOf: (stream) => this.wireFilter(stream),
      schemaOf: (stream) => this.recordSchemas.find((s) => s.stream === stream) ?? { stream, records: [] },
      grantAtOnce: () => this.emitter === undefined || this.state === 'detaching',
      onRows: () => this.onRows(),
      onPrints: (from, prints) => this.onPrints(from, prints),
      onStopped: (from, error) => this.onStopped(from, error),
      onSwapped: (on, next, result) => this.recordings.swapped(on, next, this.nextSpec ?? this.spec, result),
    });
    this.hostRuns.push(hostRun);
    if (host.recorded) this.store.setNames(hostRun.index, host.recorded.names);
    else this.naming.add(hostRun, () => this.deps.connected(hostRun.name));
    this.unsubscribe.push(this.deps.onConnectionEnd(host, (error) => this.onHostLost(hostRun, error)));
    return hostRun;
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
        sayPlainSet(hostRun, other.text);
        return;
      }
      hostRun.object = first;
    }
    if (error !== null) throw error; // what was said of the set that the host's kernel should take
    if (other !== null) await hostRun.load(this.spec, call);
  }

  /** An object that was built already is the first host's; others may have another kernel or architecture. */
  private fileFor(host: string, spec = this.spec): string {
    return host === spec.hosts[0] && spec.object !== undefined ? spec.object : spec.file;
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
    hostRun.first = hostRun.stats;
    await this.attachOn(hostRun, call);
    this.recordings.attached(hostRun);
    this.deps.onEvents(this.id, attachedEvents(hostRun));
  }

  private async attachOn(hostRun: HostRun, call: CallOptions): Promise<void> {
    const toCommit = await this.guarded(hostRun, () => hostRun.attach(this.spec, call), call);
    await this.guards.commit(hostRun.name, toCommit, (signal) => hostRun.commit(signal), call.signal);
  }

  /** Asks about what the host's guards want to have confirmed. */
  private guarded<T>(hostRun: HostRun, work: () => Promise<T>, call: CallOptions): Promise<T> {
    const attempt = (confirmed: string[]): Promise<T> => {
      hostRun.confirmed = confirmed;
      return work();
    };
    return this.guards.confirmed(hostRun.name, attempt, call.signal);
  }

  /**
   * Builds the source again and puts the new version in the old one's place on every host: streams and rows go on, maps keep
   * their entries where their layout allows it. Whatever fails, the old version goes on everywhere.
   */
  redeploy(changes: RedeployChanges, call: CallOptions): Promise<RunSummary> {
    if (this.state !== 'running' && this.state !== 'paused') {
      const error = new RingsideError('usage', 'This run is not attached.', { remedy: 'Attach the program again.' });
      return Promise.reject(error);
    }
    this.redeploying ??= this.swap(changes, call).finally(() => (this.redeploying = undefined));
    return this.redeploying;
  }

  private async swap(changes: RedeployChanges, call: CallOptions): Promise<RunSummary> {
    const spec: AttachSpec = { ...this.spec, ...changes };
    // An object that was built before the attach is an old version by now.
    if (changes.object === undefined) delete spec.object;
    const objects = await this.rebuild(spec, call);
    this.nextSpec = spec;
    const before = this.hostRuns.map((h) => h.object);
    const versions = new StreamVersions(this.recordSchemas, schemasOf(objects[0]!), ++this.version);
    for (const schema of versions.schemas) compileExpr(spec.where, schema);
    this.take(versions);
    const reports: SwapReport[] = [];
    const commits: { h: HostRun; toCommit: ToCommit }[] = [];
    try {
      for (const [i, h] of this.hostRuns.entries()) {
        call.progress?.({ step: `Replacing ${runName(spec.file)} on ${h.name}` });
        const swap = (): Promise<Swapped> => this.swapOn(h, objects[i]!, spec, versions.changed, call);
        const { report, toCommit } = await this.guarded(h, swap, call);
        reports.push(report);
        commits.push({ h, toCommit });
      }
    } catch (error) {
      this.take(versions.undone(reports.length > 0));
      for (const [i, h] of this.hostRuns.slice(0, reports.length).entries()) {
        await h.swap(before[i]!, this.spec, versions.changed, {}).catch((second: unknown) => {
          this.deps.log.warn(`${h.name} has the new version: ${RingsideError.from(second).message}`);
        });
      }
      throw error;
    }
    this.suspendedAt = null; // a new version is attached
    this.recordings.figures();
    this.spec = spec;
    this.object = objects[0]!;
    this.swaps = reports;
    this.maps.forget();
    for (const [i, h] of this.hostRuns.entries()) {
      this.deps.onEvents(this.id, [{ type: 'swapped', ...reports[i]! }, ...attachedEvents(h)]);
    }
    await this.commitSwaps(commits, call);
    this.changed();
    return this.summary();
  }

  /** A new version that may cut the connection and is not committed is gone, and the old one with it: so is the run. */
  private async commitSwaps(commits: { h: HostRun; toCommit: ToCommit }[], call: CallOptions): Promise<void> {
    try {
      for (const { h, toCommit } of commits)
        await this.guards.commit(h.name, toCommit, (signal) => h.commit(signal), call.signal);
    } catch (error) {
      this.error = RingsideError.from(error);
      this.redeploying = undefined; // which end() would wait for
      void this.end('agent');
      throw error;
    }
  }

  /** For every host, before anything changes on any. What the compiler says is shown, the run goes on. */
  private async rebuild(spec: AttachSpec, call: CallOptions): Promise<PreparedObject[]> {
    try {
      const build = (h: HostRun): Promise<PreparedObject> =>
        h.plainSet === undefined
          ? this.deps.prepare(this.fileFor(h.name, spec), h.host, undefined, call)
          : this.deps.prepare(spec.file, h.host, undefined, call, plainCpu);
      const objects = await Promise.all(this.hostRuns.map(build));
      this.diagnostics = objects[0]!.diagnostics;
      return objects;
    } catch (error) {
      if (error instanceof BuildFailure) this.diagnostics = error.diagnostics;
      this.changed();
      throw error;
    }
  }

  /** As `load` does, with the plain instruction set where the verifier does not take the newest. */
  private async swapOn(
    h: HostRun,
    object: PreparedObject,
    spec: AttachSpec,
    reset: string[],
    call: CallOptions,
  ): Promise<Swapped> {
    try {
      const swapped = await h.swap(object, spec, reset, call);
      if (h.plainSet !== undefined) sayPlainSet(h, h.plainSet);
      return swapped;
    } catch (error) {
      const prepare: RunDeps['prepare'] = (...asked) => this.deps.prepare(...asked);
      const other = await otherCpu(RingsideError.from(error).code, spec.file, { host: h.host, object }, prepare, call);
      if (other === null) throw error;
      const swapped = await h.swap(other.object, spec, reset, call).catch(() => {
        throw error;
      });
      sayPlainSet(h, other.text);
      return swapped;
    }
  }

  /** Streams whose records have another layout now keep their rows under another name. */
  private take(versions: StreamVersions): void {
    for (const { from, to } of versions.renames) {
      this.store.rename(from, to);
      this.emitter?.rename(from, to);
    }
    this.recordSchemas = versions.schemas;
    for (const { stream } of this.recordSchemas) this.emitter?.add(stream);
  }

  private async undo(error: RingsideError): Promise<void> {
    this.error = error;
    if (error instanceof BuildFailure) this.diagnostics = error.diagnostics;
    this.endedAt = Date.now();
    await Promise.all(this.hostRuns.map((h) => h.close()));
    this.release();
    await this.recordings.discard();
    await this.releaseAgents();
    this.setState('failed');
  }

  private running(): void {
    this.runningSince = performance.now();
    this.lastRateAt = this.runningSince;
    this.setState('running');
    this.every(STATS_MS, () => void this.tick());
    this.every(NAMES_MS, () => void this.naming.nameRecorded(false));
    const { durationSeconds, mapsSeconds } = this.spec;
    this.deadline.set(durationSeconds);
    if (mapsSeconds !== null) {
      this.every(mapsSeconds * 1000, () => void this.emitMaps());
      this.every(mapsSeconds * 1000, () => this.readIterators());
    }
    if (this.spec.record) void this.recordings.keepMaps(this.spec.record.mapsSeconds);
    this.emitter?.wake();
    this.readIterators();
    // What costs far too much may be over before the answer to the attach is here.
    for (const h of this.hostRuns) if (h.stopped) this.onGone(h, h.stopped, 'agent');
    if (this.limitReached) void this.end('count');
  }

  /** Rows may be here before the answer to the attach: the run is ended once it has begun, not given up. */
  private onLimit(): void {
    this.limitReached = true;
    if (this.runningSince !== 0) void this.end('count');
  }

  private every(ms: number, action: () => void): void {
    this.timers.add(setInterval(action, ms));
  }

  private async tick(): Promise<void> {
    void this.naming.lookAtRows();
    await this.attention.renew(this.hostRuns);
    await Promise.allSettled(this.hostRuns.map((h) => h.refreshStats()));
    this.recordings.figures();
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

  /** One reading after the other: what an iterator writes may take a while. */
  private readIterators(): void {
    this.iterating = this.iterating
      .then(() => this.iterators.read())
      .then(
        () => this.changedSoon(),
        (error: unknown) => {
          this.deps.log.warn(`An iterator could not be read: ${RingsideError.from(error).message}`);
        },
      );
  }

  /** A map that cannot be read once is said in the log; the next turn tries again. */
  private async emitMaps(): Promise<void> {
    try {
      const { events, read } = await this.maps.events();
      this.recordings.mapsShown(read);
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
    const reason = error.code === 'host-lost' ? 'host-lost' : error.code === 'cancelled' ? 'interrupt' : 'agent';
    this.onGone(hostRun, error, reason);
  }

  /** Its last figures and records can still be had. */
  private onStopped(hostRun: HostRun, error: RingsideError): void {
    hostRun.stopped = error;
    this.onGone(hostRun, error, 'agent');
  }

  /** The run goes on as long as it is attached anywhere. */
  private onGone(hostRun: HostRun, error: RingsideError, reason: EndReason): void {
    if (this.runningSince === 0) return; // start() fails by itself, or comes back to it
    if (this.hostRuns.some((h) => !h.gone)) {
      hostRun.notes.push({ host: hostRun.name, about: '', text: error.message });
      this.deps.onEvents(this.id, [{ type: 'note', host: hostRun.name, about: '', text: error.message }]);
      this.changed();
      return;
    }
    if (reason !== 'interrupt') this.error = error;
    void this.end(reason);
  }

  /** Other limits from now on, on every host; their time begins anew. Errors: usage. */
  async setLimits(limits: Partial<RunLimits>): Promise<RunSummary> {
    if (this.state !== 'running' && this.state !== 'paused') {
      throw new RingsideError('usage', 'This run is not attached.', { remedy: 'Give the limits when you attach.' });
    }
    await Promise.all(this.hostRuns.map((h) => h.setLimits({ ...h.limits, ...limits })));
    this.spec = { ...this.spec, limits: { ...this.spec.limits, ...limits } };
    this.changed();
    return this.summary();
  }

  /**
   * Detaches everywhere, drains to the last record and closes the account. Safe to call more than once. Of a run that is
   * kept, its duration and count say for how long we look at it: it is left.
   */
  end(reason: EndReason): Promise<RunSummary> {
    this.ending ??= this.finish(reason, reason === 'duration' || reason === 'count');
    return this.ending;
  }

  /** Goes away: what is kept goes on on its hosts, the rest is detached. */
  leave(): Promise<RunSummary> {
    this.ending ??= this.finish('interrupt', true);
    return this.ending;
  }

  private async finish(reason: EndReason, leave: boolean): Promise<RunSummary> {
    if (this.state === 'failed' || this.state === 'ended') return this.summary();
    if (this.runningSince === 0) {
      this.abort.abort(); // still starting: start() undoes it
      return this.summary();
    }
    for (const timer of this.timers) clearInterval(timer);
    this.deadline.clear();
    this.recordings.ending();
    await this.suspending.catch(() => undefined);
    await this.redeploying?.catch(() => undefined);
    await this.iterating;
    this.setState('detaching');
    if (this.spec.mapsSeconds !== null) await this.emitMaps();
    await this.recordings.readMaps();
    await this.naming.readStacks();
    for (const h of this.hostRuns) h.grantHeld();
    const stays = (h: HostRun): boolean => h.kept !== null && (leave || goesOn(h));
    const last = (h: HostRun): Promise<void> => (stays(h) && !h.lost ? h.refreshStats() : h.detach());
    const results = await Promise.allSettled(this.hostRuns.map(last));
    const failed = results.find((r): r is PromiseRejectedResult => r.status === 'rejected');
    if (failed) this.error ??= RingsideError.from(failed.reason);
    for (const h of this.hostRuns) h.streams.flush(); // also of a host that was lost
    await this.emitter?.drain();
    await this.naming.nameRecorded(true);
    for (const h of this.hostRuns) {
      if (stays(h)) h.leave();
      else h.kept = null;
    }
    await Promise.all(this.hostRuns.map((h) => h.close()));
    this.release();
    await this.releaseAgents();
    this.endReason = reason;
    this.detachedAt = performance.now();
    this.endedAt = this.playedEnd ? this.startedAt + 1000 * this.playedEnd.seconds : Date.now();
    this.rate = 0;
    await this.recordings.end({ reason, runGoesOn: false, seconds: this.seconds, error: this.error?.toData() ?? null });
    this.deps.onEvents(this.id, [this.endEvent(reason)]);
    this.setState('ended');
    return this.summary();
  }

  private endEvent(reason: EndReason): RunEvent {
    return {
      type: 'end',
      reason,
      seconds: this.seconds,
      ...(reason === 'agent' && this.error && { error: this.error.toData() }),
      ...(this.keptOn().length > 0 && { kept: this.keptOn() }),
      ledger: this.ledger(),
      programs: this.costs(),
      agent: agentCost(this.spans()),
    };
  }

  /** How long it has been attached. */
  private get seconds(): number {
    return this.playedEnd?.seconds ?? ((this.detachedAt ?? performance.now()) - this.runningSince) / 1000;
  }

  /** Ends it in so many seconds from now; null takes that back. Errors: usage. */
  limitTime(seconds: number | null): RunSummary {
    this.mustBeLive();
    this.deadline.set(seconds);
    this.changed();
    return this.summary();
  }

  /**
   * Detaches on every host and keeps maps, streams and rows, or attaches again. What fails while attaching again leaves the
   * run as it was, detached. Errors: usage, and what the hosts say.
   */
  suspend(suspended: boolean, call: CallOptions): Promise<RunSummary> {
    const turn = this.suspending.catch(() => undefined).then(() => this.suspendNow(suspended, call));
    this.suspending = turn;
    return turn;
  }

  private async suspendNow(suspended: boolean, call: CallOptions): Promise<RunSummary> {
    this.mustBeLive();
    if (suspended === (this.suspendedAt !== null)) return this.summary();
    if (suspended) {
      await Promise.all(this.hostRuns.filter((h) => !h.gone).map((h) => h.suspend()));
      this.suspendedAt = Date.now();
    } else {
      try {
        for (const h of this.hostRuns.filter((one) => !one.gone)) await this.attachOn(h, call);
        this.suspendedAt = null;
      } catch (error) {
        await Promise.allSettled(this.hostRuns.map((h) => h.suspend()));
        this.changed();
        throw error;
      }
    }
    this.changed();
    return this.summary();
  }

  /** Errors: usage. */
  private mustBeLive(): void {
    if (!this.deps.replay && (this.state === 'running' || this.state === 'paused') && !this.ending) return;
    throw new RingsideError('usage', 'This run is not attached.', { remedy: 'Attach the program again.' });
  }

  /** Begins to record what is attached already. Errors: usage, file-exists, recording-failed. */
  async record(spec: RecordSpec): Promise<RunSummary> {
    if (this.deps.replay || (this.state !== 'running' && this.state !== 'paused')) {
      throw new RingsideError('usage', 'This run is not attached.', {
        remedy: 'Only what is attached can be recorded.',
      });
    }
    await this.recordings.open(spec);
    await this.recordings.begin(true);
    this.naming.recordingBegins();
    await this.recordings.keepMaps(spec.mapsSeconds);
    return this.summary();
  }

  /** Ends the recording; the run goes on. */
  async endRecording(): Promise<RunSummary> {
    this.recordings.ending();
    await Promise.allSettled(this.hostRuns.map((h) => h.refreshStats()));
    await this.recordings.readMaps();
    await this.naming.nameRecorded(true);
    await this.recordings.end({ reason: 'interrupt', runGoesOn: true, seconds: this.seconds, error: null });
    return this.summary();
  }

  /** For recordings: reads every map once, whatever of them can be read. */
  readMaps(): Promise<void> {
    return this.maps.readAll();
  }

  onDump(...dump: Parameters<Recordings['map']>): void {
    this.recordings.map(...dump);
  }

  onPass(...pass: Parameters<Recordings['iterator']>): void {
    this.recordings.iterator(...pass);
  }

  /** It is a recording. */
  get replayed(): boolean {
    return this.deps.replay !== undefined;
  }

  /** Of a recording: nothing more is to be played. */
  get over(): boolean {
    return this.ending !== undefined;
  }

  /** Of a recording: the maps were handed out here. */
  async showMaps(): Promise<void> {
    this.maps.forget();
    await this.emitMaps();
  }

  /** Of a recording: an iterator was read here. */
  iteratorRead(host: number, program: string, pass: IteratorText): void {
    this.iterators.pass(this.hostRuns[host]!, program, pass);
    this.onRows();
  }

  /** Of a recording: it was played to its end. */
  async ended(end: PlayedEnd): Promise<RunSummary> {
    if (this.ending) return this.ending;
    this.playedEnd = end;
    this.error = end.error;
    await this.maps.readAll();
    return this.end(end.reason);
  }

  private keptOn(): RunSummary['kept'] {
    return this.hostRuns.flatMap((h) => h.kept ?? []);
  }

  private release(): void {
    this.deadline.clear();
    clearTimeout(this.summaryTimer);
    this.summaryTimer = undefined;
    for (const timer of this.timers) clearInterval(timer);
    this.timers.clear();
    for (const stop of this.unsubscribe) stop();
  }

  /** An agent that has loaded nothing, because the source did not build, is as good as new. */
  private async releaseAgents(): Promise<void> {
    const used = this.hostRuns.filter((h) => h.touched).map((h) => h.host);
    await Promise.all(this.claimed.splice(0).map((host) => this.deps.release(host, !used.includes(host))));
  }

  /** The rows are not wanted any more. */
  dispose(): void {
    this.views.dispose();
    this.summaries.dispose();
    this.deps.onDispose?.();
    this.mapSummaries.dispose();
  }

  private spans(): StatsSpan[] {
    return this.hostRuns.map((h) => ({ first: h.first, last: h.stats }));
  }

  private costs(): ReturnType<typeof programCosts> {
    const names = this.hostRuns.flatMap((h) => h.attachments.map((a) => a.program));
    return programCosts([...new Set(names)], [...this.hostRuns.flatMap((h) => h.past), ...this.spans()]);
  }

  private rates(): ReturnType<typeof programRates> {
    const names = this.hostRuns.flatMap((h) => h.attachments.map((a) => a.program));
    return programRates(
      [...new Set(names)],
      this.hostRuns.map((h) => ({ first: h.before, last: h.stats })),
    );
  }

  private ledger(): RunSummary['ledger'] {
    const over = this.state === 'detaching' || this.state === 'ended';
    return runLedger(this, over && this.playedEnd?.runGoesOn !== true);
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
    this.attention.look();
    return query.stream.startsWith(MAP_STREAM)
      ? this.maps.page(query)
      : this.naming.named(() => this.views.page(query));
  }

  /** @throws RingsideError when the question does not fit the records. */
  ask(ask: RowsAsk): RowsAnswers[RowsAsk['ask']] | Promise<RowsAnswers[RowsAsk['ask']]> {
    this.attention.look();
    if (ask.ask === 'mapSummary') return this.mapSummaries.page(ask);
    return this.naming.named(() => answerRows(this.views, this.summaries, ask));
  }

  detail(stream: string, seq: number): RowDetail | null | Promise<RowDetail | null> {
    if (stream.startsWith(MAP_STREAM)) return this.maps.detail(stream, seq);
    return this.naming.named(() => this.views.detail(stream, seq));
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
      ...this.iterators.schemas(),
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

  changed(): void {
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
      ...(this.swaps && { swaps: this.swaps }),
      schemas: this.schemas(),
      ledger: this.ledger(),
      programs: this.costs(),
      ...(this.state === 'running' && { rates: this.rates() }),
      rate: this.rate,
      agent: agentCost(this.spans()),
      store: { bytes: this.store.bytes, maxBytes: this.store.maxBytes },
      limits: this.hostRuns.find((h) => h.limits !== null)?.limits ?? null,
      kept: this.keptOn(),
      ...(this.deadline.endsAt !== null && { endsAt: this.deadline.endsAt }),
      ...(this.suspendedAt !== null && { suspendedAt: this.suspendedAt }),
      ...(this.recordings.state && { recording: this.recordings.state }),
      ...(this.deps.replay && { replay: this.deps.replay.state() }),
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

/** We are cut off from it and it from us: what is kept there is not ended by that. */
const goesOn = ({ lost }: HostRun): boolean => lost?.code === 'host-lost' || lost?.code === 'run-adopted';

/** Later versions are built with the plain set as well. */
function sayPlainSet(hostRun: HostRun, text: string): void {
  hostRun.plainSet = text;
  hostRun.notes.push({ host: hostRun.name, about: '', text });
}

function attachedEvents(hostRun: HostRun): RunEvent[] {
  return [
    ...hostRun.notes.map((n) => ({ type: 'note' as const, ...n })),
    ...hostRun.attachments.map((a) => ({ type: 'attached' as const, ...a })),
    ...hostRun.leftOut.map((l) => ({ type: 'left-out' as const, ...l })),
  ];
}

/** One schema a ring or perf buffer of the object, in the object's order. */
function schemasOf(object: PreparedObject): StreamSchema[] {
  const { maps, records } = object.report;
  return maps
    .filter((m) => streamMapTypes.has(m.type))
    .map((m) => ({ stream: m.name, records: records.filter((r) => r.map === m.name) }));
}

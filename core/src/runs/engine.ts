/** The engine: hosts, builds, verdicts and runs behind the one API of api.ts. */
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { InspectOptions } from '../bpf/index.ts';
import {
  cachedVmlinuxHeader,
  importHeader,
  localVmlinuxHeader,
  readAhead,
  vmlinuxHeaderOfFile,
} from '../build/index.ts';
import { agentRemove, agentStatus, runNotKept } from '../deploy/index.ts';
import { hostCode, type CodeListing } from '../code/index.ts';
import { RingsideError, throwIfAborted } from '../errors.ts';
import { createFromTemplate, listTemplates } from '../gallery.ts';
import type { ProjectPlan, ProjectRequest } from '../model/index.ts';
import { writeProject } from '../project/index.ts';
import type { Log } from '../log.ts';
import type {
  AdoptSpec,
  AttachSpec,
  BuildResult,
  ExplorationInfo,
  ExplorationRequest,
  ExploreAnswer,
  ExploreQuery,
  HostEntry,
  MapName,
  MapSetMode,
  MapsAnswer,
  MapsQuery,
  MapsScope,
  NewHost,
  OpenRecordingSpec,
  RecordSpec,
  RowsAnswer,
  RowsAsk,
  RunSummary,
  Takeable,
  TargetListing,
  TargetQuery,
  VerifyReport,
} from '../model/index.ts';
import { lineFrame, listLinks, listMaps, listPrograms, OpenMaps, takeAway, type HostMaps } from '../maps/index.ts';
import type { CallOptions } from '../progress.ts';
import type { Prompter } from '../prompt.ts';
import { addHost, listHosts, openTransport, planHost } from '../ssh/index.ts';
import type { SshOptions } from '../ssh/options.ts';
import type { Transport } from '../ssh/transport.ts';
import { Explorations, writeRecord } from '../verifier/index.ts';
import { withoutHost } from './replay/recordedHost.ts';
import { readTestFile } from '../testrun/index.ts';
import type {
  BuildRequest,
  Engine,
  EngineEvents,
  TestOutcome,
  TestRequest,
  VerifyOutcome,
  VerifyRequest,
} from './api.ts';
import { doctorReport } from './doctor.ts';
import { checkGlobal, globalsOf, setVariable } from './globals.ts';
import { HostPool, type ConnectedHost } from './hosts.ts';
import { headerOfHost } from './kernelTypes.ts';
import { rememberHost, recallHost } from './hostMemory.ts';
import { keptRunInfo, readDetails } from './keptRun.ts';
import { otherCpu } from './instructionSet.ts';
import { compile, isSource, prepare, type BuildSettings, type BuildTarget, type PreparedAhead } from './prepare.ts';
import { MapsViews } from './mapsViews.ts';
import type { ReconnectTimes } from './reconnect.ts';
import { openRecording } from './replay/open.ts';
import { Run, type RunDeps } from './run.ts';
import { authoringTarget, recentTarget, rememberedTarget } from './authoring.ts';
import { objectText } from './objectText.ts';
import { planProject } from './project.ts';
import { listTargets } from './targets.ts';
import { chosenTests, listTests, testFiles, testOn } from './tests.ts';
import { openFullLog, verifyOn } from './verify.ts';

export interface EngineOptions {
  /** dist/: agents, libbpf headers, gallery. */
  resourceDir: string;
  cacheDir: string;
  /** "" = discover. */
  compilerPath: string;
  ssh: SshOptions;
  prompter: Prompter;
  /** Tests shorten these. */
  heartbeatMs?: number;
  leaseMs?: number;
  /** An agent waits on every connected host for the next run: for programs that stay. */
  keepSpare?: boolean;
  /** Lost hosts are connected again by themselves: for programs that stay. */
  reconnect?: ReconnectTimes;
}

const refused = (report: VerifyReport): number => report.programs.filter((p) => p.verdict === 'rejected').length;

/** Runs that ended stay, with their rows, until forgotten; of old ones only this many. */
const KEPT_RUNS = 8;

export function createEngine(options: EngineOptions): Engine {
  return new InProcessEngine(options);
}

class InProcessEngine implements Engine {
  private readonly listeners = new Map<keyof EngineEvents, Set<(...args: never[]) => void>>();
  private readonly runsById = new Map<string, Run>();
  private readonly pool: HostPool;
  private readonly settings: BuildSettings;
  private readonly log: Log;
  private ssh: SshOptions;
  private readonly hostMaps = new OpenMaps();
  private readonly mapsViews = new MapsViews({
    runs: () => [...this.runsById.values()],
    connect: (host, call) => this.pool.connect(host, call),
    hostState: (host) => this.pool.state(host),
  });
  private readonly explorations = new Explorations();
  private readonly disposing = new AbortController();

  constructor(private readonly options: EngineOptions) {
    this.ssh = options.ssh;
    const say = (level: Parameters<EngineEvents['log']>[0]) => (message: string) => this.emit('log', level, message);
    this.log = { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') };
    const { resourceDir, cacheDir, compilerPath, heartbeatMs, leaseMs, keepSpare, reconnect } = options;
    this.settings = { resourceDir, cacheDir, compilerPath, log: this.log };
    this.pool = new HostPool({
      resourceDir,
      ssh: () => this.ssh,
      prompter: options.prompter,
      log: this.log,
      onState: (state) => this.emit('host', state),
      ...(heartbeatMs !== undefined && { heartbeatMs }),
      ...(leaseMs !== undefined && { leaseMs }),
      ...(keepSpare !== undefined && { keepSpare }),
      ...(reconnect !== undefined && { reconnect }),
    });
  }

  on<K extends keyof EngineEvents>(event: K, listener: EngineEvents[K]): () => void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  private emit<K extends keyof EngineEvents>(event: K, ...args: Parameters<EngineEvents[K]>): void {
    for (const listener of this.listeners.get(event) ?? [])
      (listener as unknown as (...args: Parameters<EngineEvents[K]>) => void)(...args);
  }

  hosts(): Promise<HostEntry[]> {
    return listHosts({ ...(this.ssh.configFile !== undefined && { configFile: this.ssh.configFile }) });
  }

  planHost(command: string, alias: string) {
    return planHost(command, alias, this.ssh.configFile);
  }

  addHost(host: NewHost) {
    return addHost(host);
  }

  hostStates() {
    return Promise.resolve(this.pool.states());
  }

  connect(host: string, call: CallOptions = {}) {
    return this.pool.open(host, call);
  }

  async disconnect(host: string) {
    for (const run of this.runsById.values()) if (!run.replayed && run.spec.hosts.includes(host)) await run.leave();
    await this.pool.disconnect(host);
  }

  async doctor(host: string, call: CallOptions = {}) {
    return doctorReport(await this.pool.connect(host, call), this.settings, call);
  }

  async targets(host: string, query: TargetQuery, call: CallOptions = {}): Promise<TargetListing> {
    return listTargets(await this.pool.connect(host, call), query, this.settings.cacheDir, call);
  }

  async authoring(name: string, call: CallOptions = {}) {
    const target = await this.authoringTarget(name, call);
    // Whoever writes a program for a host builds it soon: what that build reads first is read now.
    if (target?.vmlinuxHeader) void readAhead(target.vmlinuxHeader);
    return target;
  }

  private async authoringTarget(name: string, call: CallOptions) {
    const { cacheDir } = this.settings;
    const state = this.pool.state(name);
    if (state?.state !== 'ready' || !state.info) return rememberedTarget(name, cacheDir);
    // What was read lately needs no agent.
    const known = await recentTarget(name, state.info, cacheDir);
    if (known) return known;
    return authoringTarget(await this.pool.connect(name, call), cacheDir, call);
  }

  async agentStatus(host: string, call: CallOptions = {}) {
    return this.withTransport(host, call, (transport) => agentStatus(transport, this.deployOptions(call)));
  }

  async agentRemove(host: string, call: CallOptions = {}) {
    await this.disconnect(host);
    return this.withTransport(host, call, (transport) => agentRemove(transport, this.deployOptions(call)));
  }

  private deployOptions(call: CallOptions) {
    return {
      ...call,
      resourceDir: this.options.resourceDir,
      ssh: this.ssh,
      prompter: this.options.prompter,
      log: this.log,
    };
  }

  /** A connection of its own, without an agent: what status and remove need. */
  private async withTransport<T>(
    host: string,
    call: CallOptions,
    use: (transport: Transport) => Promise<T>,
  ): Promise<T> {
    const transport = await openTransport(host, this.ssh, this.options.prompter, this.log, call);
    try {
      return await use(transport);
    } finally {
      transport.dispose();
    }
  }

  async build(request: BuildRequest, call: CallOptions = {}): Promise<BuildResult> {
    const file = resolve(request.file);
    if (request.text === undefined) await mustExist(file);
    const { cacheDir } = this.settings;
    let target: BuildTarget = { arch: hostArch(), kernel: '' };
    let header: () => Promise<string>;
    if (request.host !== undefined) {
      const host = await this.pool.connect(request.host, call);
      target = targetOf(host);
      header = () => headerOfHost(host, cacheDir, call);
    } else if (request.vmlinux !== undefined) {
      const path = resolve(request.vmlinux);
      header = () => importHeader(path, cacheDir);
    } else if (request.btf !== undefined) {
      const path = resolve(request.btf);
      header = () => vmlinuxHeaderOfFile(path, cacheDir);
    } else {
      header = () => localVmlinuxHeader(cacheDir);
    }
    const { text, output, flags, syntaxOnly } = request;
    const { vmlinuxHeader, ...built } = await compile(
      {
        file,
        target,
        header,
        ...(text !== undefined && { text }),
        ...(output !== undefined && { output: resolve(output) }),
        ...(flags !== undefined && { flags }),
        ...(syntaxOnly !== undefined && { syntaxOnly }),
      },
      this.settings,
      call,
    );
    return { ...built, target: { vmlinuxHeader, arch: target.arch } };
  }

  async inspect(file: string, call: CallOptions = {}) {
    const path = resolve(file);
    await mustExist(path);
    const prepared = await prepare(
      path,
      { arch: hostArch(), kernel: '' },
      () => localVmlinuxHeader(this.settings.cacheDir),
      this.settings,
      call,
    );
    return prepared.report;
  }

  objectText(file: string): Promise<CodeListing> {
    return objectText(file);
  }

  /**
   * Compiles while the connection is being made, for the kernel that the host had the last time. Whatever goes wrong
   * here is found again, and said, when the host is connected.
   */
  private prepareAhead = async (
    file: string,
    name: string,
    call: CallOptions,
    inspect?: InspectOptions,
  ): Promise<PreparedAhead | undefined> => {
    const { cacheDir } = this.settings;
    if (!isSource(file) || this.pool.state(name)?.state === 'ready') return undefined;
    try {
      const known = await recallHost(cacheDir, name);
      const header = known && (await cachedVmlinuxHeader(known.btfSha256, cacheDir));
      if (!known || header === undefined) return undefined;
      const quiet: CallOptions = call.signal ? { signal: call.signal } : {};
      const object = await prepare(file, known, () => Promise.resolve(header), this.settings, quiet, inspect);
      return { ...known, object };
    } catch {
      return undefined;
    }
  };

  private prepareFor = async (
    file: string,
    host: ConnectedHost,
    ahead: PreparedAhead | undefined,
    call: CallOptions,
    cpu?: string,
    inspect?: InspectOptions,
  ) => {
    const { cacheDir } = this.settings;
    const { arch, kernel, btfSha256 } = host.info;
    const same = ahead?.arch === arch && ahead.kernel === kernel && ahead.btfSha256 === btfSha256;
    if (same && cpu === undefined) return ahead.object;
    const target = { ...targetOf(host), ...(cpu !== undefined && { cpu }) };
    const object = await prepare(file, target, () => headerOfHost(host, cacheDir, call), this.settings, call, inspect);
    if (btfSha256 !== '') await rememberHost(cacheDir, host.name, { arch, kernel, btfSha256 });
    return object;
  };

  async verify(request: VerifyRequest, call: CallOptions = {}): Promise<VerifyOutcome[]> {
    const file = resolve(request.file);
    await mustExist(file);
    const fullLog = await openFullLog(request.fullLog);
    try {
      const one = async (name: string) => {
        const ahead = this.prepareAhead(file, name, call, { records: false });
        const host = await this.pool.connect(name, call);
        const object = await this.prepareFor(file, host, await ahead, call, undefined, { records: false });
        const report = await verifyOn(host, object, request, fullLog, call);
        const recorded = async (result: VerifyReport, full: Uint8Array, attempt: number): Promise<VerifyReport> => {
          if (request.record !== undefined)
            await writeRecord(request.record, request.source ?? file, full, result, attempt);
          return result;
        };
        if (report.ok) return recorded(report, object.full, 0);
        const other = await otherCpu('verifier-rejected', file, { host, object }, this.prepareFor, call);
        const second = other && (await verifyOn(host, other.object, request, fullLog, call));
        // As a run decides it: what more programs pass is used.
        const better = second && refused(second) < refused(report);
        if (!better) return recorded(report, object.full, 0);
        return recorded({ ...second, notes: [...second.notes, other.text] }, other.object.full, 1);
      };
      if (request.hosts.length === 1) return [await one(request.hosts[0]!)];
      return await Promise.all(
        request.hosts.map((host) =>
          one(host).catch((error: unknown) => ({ host, error: RingsideError.from(error).toData() })),
        ),
      );
    } finally {
      await fullLog?.close();
    }
  }

  openExploration(request: ExplorationRequest, call: CallOptions = {}): Promise<ExplorationInfo> {
    return this.explorations.open(request, call.signal);
  }

  explore<Q extends ExploreQuery>(exploration: number, query: Q): Promise<ExploreAnswer<Q>> {
    return this.explorations.ask(exploration, query);
  }

  closeExploration(exploration: number): Promise<void> {
    this.explorations.close(exploration);
    return Promise.resolve();
  }

  listTests(file: string, testFile?: string) {
    return listTests(resolve(file), testFile === undefined ? undefined : resolve(testFile));
  }

  async test(request: TestRequest, call: CallOptions = {}): Promise<TestOutcome[]> {
    const files = await testFiles(
      resolve(request.file),
      request.testFile === undefined ? undefined : resolve(request.testFile),
    );
    const chosen = chosenTests(await readTestFile(files.testFile), request);
    const one = async (name: string) => {
      const ahead = this.prepareAhead(files.file, name, call);
      const host = await this.pool.connectForRun(name, call);
      try {
        const object = await this.prepareFor(files.file, host, await ahead, call);
        return await testOn(host, object, { ...files, tests: chosen }, request, this.prepareFor, call);
      } finally {
        await this.pool.release(host, false);
      }
    };
    if (request.hosts.length === 1) return [await one(request.hosts[0]!)];
    return Promise.all(
      request.hosts.map((host) =>
        one(host).catch((error: unknown) => ({ host, error: RingsideError.from(error).toData() })),
      ),
    );
  }

  async attach(spec: AttachSpec, call: CallOptions = {}): Promise<RunSummary> {
    throwIfAborted(this.disposing.signal);
    const file = resolve(spec.file);
    await mustExist(file);
    const run = this.newRun({ ...spec, file });
    const signal = call.signal ? AbortSignal.any([call.signal, this.disposing.signal]) : this.disposing.signal;
    return run.start({ ...call, signal });
  }

  private newRun(spec: AttachSpec, others: Partial<RunDeps> = {}): Run {
    const run = new Run(randomUUID(), spec, {
      connect: (host, options) => this.pool.connectForRun(host, options),
      connected: (host) => this.pool.connected(host),
      release: (host, unused) => this.pool.release(host, unused),
      prepareAhead: this.prepareAhead,
      prepare: this.prepareFor,
      onConnectionEnd: (host, listener) => this.pool.onConnectionEnd(host, listener),
      onChange: (summary) => this.emit('run', summary),
      onEvents: (id, events) => this.emit('runEvents', id, events),
      prompter: this.options.prompter,
      log: this.log,
      ...others,
    });
    this.forgetOldest();
    this.runsById.set(run.id, run);
    return run;
  }

  private forgetOldest(): void {
    const over = [...this.runsById.values()].filter((r) => r.state === 'ended' || r.state === 'failed');
    for (const run of over.slice(0, Math.max(0, over.length - KEPT_RUNS + 1))) this.drop(run);
  }

  private drop(run: Run): void {
    run.dispose();
    this.runsById.delete(run.id);
  }

  private run(id: string): Run {
    const run = this.runsById.get(id);
    if (!run)
      throw new RingsideError('usage', 'There is no such run any more.', { remedy: 'Attach the program again.' });
    return run;
  }

  /** A run that has hosts. Errors: usage, recording-without-host. */
  private attachedRun(id: string): Run {
    const run = this.run(id);
    if (run.replayed) throw withoutHost();
    return run;
  }

  async redeploy(runId: string, changes: Parameters<Engine['redeploy']>[1], call: CallOptions = {}) {
    return this.attachedRun(runId).redeploy(changes, call);
  }

  keep(runId: string, seconds: number) {
    if (seconds > 0 && this.ssh.ephemeral) {
      throw new RingsideError('usage', 'A run cannot be kept by an agent that leaves nothing behind (--ephemeral).', {
        remedy: 'Attach without --ephemeral.',
      });
    }
    return this.attachedRun(runId).keep(seconds);
  }

  leave(runId: string) {
    return this.run(runId).leave();
  }

  async keptRuns(host: string, call: CallOptions = {}) {
    const { agent } = await this.pool.connect(host, call);
    const { runs } = await agent.request({ case: 'listKept', value: {} }, 'keptList', call);
    return runs.map((run) => keptRunInfo(host, run));
  }

  async endKept(host: string, run: string, call: CallOptions = {}) {
    const { agent } = await this.pool.connect(host, call);
    await agent.request({ case: 'endKept', value: { run } }, 'empty', call);
  }

  async takeAway(host: string, what: Takeable, call: CallOptions = {}) {
    await takeAway((await this.pool.connect(host, call)).agent, what, call);
  }

  async adopt({ host: name, run: kept, ...look }: AdoptSpec, call: CallOptions = {}) {
    throwIfAborted(this.disposing.signal);
    if (!/^[0-9a-f]{8}$/.test(kept)) throw runNotKept(name, kept);
    const host = await this.pool.adopt(name, kept, call);
    try {
      const description = await host.agent.request({ case: 'describeRun', value: {} }, 'runDescription', call);
      const { spec, object } = readDetails(host.agent.takeBlob(description.detailsBlob));
      const run = this.newRun({ ...spec, ...look, hosts: [name] });
      return await run.adopt([{ host, description, object }], call);
    } catch (error) {
      await this.pool.release(host, false);
      throw error;
    }
  }

  async setLimits(runId: string, limits: Parameters<Engine['setLimits']>[1]) {
    return this.attachedRun(runId).setLimits(limits);
  }

  detach(runId: string) {
    return this.run(runId).end('interrupt');
  }

  async globals(runId: string, call: CallOptions = {}) {
    return globalsOf(this.attachedRun(runId), call);
  }

  async checkGlobal(runId: string, name: string, value: string) {
    checkGlobal(this.attachedRun(runId), name, value);
    return Promise.resolve();
  }

  async setVariable(runId: string, name: string, value: string, call: CallOptions = {}) {
    return setVariable(this.attachedRun(runId), name, value, call);
  }

  async limitTime(runId: string, seconds: number | null) {
    return Promise.resolve(this.attachedRun(runId).limitTime(seconds));
  }

  async suspend(runId: string, suspended: boolean, call: CallOptions = {}) {
    return this.attachedRun(runId).suspend(suspended, call);
  }

  async record(runId: string, spec: RecordSpec) {
    return this.attachedRun(runId).record(spec);
  }

  endRecording(runId: string) {
    return this.run(runId).endRecording();
  }

  openRecording(spec: OpenRecordingSpec, call: CallOptions = {}) {
    throwIfAborted(this.disposing.signal);
    return openRecording(spec, { newRun: (...made) => this.newRun(...made), log: this.log }, call);
  }

  runs() {
    return Promise.resolve([...this.runsById.values()].map((r) => r.summary()));
  }

  pause(runId: string, paused: boolean) {
    this.run(runId).setPaused(paused);
    return Promise.resolve();
  }

  async forget(runId: string) {
    const run = this.runsById.get(runId);
    if (!run) return;
    await run.end('interrupt');
    this.drop(run);
  }

  async readIterator(runId: string, host: string, program: string) {
    return this.attachedRun(runId).on(host).readIterator(program);
  }

  async writeUserRing(runId: string, host: string, map: string, records: Uint8Array[]) {
    return this.attachedRun(runId).on(host).writeUserRing(map, records);
  }

  rows(query: Parameters<Engine['rows']>[0]) {
    return Promise.resolve(this.run(query.runId).page(query));
  }

  mapFill(runId: string, maps: string[]) {
    return this.run(runId).fills.of(maps);
  }

  askRows<Q extends RowsAsk>(runId: string, ask: Q): Promise<RowsAnswer<Q>> {
    // A question that does not fit is a rejection, not an exception.
    return new Promise((resolve) => resolve(this.run(runId).ask(ask) as RowsAnswer<Q> | Promise<RowsAnswer<Q>>));
  }

  row(runId: string, stream: string, seq: number) {
    return Promise.resolve(this.run(runId).detail(stream, seq));
  }

  async programs(host: string, call: CallOptions = {}) {
    return listPrograms((await this.pool.connect(host, call)).agent, call);
  }

  async programCode(host: string, id: number, call: CallOptions = {}) {
    return hostCode((await this.pool.connect(host, call)).agent, host, id, call);
  }

  async maps(host: string, call: CallOptions = {}) {
    return listMaps((await this.pool.connect(host, call)).agent, [], call);
  }

  async links(host: string, call: CallOptions = {}) {
    return listLinks((await this.pool.connect(host, call)).agent, call);
  }

  private async mapsOf(host: string, call: CallOptions): Promise<HostMaps> {
    return this.hostMaps.of((await this.pool.connect(host, call)).agent);
  }

  async describeMap(host: string, map: MapName, call: CallOptions = {}) {
    return (await this.mapsOf(host, call)).describe(map, call);
  }

  async mapEntries(host: string, map: MapName, cursor: string | null, limit: number, call: CallOptions = {}) {
    return (await this.mapsOf(host, call)).entries(map, cursor, limit, call);
  }

  async openMapLines(host: string, map: MapName, format: 'json' | 'plain', call: CallOptions = {}) {
    return this.hostMaps.openLines((await this.mapsOf(host, call)).lines(map, lineFrame(format), call));
  }

  readMapLines(reader: number) {
    return this.hostMaps.readLines(reader);
  }

  closeMapLines(reader: number) {
    return this.hostMaps.closeLines(reader);
  }

  async mapGet(host: string, map: MapName, key: string | null, call: CallOptions = {}) {
    return (await this.mapsOf(host, call)).get(map, key, call);
  }

  async mapSet(
    host: string,
    map: MapName,
    key: string | null,
    value: string,
    mode: MapSetMode,
    call: CallOptions = {},
  ) {
    return (await this.mapsOf(host, call)).set(map, key, value, mode, call);
  }

  async mapDelete(host: string, map: MapName, key: string | null, call: CallOptions = {}) {
    return (await this.mapsOf(host, call)).delete(map, key, call);
  }

  async openMapWatch(host: string, map: MapName, limit: number, call: CallOptions = {}) {
    return this.hostMaps.openWatch(await (await this.mapsOf(host, call)).watch(map, limit, call));
  }

  pollMapWatch(watch: number, call: CallOptions = {}) {
    return this.hostMaps.watch(watch).poll(call);
  }

  closeMapWatch(watch: number) {
    return this.hostMaps.closeWatch(watch);
  }

  openMapsView(scope: MapsScope, call: CallOptions = {}) {
    return this.mapsViews.open(scope, call);
  }

  askMapsView<Q extends MapsQuery>(view: number, query: Q, call: CallOptions = {}): Promise<MapsAnswer<Q>> {
    return this.mapsViews.ask(view, query, call);
  }

  closeMapsView(view: number) {
    return this.mapsViews.close(view);
  }

  templates() {
    return listTemplates(this.options.resourceDir);
  }

  createFromTemplate(name: string, dir: string) {
    return createFromTemplate(this.options.resourceDir, name, dir);
  }

  async planProject(request: ProjectRequest, call: CallOptions = {}): Promise<ProjectPlan> {
    await mustExist(resolve(request.file));
    return planProject(request, this.settings, call);
  }

  writeProject(plan: ProjectPlan): Promise<void> {
    return writeProject(plan.dir, plan.files);
  }

  configure(ssh: SshOptions) {
    this.ssh = ssh;
    return Promise.resolve();
  }

  async dispose() {
    this.disposing.abort();
    await Promise.allSettled([...this.runsById.values()].map((run) => run.leave()));
    for (const run of this.runsById.values()) run.dispose();
    await this.pool.dispose();
  }
}

const targetOf = ({ info }: ConnectedHost): BuildTarget => ({ arch: info.arch, kernel: info.kernel });

const hostArch = (): string => (process.arch === 'arm64' ? 'aarch64' : 'x86_64');

async function mustExist(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile()) return;
  throw new RingsideError('file-not-found', found ? `${file} is not a file.` : `${file} does not exist.`, {
    remedy: 'Give a BPF source (NAME.bpf.c) or an object that clang -target bpf made.',
  });
}

import type { ExploreQuery, MapsQuery, NewHost, ProjectPlan, ProjectRequest, RowsAsk } from '@ringside/core/model';
import type { CallOptions, Engine, EngineEvents } from '@ringside/core/rpc';

type Unsubscribe = () => void;

/**
 * The engine, started by the first call that needs it: opening a C file must not cost a thread. Listeners may be added
 * before; a start that failed is tried again by the next call.
 */
export class LazyEngine implements Engine {
  readonly #start: () => Promise<Engine>;
  readonly #attachers = new Set<(engine: Engine) => void>();
  #engine: Promise<Engine> | undefined;

  constructor(start: () => Promise<Engine>) {
    this.#start = start;
  }

  get started(): boolean {
    return this.#engine !== undefined;
  }

  on<K extends keyof EngineEvents>(event: K, listener: EngineEvents[K]): Unsubscribe {
    let unsubscribe: Unsubscribe | undefined;
    const attach = (engine: Engine): void => {
      unsubscribe = engine.on(event, listener);
    };
    this.#attachers.add(attach);
    // While the engine starts, #get attaches every listener that is there by then.
    if (this.#running !== undefined) attach(this.#running);
    return () => {
      this.#attachers.delete(attach);
      unsubscribe?.();
    };
  }

  #running: Engine | undefined;

  #get(): Promise<Engine> {
    this.#engine ??= this.#start().then(
      (engine) => {
        this.#running = engine;
        for (const attach of this.#attachers) attach(engine);
        return engine;
      },
      (error: unknown) => {
        this.#engine = undefined;
        throw error;
      },
    );
    return this.#engine;
  }

  async hosts() {
    return (await this.#get()).hosts();
  }
  async planHost(command: string, alias: string) {
    return (await this.#get()).planHost(command, alias);
  }
  async addHost(host: NewHost) {
    return (await this.#get()).addHost(host);
  }
  async hostStates() {
    return (await this.#get()).hostStates();
  }
  async connect(host: string, options?: CallOptions) {
    return (await this.#get()).connect(host, options);
  }
  async disconnect(host: string) {
    return (await this.#get()).disconnect(host);
  }
  async doctor(host: string, options?: CallOptions) {
    return (await this.#get()).doctor(host, options);
  }
  async targets(host: string, query: Parameters<Engine['targets']>[1], options?: CallOptions) {
    return (await this.#get()).targets(host, query, options);
  }
  async authoring(host: string, options?: CallOptions) {
    return (await this.#get()).authoring(host, options);
  }
  async agentStatus(host: string, options?: CallOptions) {
    return (await this.#get()).agentStatus(host, options);
  }
  async agentRemove(host: string, options?: CallOptions) {
    return (await this.#get()).agentRemove(host, options);
  }
  async build(...args: Parameters<Engine['build']>) {
    return (await this.#get()).build(...args);
  }
  async inspect(file: string, options?: CallOptions) {
    return (await this.#get()).inspect(file, options);
  }
  async objectText(file: string) {
    return (await this.#get()).objectText(file);
  }
  async verify(...args: Parameters<Engine['verify']>) {
    return (await this.#get()).verify(...args);
  }
  async openExploration(...args: Parameters<Engine['openExploration']>) {
    return (await this.#get()).openExploration(...args);
  }
  async explore<Q extends ExploreQuery>(exploration: number, query: Q) {
    return (await this.#get()).explore(exploration, query);
  }
  async closeExploration(...args: Parameters<Engine['closeExploration']>) {
    return (await this.#get()).closeExploration(...args);
  }

  async listTests(...args: Parameters<Engine['listTests']>) {
    return (await this.#get()).listTests(...args);
  }
  async test(...args: Parameters<Engine['test']>) {
    return (await this.#get()).test(...args);
  }
  async attach(...args: Parameters<Engine['attach']>) {
    return (await this.#get()).attach(...args);
  }
  async redeploy(...args: Parameters<Engine['redeploy']>) {
    return (await this.#get()).redeploy(...args);
  }
  async detach(runId: string) {
    return (await this.#get()).detach(runId);
  }
  async runs() {
    return (await this.#get()).runs();
  }
  async keep(...args: Parameters<Engine['keep']>) {
    return (await this.#get()).keep(...args);
  }

  async leave(...args: Parameters<Engine['leave']>) {
    return (await this.#get()).leave(...args);
  }

  async keptRuns(...args: Parameters<Engine['keptRuns']>) {
    return (await this.#get()).keptRuns(...args);
  }

  async adopt(...args: Parameters<Engine['adopt']>) {
    return (await this.#get()).adopt(...args);
  }

  async endKept(...args: Parameters<Engine['endKept']>) {
    return (await this.#get()).endKept(...args);
  }

  async takeAway(...args: Parameters<Engine['takeAway']>) {
    return (await this.#get()).takeAway(...args);
  }

  async setLimits(...args: Parameters<Engine['setLimits']>) {
    return (await this.#get()).setLimits(...args);
  }

  async globals(...args: Parameters<Engine['globals']>) {
    return (await this.#get()).globals(...args);
  }
  async checkGlobal(...args: Parameters<Engine['checkGlobal']>) {
    return (await this.#get()).checkGlobal(...args);
  }
  async setVariable(...args: Parameters<Engine['setVariable']>) {
    return (await this.#get()).setVariable(...args);
  }
  async limitTime(...args: Parameters<Engine['limitTime']>) {
    return (await this.#get()).limitTime(...args);
  }
  async suspend(...args: Parameters<Engine['suspend']>) {
    return (await this.#get()).suspend(...args);
  }
  async record(...args: Parameters<Engine['record']>) {
    return (await this.#get()).record(...args);
  }
  async endRecording(...args: Parameters<Engine['endRecording']>) {
    return (await this.#get()).endRecording(...args);
  }
  async openRecording(...args: Parameters<Engine['openRecording']>) {
    return (await this.#get()).openRecording(...args);
  }
  async pause(runId: string, paused: boolean) {
    return (await this.#get()).pause(runId, paused);
  }
  async forget(runId: string) {
    return (await this.#get()).forget(runId);
  }
  async askRows<Q extends RowsAsk>(runId: string, ask: Q) {
    return (await this.#get()).askRows(runId, ask);
  }
  async rows(...args: Parameters<Engine['rows']>) {
    return (await this.#get()).rows(...args);
  }
  async mapFill(...args: Parameters<Engine['mapFill']>) {
    return (await this.#get()).mapFill(...args);
  }
  async row(...args: Parameters<Engine['row']>) {
    return (await this.#get()).row(...args);
  }
  async readIterator(...args: Parameters<Engine['readIterator']>) {
    return (await this.#get()).readIterator(...args);
  }
  async writeUserRing(...args: Parameters<Engine['writeUserRing']>) {
    return (await this.#get()).writeUserRing(...args);
  }

  async programs(...args: Parameters<Engine['programs']>) {
    return (await this.#get()).programs(...args);
  }
  async programCode(...args: Parameters<Engine['programCode']>) {
    return (await this.#get()).programCode(...args);
  }
  async maps(...args: Parameters<Engine['maps']>) {
    return (await this.#get()).maps(...args);
  }
  async links(...args: Parameters<Engine['links']>) {
    return (await this.#get()).links(...args);
  }
  async describeMap(...args: Parameters<Engine['describeMap']>) {
    return (await this.#get()).describeMap(...args);
  }
  async mapEntries(...args: Parameters<Engine['mapEntries']>) {
    return (await this.#get()).mapEntries(...args);
  }
  async openMapLines(...args: Parameters<Engine['openMapLines']>) {
    return (await this.#get()).openMapLines(...args);
  }
  async readMapLines(...args: Parameters<Engine['readMapLines']>) {
    return (await this.#get()).readMapLines(...args);
  }
  async closeMapLines(...args: Parameters<Engine['closeMapLines']>) {
    return (await this.#get()).closeMapLines(...args);
  }
  async mapGet(...args: Parameters<Engine['mapGet']>) {
    return (await this.#get()).mapGet(...args);
  }
  async mapSet(...args: Parameters<Engine['mapSet']>) {
    return (await this.#get()).mapSet(...args);
  }
  async mapDelete(...args: Parameters<Engine['mapDelete']>) {
    return (await this.#get()).mapDelete(...args);
  }
  async openMapWatch(...args: Parameters<Engine['openMapWatch']>) {
    return (await this.#get()).openMapWatch(...args);
  }
  async pollMapWatch(...args: Parameters<Engine['pollMapWatch']>) {
    return (await this.#get()).pollMapWatch(...args);
  }
  async closeMapWatch(...args: Parameters<Engine['closeMapWatch']>) {
    return (await this.#get()).closeMapWatch(...args);
  }
  async openMapsView(...args: Parameters<Engine['openMapsView']>) {
    return (await this.#get()).openMapsView(...args);
  }
  async askMapsView<Q extends MapsQuery>(view: number, query: Q, options?: CallOptions) {
    return (await this.#get()).askMapsView(view, query, options);
  }
  async closeMapsView(...args: Parameters<Engine['closeMapsView']>) {
    return (await this.#get()).closeMapsView(...args);
  }

  async templates() {
    return (await this.#get()).templates();
  }
  async createFromTemplate(name: string, dir: string) {
    return (await this.#get()).createFromTemplate(name, dir);
  }
  async planProject(request: ProjectRequest, options?: CallOptions) {
    return (await this.#get()).planProject(request, options);
  }
  async writeProject(plan: ProjectPlan) {
    return (await this.#get()).writeProject(plan);
  }

  /** Only a running engine needs to hear of new options: one that starts later reads them then. */
  async configure(...args: Parameters<Engine['configure']>) {
    if (this.#engine !== undefined) await (await this.#engine).configure(...args);
  }

  /** Detaches everything, if anything was ever started. */
  async dispose() {
    const engine = this.#engine;
    this.#engine = undefined;
    this.#running = undefined;
    if (engine !== undefined) await (await engine).dispose();
  }
}

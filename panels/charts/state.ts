import { batch, signal } from '@preact/signals';
import type {
  ChartSpec,
  ChartsState as Saved,
  ChartsToHost,
  CostSample,
  ErrorData,
  RunSummary,
  SummaryPage,
} from '@ringside/core/model';
import { PendingRequests, RequestError } from '../shared/rpc.ts';
import { helloUntilAnswered } from '../shared/hello.ts';
import type { VsCodeApi } from '../shared/vscodeApi.ts';
import { chartsState, chartsToPanel } from './guards.ts';
import { type ChartData, merged } from './merge.ts';

/** What is known of one chart. */
export interface ChartView {
  data: ChartData | null;
  error: ErrorData | null;
  /** When the data last changed (local clock), to tell how long nothing has come. */
  changedAt: number;
}

const REQUEST_TIMEOUT_MS = 15_000;
/** Charts are brought up to date four times a second: more cannot be read. Who wants less motion gets one. */
const REFRESH_MS = 250;
const CALM_REFRESH_MS = 1000;
const SAVE_AFTER_MS = 150;
/** Samples of cost kept: ten minutes at two a second. */
const MOST_COSTS = 1200;
/** Charts of one page: each costs the engine a look at every row. */
export const MOST_CHARTS = 24;

export const EMPTY: ChartView = { data: null, error: null, changedAt: 0 };

/** Everything that the charts panel knows, and the one place that talks to the host. */
export class ChartsModel {
  readonly ready = signal(false);
  readonly run = signal<RunSummary | null>(null);
  readonly charts = signal<readonly ChartSpec[]>([]);
  readonly views = signal<Readonly<Record<string, ChartView>>>({});
  readonly costs = signal<readonly CostSample[]>([]);
  /** What of the program's own charts could not be made, in words. */
  readonly notes = signal<readonly string[]>([]);
  readonly notice = signal('');

  readonly #api: VsCodeApi<Saved>;
  readonly #requests = new PendingRequests(REQUEST_TIMEOUT_MS);
  #file = '';
  #saveTimer: ReturnType<typeof setTimeout> | null = null;
  #refreshTimer: ReturnType<typeof setTimeout> | null = null;
  #refreshing = false;

  constructor(api: VsCodeApi<Saved>) {
    this.#api = api;
  }

  start(): void {
    addEventListener('message', (event: MessageEvent<unknown>) => this.receive(event.data));
    document.addEventListener('visibilitychange', () => this.#refreshSoon(0));
    addEventListener('pagehide', () => this.#requests.dispose());
    helloUntilAnswered(() => this.#post({ type: 'ready' }));
  }

  receive(raw: unknown): void {
    const message = chartsToPanel(raw);
    switch (message?.type) {
      case undefined:
        return;
      case 'init':
        this.#init(message.run, chartsState(message.state), message.costs, message.notes);
        return;
      case 'run':
        this.#takeRun(message.run, message.cost);
        return;
      case 'add':
        this.add(message.chart);
        return;
      case 'summary':
        this.#requests.settle(message.id, message.page);
        return;
      case 'failed':
        this.#requests.fail(message.id, message.error);
    }
  }

  add(chart: ChartSpec): void {
    if (this.charts.value.length >= MOST_CHARTS) {
      this.notice.value = `A page has at most ${MOST_CHARTS} charts: remove one first.`;
      return;
    }
    const taken = new Set(this.charts.value.map(({ id }) => id));
    let id = chart.id;
    for (let n = 2; taken.has(id); n++) id = `${chart.id}-${n}`;
    this.notice.value = '';
    this.#setCharts([...this.charts.value, { ...chart, id }]);
  }

  remove(id: string): void {
    this.#setCharts(this.charts.value.filter((chart) => chart.id !== id));
  }

  change(id: string, change: Partial<ChartSpec>): void {
    this.#setCharts(this.charts.value.map((chart) => (chart.id === id ? { ...chart, ...change } : chart)));
    if (change.source !== undefined) {
      this.views.value = { ...this.views.value, [id]: EMPTY };
    }
  }

  move(id: string, by: -1 | 1): void {
    const charts = [...this.charts.value];
    const at = charts.findIndex((chart) => chart.id === id);
    const [chart] = charts.splice(at, 1);
    if (chart === undefined) return;
    charts.splice(Math.max(0, Math.min(charts.length, at + by)), 0, chart);
    this.#setCharts(charts);
  }

  /** The charts that the program itself names, or those of any program. */
  reset(): void {
    this.#post({ type: 'reset' });
  }

  copyText(text: string): void {
    this.#post({ type: 'copy', text });
  }

  /** Opens the Maps panel of the run. */
  showMaps(): void {
    this.#post({ type: 'maps' });
  }

  showRows(stream: string, where: string): void {
    this.#post({ type: 'trace', stream, where });
  }

  get live(): boolean {
    const state = this.run.value?.state;
    return state !== undefined && state !== 'ended' && state !== 'failed';
  }

  #init(run: RunSummary | null, state: Saved, costs: readonly CostSample[], notes: readonly string[]): void {
    const other = run?.id !== this.run.value?.id;
    batch(() => {
      this.#file = state.file;
      this.run.value = run;
      this.charts.value = state.charts;
      this.costs.value = costs.slice(-MOST_COSTS);
      this.notes.value = notes;
      if (other) this.views.value = {};
      this.ready.value = true;
    });
    this.#save();
    this.#refreshSoon(0);
  }

  #takeRun(run: RunSummary, cost: CostSample | null): void {
    if (run.id !== this.run.value?.id) return;
    batch(() => {
      this.run.value = run;
      if (cost !== null) this.costs.value = [...this.costs.value.slice(1 - MOST_COSTS), cost];
    });
  }

  #setCharts(charts: readonly ChartSpec[]): void {
    this.charts.value = charts;
    this.#save();
    this.#refreshSoon(0);
  }

  // --- data ---------------------------------------------------------------------------------------------------------

  #refreshSoon(ms: number): void {
    if (this.#refreshTimer !== null) clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => {
      this.#refreshTimer = null;
      void this.#refresh();
    }, ms);
  }

  async #refresh(): Promise<void> {
    if (this.#refreshing || document.hidden || this.run.value === null) return;
    this.#refreshing = true;
    let waiting = false;
    try {
      // One after the other: a page full of charts must not crowd out the rows of a trace panel.
      for (const chart of this.charts.value) waiting = (await this.#refreshOne(chart)) || waiting;
    } finally {
      this.#refreshing = false;
    }
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (this.live || waiting) this.#refreshSoon(calm ? CALM_REFRESH_MS : REFRESH_MS);
  }

  /** Says whether more is to come although the run is over. */
  async #refreshOne(chart: ChartSpec): Promise<boolean> {
    const run = this.run.value;
    const { source } = chart;
    if (source.from === 'cost' || run === null) return false;
    const before = this.views.value[chart.id] ?? EMPTY;
    try {
      const since = before.data?.state ?? 0;
      const page = await this.#requests.request<SummaryPage>((id) => this.#post(question(id, run.id, source, since)));
      if (this.run.value?.id !== run.id || !this.charts.value.includes(chart)) return false;
      this.#take(chart.id, before, page);
      return page.partial;
    } catch (error) {
      if (error instanceof RequestError && error.why === 'disposed') return false;
      this.#fail(chart.id, before, error);
      return true;
    }
  }

  #take(id: string, before: ChartView, page: SummaryPage): void {
    const data = merged(before.data, page);
    const changed = before.data?.state !== page.state;
    if (!changed && page.error === null && before.error === null && before.data?.partial === page.partial) return;
    const view: ChartView = { data, error: page.error, changedAt: changed ? Date.now() : before.changedAt };
    this.views.value = { ...this.views.value, [id]: view };
  }

  #fail(id: string, before: ChartView, error: unknown): void {
    const known = error instanceof RequestError ? error.data : null;
    const words: ErrorData = { code: 'internal', message: String(error), remedy: '', detail: '', links: [] };
    this.views.value = { ...this.views.value, [id]: { ...before, error: known ?? words } };
  }

  #save(): void {
    if (this.#saveTimer !== null) return;
    this.#saveTimer = setTimeout(() => {
      this.#saveTimer = null;
      const state: Saved = { runId: this.run.value?.id ?? '', file: this.#file, charts: [...this.charts.value] };
      this.#api.setState(state);
      this.#post({ type: 'state', state });
    }, SAVE_AFTER_MS);
  }

  #post(message: ChartsToHost): void {
    this.#api.postMessage(message);
  }
}

function question(
  id: number,
  runId: string,
  source: Exclude<ChartSpec['source'], { from: 'cost' }>,
  since: number,
): ChartsToHost {
  if (source.from === 'rows') {
    const { stream, where, spec } = source;
    return { type: 'summary', id, query: { runId, stream, where, spec, since } };
  }
  const { host, map, where, spec } = source;
  return { type: 'mapSummary', id, query: { runId, host, map, where, spec, since } };
}

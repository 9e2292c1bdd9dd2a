import { batch, computed, signal } from '@preact/signals';
import type {
  Comparison,
  ErrorData,
  ExplorationInfo,
  ExploreAnswer,
  ExploreQuery,
  ExplorerPanelState,
  ExplorerTarget,
  ExplorerToHost,
  ExplorerToPanel,
  ExplorerView,
  Found,
  LogLine,
  PathPlace,
  SourceView,
  StateView,
  StepPair,
  StepRow,
  TreeRow,
  Visit,
} from '@ringside/core/model';
import { helloUntilAnswered } from '../shared/hello.ts';
import { PendingRequests } from '../shared/rpc.ts';
import type { VsCodeApi } from '../shared/vscodeApi.ts';
import { toExplorerPanel } from './guards.ts';
import { Latest } from './latest.ts';
import { Pages } from './pages.ts';
import { comparisonWords } from './words.ts';

/** A log of a hundred megabytes takes some seconds to read and to search. */
const ANSWER_MS = 60_000;
const MOST_HISTORY = 200;

export interface PairRow {
  pair: StepPair;
  left: StepRow | null;
  right: StepRow | null;
}

/** Where the panel is: a step, and the path on which it is looked at. */
export interface Cursor extends PathPlace {
  step: number;
}

const nowhere: Cursor = { step: -1, leaf: -1, length: 0, index: -1 };

/** What the page knows. Everything that is shown follows from the cursor. */
export class ExplorerState {
  readonly info = signal<ExplorationInfo | null>(null);
  readonly title = signal('');
  readonly error = signal<ErrorData | null>(null);
  readonly noFix = signal('');
  readonly canVerify = signal(false);
  readonly cursor = signal<Cursor>(nowhere);
  readonly now = signal<StateView | null>(null);
  readonly otherNow = signal<StateView | null>(null);
  readonly source = signal<SourceView | null>(null);
  readonly view = signal<ExplorerView>('path');
  /** The register or slot that "where it was set" is about. */
  readonly chosen = signal('');
  readonly found = signal<Found | null>(null);
  readonly said = signal('');
  readonly done = signal('');
  readonly compared = signal<{ title: string; info: ExplorationInfo; result: Comparison } | null>(null);
  readonly rows = signal(new Pages<StepRow>(() => Promise.resolve([])));
  readonly log = signal(new Pages<LogLine>(() => Promise.resolve([])));
  readonly tree = signal(new Pages<TreeRow>(() => Promise.resolve([])));
  readonly branches = signal(0);
  readonly visits = signal(new Pages<Visit>(() => Promise.resolve([])));
  readonly visitsOf = signal({ file: -1, line: 0, n: 0 });
  readonly pairs = signal(new Pages<PairRow>(() => Promise.resolve([])));
  readonly pairRow = signal(-1);
  readonly canGoBack = signal(false);
  readonly rejectedLine = computed(() => this.info.value?.reason?.line ?? 0);
  readonly #api: VsCodeApi<ExplorerPanelState>;
  readonly #requests = new PendingRequests(ANSWER_MS);
  #target: ExplorerTarget | null = null;
  #history: Cursor[] = [];
  #generation = 0;
  #searched = '';
  #doneTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #state = new Latest<number>((step) => this.#loadState(step));

  constructor(api: VsCodeApi<ExplorerPanelState>) {
    this.#api = api;
  }

  start(): void {
    addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#receive(data));
    helloUntilAnswered(() => this.send({ type: 'ready' }), ['opened', 'error']);
  }

  send(message: ExplorerToHost): void {
    this.#api.postMessage(message);
  }

  ask<Q extends ExploreQuery>(query: Q, side: 0 | 1 = 0): Promise<ExploreAnswer<Q>> {
    return this.#requests.request((id) => this.send({ type: 'ask', id, side, query }));
  }

  // Moving

  /** Goes to a step; the place that is left can be come back to when it is a jump. */
  async go(step: number, { leaf = this.cursor.value.leaf, jump = true } = {}): Promise<void> {
    const info = this.info.value;
    if (info === null || info.end < 0 || step < 0) return;
    const generation = this.#generation;
    const place = await this.ask({ ask: 'path', step, leaf });
    if (generation !== this.#generation) return;
    if (jump) this.#remember();
    this.#moveTo({ ...place, step: Math.min(step, info.end) });
  }

  /** Along the path; beyond its ends nothing happens. */
  async move(by: number): Promise<void> {
    const { index, length } = this.cursor.value;
    await this.goIndex(Math.min(length - 1, Math.max(0, index + by)), { jump: false });
  }

  async goIndex(index: number, { jump = true } = {}): Promise<void> {
    const at = this.cursor.value;
    if (index < 0 || index >= at.length || index === at.index) return;
    const rows = this.rows.value;
    const known = rows.row(index);
    const row = known ?? (await this.ask({ ask: 'rows', leaf: at.leaf, from: index, count: 1 }))[0];
    if (row === undefined || this.rows.value !== rows) return;
    if (jump) this.#remember();
    this.#moveTo({ ...at, index, step: row.step });
  }

  first = (): Promise<void> => this.goIndex(0);
  last = (): Promise<void> => this.goIndex(this.cursor.value.length - 1);

  #remember(): void {
    if (this.cursor.value.step < 0) return;
    this.#history.push(this.cursor.value);
    if (this.#history.length > MOST_HISTORY) this.#history.shift();
    this.canGoBack.value = true;
  }

  async back(): Promise<void> {
    const before = this.#history.pop();
    this.canGoBack.value = this.#history.length > 0;
    if (before !== undefined) await this.go(before.step, { leaf: before.leaf, jump: false });
  }

  #moveTo(cursor: Cursor): void {
    const info = this.info.value;
    if (info === null) return;
    batch(() => {
      if (cursor.leaf !== this.cursor.value.leaf) {
        const { leaf } = cursor;
        this.rows.value = new Pages((from, count) => this.ask({ ask: 'rows', leaf, from, count }));
      }
      this.cursor.value = cursor;
    });
    this.#save();
    this.#state.ask(cursor.step);
  }

  async #loadState(step: number): Promise<void> {
    const generation = this.#generation;
    const state = await this.ask({ ask: 'state', step });
    if (generation !== this.#generation) return;
    batch(() => {
      this.now.value = state;
      if (!this.#names(state).includes(this.chosen.value))
        this.chosen.value = state.reads[0] ?? state.writes[0] ?? 'r0';
    });
    if (state.file >= 0 && this.source.value?.file !== state.file) await this.#loadSource(state.file);
    await this.#loadOther(step);
    const { view, visitsOf } = this;
    if (view.value === 'visits' && (visitsOf.value.line !== state.line || visitsOf.value.file !== state.file))
      await this.showVisits(state.file, state.line);
  }

  #names(state: StateView): string[] {
    const frame = state.frames[0];
    return frame === undefined ? [] : [...frame.registers, ...frame.stack].map(({ name }) => name);
  }

  async #loadSource(file: number): Promise<void> {
    const generation = this.#generation;
    const source = await this.ask({ ask: 'source', file });
    if (generation === this.#generation) this.source.value = source;
  }

  /** To where the chosen register was set; when nothing set it, it is said why. */
  async goToSet(named?: string): Promise<void> {
    // Which register is chosen is known once the state of this step is there: keys come faster.
    await this.#state.settled();
    const what = named ?? this.chosen.value;
    const { step } = this.cursor.value;
    if (step < 0 || what === '') return;
    const set = await this.ask({ ask: 'set', step, what });
    if (set.step >= 0) await this.go(set.step);
    this.said.value = set.step >= 0 ? `${what} was set here. ${set.why}`.trim() : set.why;
  }

  async goToVisit(forward: boolean, named?: { file: number; line: number }): Promise<void> {
    await this.#state.settled();
    const { line, file } = named ?? { line: this.now.value?.line ?? 0, file: this.now.value?.file ?? -1 };
    const { step } = this.cursor.value;
    if (step < 0 || line === 0) return;
    const visit = await this.ask({ ask: 'visit', step, file, line, forward });
    if (visit.step >= 0) await this.go(visit.step);
    this.said.value =
      visit.step >= 0
        ? `Visit ${visit.k} of ${visit.n} of line ${line}.`
        : `The log has no instruction of line ${line}.`;
  }

  /** The visit of a source line that is nearest before the end of the path: for the steps of a reason's chain. */
  async goToLine(name: string, line: number): Promise<void> {
    const info = this.info.value;
    if (info === null) return;
    const file = info.sources.findIndex((source) => source.name === name);
    const at = file < 0 ? (this.now.value?.file ?? -1) : file;
    if (at < 0 || info.end < 0) return;
    const visit = await this.ask({ ask: 'visit', step: info.end, file: at, line, forward: false });
    const best = visit.step >= 0 ? visit : null;
    if (best !== null) await this.go(best.step, { leaf: info.end });
    else this.said.value = `The log has no instruction of line ${line}.`;
  }

  // Other views

  show(view: ExplorerView): void {
    if (view === 'compare' && this.compared.value === null) {
      this.send({ type: 'compare' });
      return;
    }
    this.view.value = view;
    this.#save();
    const now = this.now.value;
    if (view === 'visits' && now !== null) void this.showVisits(now.file, now.line);
  }

  async showVisits(file: number, line: number): Promise<void> {
    const generation = this.#generation;
    const { n } = await this.ask({ ask: 'visits', file, line, from: 0, count: 1 });
    if (generation !== this.#generation) return;
    batch(() => {
      this.visitsOf.value = { file, line, n };
      this.visits.value = new Pages(
        async (from, count) => (await this.ask({ ask: 'visits', file, line, from, count })).visits,
      );
    });
  }

  async search(text: string, forward: boolean): Promise<void> {
    if (text.trim() === '') {
      this.found.value = null;
      return;
    }
    const again = this.#searched === text ? this.found.value : null;
    this.#searched = text;
    // A step back, so that a new search finds what stands on the line where it begins.
    const line = again !== null && again.line >= 0 ? again.line : (this.now.value?.logLine ?? 0) - (forward ? 1 : 0);
    const found = await this.ask({ ask: 'search', text, line: Math.max(-1, line), forward });
    if (this.#searched !== text) return;
    this.found.value = found;
    this.said.value = found.n === 0 ? `Nothing found for ${text}.` : `Match ${found.k} of ${found.n}.`;
    if (found.step >= 0) await this.go(found.step);
  }

  // Comparison

  async #compared({ title, info }: { title: string; info: ExplorationInfo }): Promise<void> {
    const generation = this.#generation;
    const result = await this.ask({ ask: 'compare', other: 0 });
    if (generation !== this.#generation) return;
    batch(() => {
      this.compared.value = { title, info, result };
      this.pairs.value = new Pages(async (from, count) => {
        const page = await this.ask({ ask: 'pairs', other: 0, from, count });
        const left = new Map(page.left.map((row) => [row.step, row]));
        const right = new Map(page.right.map((row) => [row.step, row]));
        return page.pairs.map((pair) => ({ pair, left: left.get(pair[0]) ?? null, right: right.get(pair[1]) ?? null }));
      });
      this.view.value = 'compare';
      this.said.value = comparisonWords(result, title);
    });
    await this.goDifference();
  }

  /** To the first difference of values or instructions, whichever comes first. */
  async goDifference(): Promise<void> {
    const result = this.compared.value?.result;
    if (result === undefined) return;
    const { firstState, firstInsn, registers } = result;
    const rows = [firstState, firstInsn].filter((row) => row >= 0);
    const first = Math.min(...rows);
    // What differs there is what is asked about next: where it was set.
    if (first === firstState && registers[0] !== undefined) this.chosen.value = registers[0];
    if (rows.length > 0) await this.goPair(first);
    else await this.#loadOther(this.cursor.value.step);
  }

  async goPair(row: number): Promise<void> {
    const { pairs } = await this.ask({ ask: 'pairs', other: 0, from: row, count: 1 });
    const pair = pairs[0];
    if (pair === undefined) return;
    this.pairRow.value = row;
    if (pair[0] >= 0) await this.go(pair[0], { leaf: this.info.value?.end ?? -1 });
    await this.#loadRight(pair[1]);
  }

  async #loadOther(step: number): Promise<void> {
    if (this.compared.value === null) return;
    const row = await this.ask({ ask: 'pairOf', other: 0, step });
    if (row < 0) return;
    this.pairRow.value = row;
    const { pairs } = await this.ask({ ask: 'pairs', other: 0, from: row, count: 1 });
    await this.#loadRight(pairs[0]?.[1] ?? -1);
  }

  async #loadRight(step: number): Promise<void> {
    const state = step < 0 ? null : await this.ask({ ask: 'state', step }, 1);
    if (this.compared.value !== null) this.otherNow.value = state;
  }

  endComparison(): void {
    this.send({ type: 'compare-end' });
  }

  // Out of the panel

  copy(text: string, what: string): void {
    this.send({ type: 'copy', text });
    this.#tell(`Copied ${what}`);
  }

  copyLink(): void {
    this.send({ type: 'link', step: Math.max(0, this.cursor.value.step) });
    this.#tell('Copied the link');
  }

  #tell(text: string): void {
    clearTimeout(this.#doneTimer);
    this.done.value = text;
    this.said.value = text;
    this.#doneTimer = setTimeout(() => (this.done.value = ''), 2000);
  }

  // Messages

  #receive(data: unknown): void {
    const message = toExplorerPanel(data);
    if (message === null) return;
    switch (message.type) {
      case 'answer':
        this.#requests.settle(message.id, message.value);
        break;
      case 'failed':
        this.#requests.fail(message.id, message.error);
        break;
      case 'opened':
        void this.#opened(message);
        break;
      case 'compared':
        if (message.info !== null) void this.#compared({ title: message.title, info: message.info });
        else this.#uncompared();
        break;
      case 'go':
        void this.go(message.step);
        break;
      case 'error':
        batch(() => {
          this.error.value = message.error;
          this.info.value = null;
        });
        break;
    }
  }

  #uncompared(): void {
    batch(() => {
      this.compared.value = null;
      this.otherNow.value = null;
      this.pairRow.value = -1;
      if (this.view.value === 'compare') this.view.value = 'path';
    });
  }

  async #opened(message: Extract<ExplorerToPanel, { type: 'opened' }>): Promise<void> {
    const { info, target, title, noFix, canVerify } = message;
    // Its answer crossed with the page's next question whether anybody is there.
    if (info.id === this.info.value?.id) return;
    const generation = ++this.#generation;
    const saved = this.#api.getState();
    const same = saved?.log === target.log && saved.program === target.program;
    const again = this.#target !== null;
    const hadNone = again && this.cursor.value.step < 0;
    this.#target = target;
    this.#history = [];
    batch(() => {
      this.#uncompared();
      this.info.value = info;
      this.error.value = null;
      Object.assign(this.title, { value: title });
      this.noFix.value = noFix;
      this.canVerify.value = canVerify;
      this.cursor.value = nowhere;
      this.now.value = null;
      this.source.value = null;
      this.found.value = null;
      this.canGoBack.value = false;
      this.log.value = new Pages((from, count) => this.ask({ ask: 'lines', from, count }));
      this.tree.value = new Pages(async (from, count) => (await this.ask({ ask: 'tree', from, count })).rows);
      // A log without instructions is shown as the text that it is.
      if (info.end < 0) this.view.value = 'log';
      else if (same && !again && saved.view !== 'compare') this.view.value = saved.view;
      else if (this.view.value === 'compare' || hadNone) this.view.value = 'path';
    });
    if (info.end >= 0) {
      // After a reload the page goes on where it was; a new verdict is looked at from its end.
      const resumed = same && !again && message.step < 0 && saved.step <= info.end;
      const step = message.step >= 0 ? message.step : resumed ? saved.step : info.end;
      await this.go(step, { leaf: resumed ? saved.leaf : info.end, jump: false });
      const { n } = await this.ask({ ask: 'tree', from: 0, count: 1 });
      if (generation === this.#generation) this.branches.value = n;
    }
    this.#save();
  }

  #save(): void {
    if (this.#target === null) return;
    const { step, leaf } = this.cursor.value;
    this.#api.setState({ ...this.#target, step, leaf, view: this.view.value });
  }
}

import { batch, signal } from '@preact/signals';
import type {
  ChartSpec,
  Column,
  Completions,
  DerivedColumn,
  ErrorData,
  FoundRows,
  GroupChoice,
  PanelState,
  RowDetail,
  RowOrder,
  RowsPage,
  RowsQuery,
  RunControl,
  RunSummary,
  RowsAnswer,
  Remedy,
  SortProgress,
  SummaryPage,
  SummarySpec,
  ToHost,
  TraceAsk,
} from '@ringside/core/model';
import type { FilterFault } from '../shared/filterBox.tsx';
import type { Want } from '../shared/grid/pageWindow.ts';
import type { RequestError } from '../shared/rpc.ts';
import { PendingRequests } from '../shared/rpc.ts';
import { helloUntilAnswered } from '../shared/hello.ts';
import type { VsCodeApi } from '../shared/vscodeApi.ts';
import { clampWidth, type ColumnChoices, type PlacedColumn, sameColumns } from '../shared/grid/columns.ts';
import { toTsv } from '../shared/grid/copy.ts';
import type { Range } from '../shared/grid/selection.ts';
import { faultPosition } from '../shared/filters.ts';
import type { RowGrid } from '../shared/grid/rowGrid.ts';
import { FindState } from './find.ts';
import { groupRows, GroupsState } from './groups.ts';
import { EMPTY_STATE, panelState, toPanel } from './guards.ts';
import { PollPace, RowPump, type View } from './pump.ts';
import { isLive } from './status.ts';
import { RowTools, type ToolsHost } from './tools/rowTools.ts';
import { TableChoices } from './table.ts';

export interface Counts {
  matching: number;
  stored: number;
  delivered: number;
  partial: boolean;
}

const REQUEST_TIMEOUT_MS = 15_000;
/** While the view stands still, its counts are brought up to date this often. */
const STANDING_POLL_MS = 500;
const PARTIAL_POLL_MS = 100;
const RETRY_MS = 1000;
const SAVE_AFTER_MS = 150;
/** A run's state that was sent before the user pressed Pause must not take the press back. */
const PAUSE_SETTLES_MS = 1500;
const NOTICE_MS = 4000;
/** Counts that only grow are shown this often: a number that changes with every frame cannot be read. */
const COUNTS_EVERY_MS = 200;

/** Everything the panel knows, and the one place that talks to the host. Components read the signals. */
export class TraceState implements ToolsHost {
  readonly ready = signal(false);
  readonly run = signal<RunSummary | null>(null);
  readonly stream = signal('');
  /** The stream whose rows are shown, by its full name (`stream` may be "" for the run's first). */
  readonly shownStream = signal('');
  readonly where = signal('');
  readonly hidden = signal<ReadonlySet<string>>(new Set());
  readonly widths = signal<Readonly<Record<string, number>>>({});
  readonly spec = signal<PanelState['spec']>(null);
  readonly columns = signal<readonly Column[]>([]);
  readonly counts = signal<Counts | null>(null);
  readonly filterFault = signal<FilterFault | null>(null);
  readonly failure = signal<ErrorData | null>(null);
  readonly following = signal(true);
  readonly paused = signal(false);
  readonly newRows = signal(0);
  readonly selected = signal(0);
  readonly detailOpen = signal(false);
  readonly detail = signal<RowDetail | null>(null);
  readonly notice = signal('');
  readonly tools: RowTools;
  /** How far the order is that is asked for; null while the rows are shown as they came. */
  readonly sorting = signal<SortProgress | null>(null);
  /** The derived column that is being made (without one before) or changed. */
  readonly editing = signal<{ before: DerivedColumn | null } | null>(null);
  readonly table = new TableChoices();
  readonly find: FindState;
  readonly groups: GroupsState;

  readonly #api: VsCodeApi<PanelState>;
  readonly #requests = new PendingRequests(REQUEST_TIMEOUT_MS);
  readonly #pump: RowPump;
  readonly #pace = new PollPace();
  #grid: RowGrid | null = null;
  /** The view changed: the next page replaces everything that the grid holds. */
  #fresh = true;
  #evicted = 0;
  #lastPage: RowsPage | null = null;
  #deliveredAtPause = 0;
  /** Rows ever matching when following stopped: what came since then is new. */
  #stoodAt = 0;
  #pausePressedAt = 0;
  /** The filter asked for last; it becomes `where` when the engine takes it. */
  #attempt = '';
  #lastWant: Want | null = null;
  #saveTimer: ReturnType<typeof setTimeout> | null = null;
  #newestCounts: Counts | null = null;
  #countsTimer: ReturnType<typeof setTimeout> | null = null;
  #noticeTimer: ReturnType<typeof setTimeout> | null = null;
  #activeSeq: number | null = null;

  constructor(api: VsCodeApi<PanelState>) {
    this.#api = api;
    this.tools = new RowTools(this);
    this.#pump = new RowPump({
      request: (query) => this.rows(query),
      nextFrame: (run) => void requestAnimationFrame(run),
      later: (run, ms) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      page: (page, want) => this.#takePage(page, want),
      failed: (error) => this.#rowsFailed(error),
    });
    const later = (run: () => void, ms: number): (() => void) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    };
    this.find = new FindState({
      ask: (find, place) => {
        const { runId, ...view } = this.view;
        const ask = { ...view, find, ...place };
        return this.#requests.request<FoundRows>((id) => this.#post({ type: 'find', id, runId, ask }));
      },
      place: () => ({ from: this.#grid?.place ?? 0, evicted: this.#evicted }),
      columns: () => this.#grid?.placed.map(({ column }) => column.id) ?? [],
      goTo: ({ index, evicted }) => this.#grid?.show(Math.max(0, index - (this.#evicted - evicted))),
      changed: () => {
        const { find } = this.find;
        this.#grid?.highlight(find?.by === 'text' ? find.text : '');
        this.#reshow();
      },
      later,
    });
    this.groups = new GroupsState({
      ask: (spec) => this.#askGroups(spec),
      later,
      live: () => isLive(this.run.value) && !document.hidden && !this.paused.value,
    });
    // Until the host says otherwise, what this page itself remembers holds.
    this.#restore(panelState(api.getState()));
  }

  /** Listens to the host and says that the panel is there. */
  start(): void {
    addEventListener('message', (event: MessageEvent<unknown>) => this.receive(event.data));
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#pump.stopPolling();
      else this.#pump.refresh();
    });
    addEventListener('pagehide', () => this.#requests.dispose());
    helloUntilAnswered(() => this.#post({ type: 'ready' }));
  }

  attachGrid(grid: RowGrid): void {
    this.#grid = grid;
  }

  receive(data: unknown): void {
    const message = toPanel(data);
    if (message === null) return;
    switch (message.type) {
      case 'init': {
        this.#init(message.run, panelState(message.state));
        return;
      }
      case 'run': {
        this.#takeRun(message.run);
        return;
      }
      case 'rows': {
        this.#requests.settle(message.id, message.page);
        return;
      }
      case 'detail': {
        this.#requests.settle(message.id, message.detail);
        return;
      }
      case 'completions': {
        this.#requests.settle(message.id, message.completions);
        return;
      }
      case 'answer': {
        this.#requests.settle(message.id, message.answer);
        return;
      }
      case 'found': {
        this.#requests.settle(message.id, message.found);
        return;
      }
      case 'groups': {
        this.#requests.settle(message.id, message.page);
        return;
      }
      case 'failed': {
        this.#requests.fail(message.id, message.error);
        return;
      }
    }
  }

  // --- asked by components ------------------------------------------------------------------------------------------

  rows(query: RowsQuery): Promise<RowsPage> {
    const { rules } = this.tools;
    const coloured = rules.length === 0 ? query : { ...query, rules };
    return this.#requests.request<RowsPage>((id) => this.#post({ type: 'rows', id, query: coloured }));
  }

  /** A question about rows that is no page of them. */
  ask<Q extends TraceAsk>(ask: Q): Promise<RowsAnswer<Q>> {
    const runId = this.run.value?.id ?? '';
    // Places are those of the order that shows.
    const { sort } = this.table.query();
    const asked: TraceAsk = 'view' in ask && sort !== undefined ? { ...ask, view: { ...ask.view, sort } } : ask;
    return this.#requests.request((id) => this.#post({ type: 'ask', id, runId, ask: asked }));
  }

  /** Does something against the loss of a stream's records. */
  remedy(remedy: Remedy, stream: string): void {
    this.#post({ type: 'remedy', remedy, stream });
  }

  /** Goes to the line of the source that declares a field. */
  showDeclaration(record: string, path: string): void {
    this.#post({ type: 'declaration', record, path });
  }

  refreshRows(): void {
    this.#grid?.repaint();
    this.#pump.refresh();
  }

  goTo(index: number): void {
    this.#grid?.goTo(index);
  }

  setMarks(indices: readonly number[]): void {
    this.#grid?.setMarks(indices);
  }

  /** The row where the keyboard stands. */
  get activeSeq(): number | null {
    return this.#activeSeq;
  }

  /** Opens the detail of a row that the view may not have. */
  showRow(seq: number): void {
    this.#activeSeq = seq;
    this.toggleDetail(true);
  }

  save(): void {
    this.#save();
  }

  rowDetail(seq: number): Promise<RowDetail | null> {
    const runId = this.run.value?.id ?? '';
    const stream = this.stream.value;
    return this.#requests.request((id) => this.#post({ type: 'detail', id, runId, stream, seq }));
  }

  /** Which rows are shown, in which order and how: what every question about them says. */
  get view(): View {
    const run = this.run.value;
    return { runId: run?.id ?? '', stream: this.stream.value, where: this.where.value, ...this.table.query() };
  }

  /** Rows that left the front of the view so far: the base of the row indices. */
  get evicted(): number {
    return this.#evicted;
  }

  want(wanted: Omit<Want, 'evicted'>): void {
    const want = { ...wanted, evicted: this.#evicted };
    this.#lastWant = want;
    // A new view is first seen from its end, an order from its beginning; where the old one stood means nothing in it.
    this.#pump.want(this.#fresh ? { ...want, first: this.#start } : want);
  }

  /** Tries a filter. If the engine refuses it, the rows stay and `filterFault` says why. */
  applyFilter(where: string): void {
    const text = where.trim();
    if (text === this.#attempt) return;
    if (text === this.where.value) {
      // Back to what is shown: the complaint about the other one has no object any more.
      this.filterFault.value = null;
      this.#attempt = text;
      if (this.#pump.view?.where === text) return;
    }
    this.#showView(this.stream.value, text);
  }

  selectStream(stream: string): void {
    if (stream === this.shownStream.value) return;
    this.#showView(stream, this.where.value);
  }

  setPaused(paused: boolean): void {
    this.#pausePressedAt = Date.now();
    this.paused.value = paused;
    this.#post({ type: 'pause', paused });
    if (paused) {
      this.#stand();
      this.#deliveredAtPause = this.run.value === null ? 0 : delivered(this.run.value);
    } else {
      this.newRows.value = 0;
      this.follow();
    }
  }

  stop(): void {
    this.#post({ type: 'stop' });
  }

  keep(): void {
    this.#post({ type: 'keep' });
  }

  record(): void {
    this.#post({ type: 'record' });
  }

  control(what: RunControl): void {
    this.#post({ type: 'control', what });
  }

  restart(): void {
    this.#post({ type: 'restart' });
  }

  /** Follows again; says whether there is something to follow. */
  follow(): boolean {
    if (this.paused.value || !isLive(this.run.value) || this.table.sort.value.length > 0) return false;
    this.#pace.hurry();
    this.#grid?.setFollowing(true);
    this.#pump.refresh();
    return true;
  }

  followChanged(following: boolean): void {
    this.following.value = following;
    this.newRows.value = 0;
    if (!following) this.#stand();
  }

  activeChanged(seq: number | null): void {
    this.#activeSeq = seq;
    if (this.detailOpen.value) void this.#loadDetail();
  }

  toggleDetail(open = !this.detailOpen.value): void {
    this.detailOpen.value = open;
    if (open) void this.#loadDetail();
  }

  hideColumn(id: string, hide: boolean): void {
    const hidden = new Set(this.hidden.value);
    if (hide) hidden.add(id);
    else hidden.delete(id);
    // At least one column stays: an empty table could not be told from a broken one.
    if (hide && this.columns.value.every((column) => hidden.has(column.id))) return;
    this.hidden.value = hidden;
    this.#columnsChanged();
  }

  resizeColumn(id: string, width: number): void {
    this.widths.value = { ...this.widths.value, [id]: clampWidth(width) };
    this.#columnsChanged();
  }

  resetColumns(): void {
    this.table.resetColumns();
    batch(() => {
      this.hidden.value = new Set();
      this.widths.value = {};
    });
    this.#columnsChanged();
    this.#reshow();
  }

  /** Puts the rows that are there now in an order; with no column, as they came. */
  sortBy(by: readonly RowOrder[]): void {
    batch(() => {
      this.table.sort.value = by;
      this.table.until.value = this.#lastPage?.delivered ?? 0;
      this.sorting.value = null;
    });
    this.#grid?.setSort(by);
    this.#showView(this.stream.value, this.where.value);
  }

  /** The same order, with the rows that came since. */
  sortAgain(): void {
    this.sortBy(this.table.sort.value);
  }

  setColumnOrder(ids: readonly string[]): void {
    this.table.setOrder(ids);
    this.#columnsChanged();
  }

  togglePin(id: string): void {
    this.table.togglePin(id);
    this.#columnsChanged();
  }

  setFormat(id: string, format: Parameters<TableChoices['setFormat']>[1]): void {
    this.table.setFormat(id, format);
    this.#reshow();
  }

  setDerived(column: DerivedColumn, before: DerivedColumn | null): void {
    this.table.setDerived(column, before);
    this.#reshow();
  }

  removeDerived(id: string): void {
    const sorted = this.table.sort.value.some(({ column }) => column === id);
    this.table.removeDerived(id);
    if (sorted) this.sortBy(this.table.sort.value);
    else this.#reshow();
  }

  /** Shows rows by groups, or (null) one by one. */
  setGroups(choice: GroupChoice | null): void {
    const before = this.table.groups.value;
    this.table.groups.value = choice;
    const counted = (one: GroupChoice | null): string => JSON.stringify([one?.by, one?.measures]);
    this.groups.show(choice, counted(before) !== counted(choice));
    this.#save();
  }

  /** Sorts the groups by a column of theirs ("by:0", "of:1"): the largest first, then the other way round. */
  sortGroups(id: string, descending?: boolean): void {
    const choice = this.table.groups.value;
    if (choice === null) return;
    const [kind, number] = id.split(':');
    const by = kind === 'by' ? 'key' : 'measure';
    const at = Number(number);
    const same = choice.sort.by === by && choice.sort.at === at;
    const turned = same ? !choice.sort.descending : by === 'measure';
    this.setGroups({ ...choice, sort: { by, at, descending: descending ?? turned } });
  }

  /** Leaves the groups for the rows of one of them. */
  openGroup(where: string): void {
    this.setGroups(null);
    this.applyFilter(where);
  }

  copyGroups(columns: readonly PlacedColumn[], ranges: readonly Range[] | null): void {
    const { data } = this.groups;
    const choice = this.table.groups.value;
    if (choice === null || data === null) return;
    const rows = groupRows(choice, data).filter((_, i) => ranges?.some(({ from, to }) => i >= from && i < to) ?? true);
    this.copyText(toTsv(columns, rows, (_column, text) => text));
    this.note(`Copied ${rows.length} ${rows.length === 1 ? 'group' : 'groups'}.`);
  }

  /** What can stand at a place of the filter. */
  complete(text: string, at: number): Promise<Completions> {
    const runId = this.run.value?.id ?? '';
    const stream = this.stream.value;
    return this.#requests.request((id) => this.#post({ type: 'complete', id, runId, stream, text, at }));
  }

  /** Writes the rows that the filter lets through to a file; the columns that show, or [] = all of them. */
  export(format: 'csv' | 'jsonl' | 'markdown', columns: string[]): void {
    const view: Partial<View> = this.view;
    delete view.runId;
    this.#post({ type: 'export', ...(view as Omit<View, 'runId'>), format, columns });
  }

  /** Opens the run's charts, with one more or as they are. */
  chart(chart: ChartSpec | null): void {
    this.#post({ type: 'chart', chart });
  }

  copyText(text: string): void {
    this.#post({ type: 'copy', text });
  }

  /** A short message at the edge of the rows; screen readers hear it too. */
  note(text: string): void {
    this.notice.value = text;
    if (this.#noticeTimer !== null) clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => (this.notice.value = ''), NOTICE_MS);
  }

  // --- told by the host ---------------------------------------------------------------------------------------------

  #init(run: RunSummary | null, state: PanelState): void {
    batch(() => {
      this.#restore(state.runId === '' && state.where === '' && state.stream === '' ? this.#state() : state);
      this.spec.value = state.spec ?? this.spec.value;
      this.ready.value = true;
    });
    if (run === null) this.run.value = null;
    else this.#takeRun(run);
    const view = this.#pump.view;
    if (run !== null && (view?.stream !== this.stream.value || view.where !== this.where.value)) {
      this.#showView(this.stream.value, this.where.value);
    }
    this.#save();
  }

  #takeRun(run: RunSummary): void {
    const before = this.run.value;
    const other = before?.id !== run.id;
    batch(() => {
      this.run.value = run;
      this.ready.value = true;
      if (Date.now() - this.#pausePressedAt > PAUSE_SETTLES_MS || other) this.paused.value = run.state === 'paused';
    });
    if (!other && this.paused.value) this.newRows.value = Math.max(0, delivered(run) - this.#deliveredAtPause);
    if (other) {
      this.#showView(this.stream.value, this.where.value);
      this.#save();
      return;
    }
    if (before.state !== run.state || delivered(before) !== delivered(run)) {
      this.#pace.hurry();
      if (!document.hidden && (!this.paused.value || before.state !== run.state)) this.#pump.refresh();
    }
  }

  #takePage(page: RowsPage, want: Want): void {
    if (page.filterError !== null) {
      this.#refuseFilter(page, page.filterError);
      return;
    }
    if (page.sortError !== undefined && this.table.sort.value.length > 0) {
      this.note(`Not sorted: ${page.sortError.message}`);
      this.sortBy([]);
      return;
    }
    this.sorting.value = page.sorted ?? null;
    if (page.sorted !== undefined && page.sorted.done < 1) {
      // The rows of before stay until the order is made.
      this.#pump.pollIn(PARTIAL_POLL_MS);
      return;
    }
    const before = this.#lastPage;
    const grew =
      before === null || this.#fresh || page.delivered !== before.delivered || page.matching !== before.matching;
    const evicted = this.#fresh ? 0 : Math.max(0, (page.evicted ?? 0) - this.#evicted);
    this.#evicted = page.evicted ?? 0;
    this.#lastPage = page;
    batch(() => {
      this.failure.value = null;
      this.shownStream.value = page.stream;
      if (this.#fresh) this.#accept(page);
      this.#setCounts(page);
      if (!sameColumns(this.columns.value, page.columns)) {
        this.columns.value = page.columns;
        this.#grid?.setColumns(page.columns, this.#columnChoices());
      }
    });
    markGone(page, this.#grid?.placed[0]?.source ?? 0);
    const askedAt = want.first < 0 ? Number.POSITIVE_INFINITY : want.top + want.evicted - this.#evicted;
    this.#grid?.setPage(page, Math.max(0, askedAt), evicted);
    if (!this.following.value && !this.paused.value && page.sorted === undefined)
      this.newRows.value = Math.max(0, page.matching + this.#evicted - this.#stoodAt);
    this.#pollAfter(page, grew);
  }

  /** The first page of a new view: only now the old rows go, so that nothing blinks. */
  #accept(page: RowsPage): void {
    this.#fresh = false;
    if (page.where === this.#attempt) this.filterFault.value = null;
    this.where.value = page.where;
    this.detail.value = null;
    this.newRows.value = 0;
    this.counts.value = null;
    this.#grid?.reset(page.sorted === undefined);
    this.#grid?.setSort(this.table.sort.value);
    this.find.viewChanged();
    void this.tools.placeMarks();
    this.groups.show(this.table.groups.value, true);
    this.#save();
  }

  #refuseFilter(page: RowsPage, error: ErrorData): void {
    this.filterFault.value = {
      where: page.where,
      error,
      at: faultPosition(page.where, error.detail, page.filterErrorAt),
    };
    // A remembered filter may be wrong for a program that has changed: then all rows show.
    if (page.where === this.where.value) this.where.value = '';
    const run = this.run.value;
    if (run === null) return;
    // The rows of the filter before are still on screen and stay, unless there are none.
    this.#fresh = this.#lastPage === null || this.#lastPage.where !== this.where.value;
    this.#pump.show(this.#asked(this.where.value));
  }

  #rowsFailed(error: RequestError): void {
    this.failure.value = error.data ?? {
      code: 'internal',
      message: error.why === 'timeout' ? 'The engine does not answer.' : error.message,
      remedy: 'The panel asks again by itself. If this stays, reload the window.',
      detail: '',
      links: [],
    };
    this.#pump.pollIn(RETRY_MS);
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  #showView(stream: string, where: string): void {
    const run = this.run.value;
    this.stream.value = stream;
    if (run === null) {
      this.where.value = where;
      this.#save();
      return;
    }
    this.#fresh = true;
    this.#attempt = where;
    this.#pace.hurry();
    // An order has an end of its own: that of the rows which are there when it is asked for.
    if (this.table.until.value === 0) this.table.until.value = newest(run, stream);
    if (this.#lastWant !== null) this.#pump.want({ ...this.#lastWant, first: this.#start });
    this.#pump.show(this.#asked(where));
    this.#save();
  }

  /** Where a new view is first seen: as it came from the end, in another order from its beginning. */
  get #start(): number {
    return this.table.sort.value.length > 0 ? 0 : -1;
  }

  #asked(where: string): View {
    const { find } = this.find;
    return { ...this.view, where, ...(find !== null && { find }) };
  }

  /** The same rows, written or marked in another way: the grid stays where it is. */
  #reshow(): void {
    this.#save();
    if (this.run.value === null || this.#pump.view === null) return;
    this.#pump.show(this.#asked(this.#pump.view.where));
  }

  #askGroups(spec: SummarySpec): Promise<SummaryPage> {
    const { runId, stream, where } = this.view;
    const query = { runId, stream, where, spec, since: 0 };
    return this.#requests.request<SummaryPage>((id) => this.#post({ type: 'groups', id, query }));
  }

  #pollAfter(page: RowsPage, grew: boolean): void {
    if (document.hidden) return;
    if (page.partial) {
      this.#pump.pollIn(PARTIAL_POLL_MS);
      return;
    }
    if (!isLive(this.run.value) || this.paused.value) return;
    this.#pump.pollIn(this.following.value ? this.#pace.next(grew) : STANDING_POLL_MS);
  }

  #setCounts(page: RowsPage): void {
    const { matching, stored, delivered: all, partial } = page;
    this.#newestCounts = { matching, stored, delivered: all, partial };
    const old = this.counts.value;
    // What is more than growth (a new view, the first rows, the end of a search) shows at once.
    if (old === null || matching < old.matching || old.matching === 0 || partial !== old.partial) this.#showCounts();
    else this.#countsTimer ??= setTimeout(() => this.#showCounts(), COUNTS_EVERY_MS);
  }

  #showCounts(): void {
    if (this.#countsTimer !== null) clearTimeout(this.#countsTimer);
    this.#countsTimer = null;
    const [old, next] = [this.counts.value, this.#newestCounts];
    const same =
      old?.matching === next?.matching &&
      old?.stored === next?.stored &&
      old?.delivered === next?.delivered &&
      old?.partial === next?.partial;
    if (!same) this.counts.value = next;
  }

  /** Remembers where the view stands, so that what comes after it can be counted. */
  #stand(): void {
    this.#stoodAt = (this.#lastPage?.matching ?? 0) + this.#evicted;
  }

  async #loadDetail(): Promise<void> {
    const seq = this.#activeSeq;
    if (seq === null) return;
    try {
      const detail = await this.rowDetail(seq);
      // The keyboard may have moved on meanwhile.
      if (seq === this.#activeSeq) this.detail.value = detail;
    } catch {
      if (seq === this.#activeSeq) this.detail.value = null;
    }
  }

  #columnsChanged(): void {
    this.#grid?.setColumns(this.columns.value, this.#columnChoices());
    this.#save();
  }

  #columnChoices(): ColumnChoices {
    const [hidden, widths] = [this.hidden.value, this.widths.value];
    return { hidden, widths, order: this.table.order.value, pinned: this.table.pinned.value };
  }

  #restore(state: PanelState): void {
    this.stream.value = state.stream;
    this.where.value = state.where;
    this.hidden.value = new Set(state.hidden);
    this.widths.value = state.widths;
    this.spec.value = state.spec;
    this.tools.restore(state);
    this.table.restore(state.layout);
  }

  #state(): PanelState {
    const layout = this.table.layout();
    return {
      ...(layout && { layout }),
      ...EMPTY_STATE,
      runId: this.run.value?.id ?? '',
      stream: this.stream.value,
      where: this.where.value,
      hidden: [...this.hidden.value],
      widths: this.widths.value,
      spec: this.spec.value,
      ...this.tools.saved(),
    };
  }

  #save(): void {
    if (this.#saveTimer !== null) return;
    this.#saveTimer = setTimeout(() => {
      this.#saveTimer = null;
      const state = this.#state();
      this.#api.setState(state);
      this.#post({ type: 'state', state });
    }, SAVE_AFTER_MS);
  }

  #post(message: ToHost): void {
    this.#api.postMessage(message);
  }
}

function delivered(run: RunSummary): number {
  return run.ledger.streams.reduce((sum, stream) => sum + stream.delivered, 0);
}

/** Rows of a stream that have come so far, as the run's account has them. */
function newest(run: RunSummary, stream: string): number {
  const { streams } = run.ledger;
  return (streams.find(({ name }) => name === stream) ?? streams[0])?.delivered ?? Number.MAX_SAFE_INTEGER;
}

/** A row that has left the store keeps its place in an order, and says why it is empty. */
function markGone(page: RowsPage, column: number): void {
  for (const row of page.rows) {
    if (row.gone === true) row.cells = page.columns.map((_, i) => (i === column ? '(left the store)' : ''));
  }
}

import { batch, computed, signal } from '@preact/signals';
import type {
  ChartSpec,
  ErrorData,
  HistogramScale,
  MapChange,
  MapChanged,
  MapColumn,
  MapEntryDetail,
  MapHistograms,
  MapLook,
  MapRowsPage,
  MapsAnswer,
  MapsListing,
  MapsPanelState,
  MapsQuery,
  MapsScope,
  MapsToHost,
  MapSummary,
  MapTarget,
} from '@ringside/core/model';
import type { FilterFault } from '../shared/filterBox.tsx';
import { clampWidth, sameColumns } from '../shared/grid/columns.ts';
import type { Want } from '../shared/grid/pageWindow.ts';
import type { RowGrid } from '../shared/grid/rowGrid.ts';
import { PendingRequests, RequestError } from '../shared/rpc.ts';
import { helloUntilAnswered } from '../shared/hello.ts';
import type { VsCodeApi } from '../shared/vscodeApi.ts';
import { mapsState, plainLook, toMapsPanel } from './guards.ts';

/** The first look at a large map over a slow link takes a while. */
const ANSWER_MS = 60_000;
/** A write may be asked about, and people take their time. */
const WRITE_MS = 3_600_000;
const LIST_EVERY_MS = 2000;
const ROWS_EVERY_MS = 250;
const NOTICE_MS = 6000;
const SAVE_AFTER_MS = 150;
const DELETE_PAGE = 1000;
const HISTOGRAMS = 24;

/** What is known of the map that is shown, but for its rows. */
export type Shown = Omit<MapRowsPage, 'rows'>;

export const sameTarget = (a: MapTarget | null, b: MapTarget | null): boolean =>
  a !== null && b !== null && a.host === b.host && a.id === b.id;

/** Everything the panel knows, and the one place that talks to the host. Components read the signals. */
export class MapsState {
  readonly title = signal('');
  readonly scope = signal<MapsScope | null>(null);
  readonly listing = signal<MapsListing | null>(null);
  /** What of the host's list of maps could not be read. */
  readonly listError = signal<ErrorData | null>(null);
  readonly target = signal<MapTarget | null>(null);
  readonly where = signal('');
  readonly look = signal<MapLook>(plainLook);
  readonly shown = signal<Shown | null>(null);
  readonly failure = signal<ErrorData | null>(null);
  readonly filterFault = signal<FilterFault | null>(null);
  readonly columns = signal<readonly MapColumn[]>([]);
  readonly widths = signal<Readonly<Record<string, number>>>({});
  /** "" = whatever the map's shape says. */
  readonly view = signal<'table' | 'histogram' | ''>('');
  readonly scale = signal<HistogramScale | ''>('');
  readonly histograms = signal<MapHistograms | null>(null);
  readonly detailOpen = signal(false);
  readonly detail = signal<MapEntryDetail | null>(null);
  readonly selected = signal(0);
  readonly adding = signal(false);
  readonly editing = signal(false);
  readonly busy = signal(false);
  readonly notice = signal<{ text: string; bad: boolean } | null>(null);
  readonly map = computed<MapSummary | null>(
    () => this.listing.value?.maps.find((map) => sameTarget(map, this.target.value)) ?? null,
  );
  /** What is shown is not what the map holds now: its host is away, the map is gone, or the run is over. */
  readonly isOld = computed(() => {
    const trouble = this.shown.value?.trouble?.kind;
    const listing = this.listing.value;
    const over = listing !== null && listing.kept === undefined && (listing.note !== '' || listing.away.length > 0);
    return trouble === 'away' || trouble === 'gone' || over;
  });
  readonly asHistogram = computed(() => {
    const shape = this.shown.value?.histogram ?? null;
    return shape !== null && (this.view.value === '' ? shape.sure : this.view.value === 'histogram');
  });

  readonly #api: VsCodeApi<MapsPanelState>;
  readonly #requests = new PendingRequests(ANSWER_MS);
  readonly #writes = new PendingRequests(WRITE_MS);
  #grid: RowGrid | null = null;
  #mapName = '';
  #want: Omit<Want, 'evicted'> | null = null;
  #asking = false;
  #due = false;
  #generation = 0;
  #rowsTimer: ReturnType<typeof setTimeout> | undefined;
  #listTimer: ReturnType<typeof setTimeout> | undefined;
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #activeSeq: number | null = null;
  #fresh = true;
  /** The two kinds of requests have numbers of their own: writes are the negative ones. */
  #attempt = '';

  constructor(api: VsCodeApi<MapsPanelState>) {
    this.#api = api;
    const kept = mapsState(api.getState());
    if (kept !== null) this.#restore(kept);
  }

  start(): void {
    addEventListener('message', ({ data }: MessageEvent<unknown>) => this.receive(data));
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      this.refresh();
      void this.#list();
    });
    addEventListener('pagehide', () => {
      this.#requests.dispose();
      this.#writes.dispose();
    });
    helloUntilAnswered(() => this.#send({ type: 'ready' }));
  }

  attachGrid(grid: RowGrid): void {
    this.#grid = grid;
    this.#columnsChanged();
  }

  receive(data: unknown): void {
    const message = toMapsPanel(data);
    if (message === null) return;
    switch (message.type) {
      case 'init':
        this.#init(message.title, mapsState(message.state)!);
        return;
      case 'answer':
        if (message.id < 0) this.#writes.settle(-message.id, message.value);
        else this.#requests.settle(message.id, message.value);
        return;
      case 'failed':
        if (message.id < 0) this.#writes.fail(-message.id, message.error);
        else this.#requests.fail(message.id, message.error);
    }
  }

  /** As the list of maps says, or sooner the map that is shown. */
  isAway(host: string): boolean {
    if (this.listing.value?.away.some((one) => one.host === host) === true) return true;
    return this.shown.value?.trouble?.kind === 'away' && this.target.value?.host === host;
  }

  // --- the list of maps ---------------------------------------------------------------------------------------------

  select(target: MapTarget): void {
    if (sameTarget(target, this.target.value)) return;
    batch(() => {
      this.target.value = { host: target.host, id: target.id };
      this.look.value = { ...plainLook, paused: this.look.value.paused };
      this.where.value = '';
      this.view.value = '';
      this.scale.value = '';
      this.adding.value = false;
      this.notice.value = null; // it is about the map before
    });
    this.#mapName = this.map.value?.name ?? '';
    this.#showAnew();
  }

  reconnect(): void {
    this.#send({ type: 'reconnect' });
  }

  /** Of a recording: its maps as they were read then. */
  showAt(time: number): void {
    void this.#list(time);
  }

  async #list(at?: number): Promise<void> {
    clearTimeout(this.#listTimer);
    try {
      const listing = await this.#ask(at === undefined ? { ask: 'list' } : { ask: 'list', at });
      batch(() => {
        this.listing.value = listing;
        this.listError.value = null;
        this.#choose(listing);
      });
    } catch (error) {
      if (error instanceof RequestError && error.why === 'disposed') return;
      this.listError.value = errorOf(error);
    }
    clearTimeout(this.#listTimer);
    if (!document.hidden) this.#listTimer = setTimeout(() => void this.#list(), LIST_EVERY_MS);
  }

  /** The first map is shown until another is chosen; one that was made anew by the one that has its name now. */
  #choose({ maps, note }: MapsListing): void {
    const here = maps.find((map) => sameTarget(map, this.target.value));
    if (here !== undefined) {
      this.#mapName = here.name;
      return;
    }
    if (this.target.value !== null && note !== '') return;
    const again = maps.find(({ name, host }) => name === this.#mapName && host === (this.target.value?.host ?? host));
    const first = maps.find(({ access, name }) => access === 'entries' && !name.includes('.')) ?? maps[0];
    const next = again ?? (this.target.value === null ? first : undefined);
    if (next === undefined) return;
    const { look, where, view } = this;
    const kept = [look.value, where.value, view.value] as const;
    this.target.value = { host: next.host, id: next.id };
    this.#mapName = next.name;
    [look.value, where.value, view.value] = kept;
    this.#showAnew();
  }

  // --- rows -----------------------------------------------------------------------------------------------------------

  want(want: Omit<Want, 'evicted'>): void {
    this.#want = want;
    this.refresh();
  }

  refresh(): void {
    this.#due = true;
    if (!this.#asking) this.#askRows();
  }

  applyFilter(text: string): void {
    const where = text.trim();
    if (where === this.#attempt && where === this.where.value) return;
    this.#attempt = where;
    this.#changeLook({ where });
  }

  sortBy(column: string, descending: boolean): void {
    this.#changeLook({ sort: { column, descending } });
    this.#grid?.setSort([{ column, descending }]);
  }

  followRateOf(rateOf: string): void {
    this.#changeLook({ rateOf });
  }

  setSplit(split: boolean): void {
    this.#changeLook({ split });
  }

  setPaused(paused: boolean): void {
    this.#changeLook({ paused });
  }

  setView(view: 'table' | 'histogram'): void {
    this.view.value = view;
    this.refresh();
    this.#save();
  }

  setScale(scale: HistogramScale): void {
    this.scale.value = scale;
    this.refresh();
  }

  resizeColumn(id: string, width: number): void {
    this.widths.value = { ...this.widths.value, [id]: clampWidth(width) };
    this.#columnsChanged();
    this.#save();
  }

  #changeLook(change: Partial<MapLook>): void {
    this.look.value = { ...this.look.value, ...change };
    this.#generation++;
    this.#asking = false;
    this.refresh();
    this.#save();
  }

  #showAnew(): void {
    this.#generation++;
    this.#asking = false;
    this.#fresh = true;
    batch(() => {
      this.shown.value = null;
      this.failure.value = null;
      this.filterFault.value = null;
      this.detail.value = null;
      this.histograms.value = null;
      this.editing.value = false;
      this.columns.value = [];
    });
    this.#activeSeq = null;
    this.#grid?.reset();
    this.#columnsChanged();
    this.refresh();
    this.#save();
  }

  #askRows(): void {
    clearTimeout(this.#rowsTimer);
    const target = this.target.value;
    if (target === null || document.hidden || !this.#due) return;
    this.#due = false;
    this.#asking = true;
    const generation = this.#generation;
    const { first, count, top } = this.#want ?? { first: 0, count: 60, top: 0 };
    // What is being typed into stays where it is.
    const look = { ...this.look.value, paused: this.look.value.paused || this.editing.value };
    this.#ask({ ask: 'rows', target, look, first: Math.max(0, first), count }).then(
      (page) => {
        if (generation !== this.#generation) return;
        this.#asking = false;
        this.#take(page, top);
        this.#again(page);
      },
      (error: unknown) => {
        if (generation !== this.#generation) return;
        this.#asking = false;
        if (error instanceof RequestError && error.why === 'disposed') return;
        this.failure.value = errorOf(error);
        this.#rowsTimer = setTimeout(() => this.refresh(), LIST_EVERY_MS);
      },
    );
  }

  #again(page: MapRowsPage): void {
    if (this.#due) {
      requestAnimationFrame(() => this.#askRows());
      return;
    }
    const soon = page.look === 0 || page.sorting;
    this.#rowsTimer = setTimeout(() => this.refresh(), soon ? 100 : ROWS_EVERY_MS);
  }

  #take(page: MapRowsPage, askedAt: number): void {
    const { rows, ...shown } = page;
    const before = this.shown.value;
    batch(() => {
      this.failure.value = null;
      this.shown.value = shown;
      if (page.filterError !== null) {
        this.filterFault.value = { where: page.where, error: page.filterError, at: page.filterErrorAt ?? null };
        return;
      }
      this.filterFault.value = null;
      this.where.value = page.where;
      if (!sameColumns(this.columns.value, page.columns) || this.#fresh) {
        this.columns.value = page.columns;
        this.#columnsChanged();
      }
    });
    if (page.filterError !== null) return;
    this.#fresh = page.look === 0;
    this.#grid?.setPage({ first: page.first, rows, matching: page.matching }, askedAt, 0);
    if (before?.look !== page.look) {
      if (this.detailOpen.value) void this.#loadDetail();
      if (this.asHistogram.value) void this.loadHistograms();
    }
  }

  #columnsChanged(): void {
    const { sort } = this.look.value;
    this.#grid?.setColumns(this.columns.value, { hidden: new Set(), widths: this.widths.value });
    this.#grid?.setSort(sort.column === '' ? [] : [sort]);
  }

  async loadHistograms(): Promise<void> {
    const target = this.target.value;
    if (target === null) return;
    const query = { ask: 'histograms' as const, target, scale: this.scale.value, first: 0, count: HISTOGRAMS };
    try {
      const answer = await this.#ask(query);
      if (sameTarget(target, this.target.value)) this.histograms.value = answer;
    } catch {
      // The rows of the same map say what is wrong.
    }
  }

  // --- one entry ------------------------------------------------------------------------------------------------------

  activeChanged(seq: number | null): void {
    this.#activeSeq = seq;
    if (this.detailOpen.value) void this.#loadDetail();
  }

  toggleDetail(open = !this.detailOpen.value): void {
    this.detailOpen.value = open;
    if (open) void this.#loadDetail();
  }

  async #loadDetail(): Promise<void> {
    const [seq, target] = [this.#activeSeq, this.target.value];
    if (seq === null || target === null) return;
    try {
      const detail = await this.#ask({ ask: 'entry', target, seq });
      if (seq === this.#activeSeq) this.detail.value = detail;
    } catch {
      if (seq === this.#activeSeq) this.detail.value = null;
    }
  }

  // --- writes -----------------------------------------------------------------------------------------------------------

  /** Says what was done; what could not be is thrown for whoever asked. */
  async change(change: MapChange): Promise<MapChanged> {
    const target = this.target.value;
    if (target === null) throw new RequestError('failed', 'No map is chosen.');
    this.busy.value = true;
    try {
      const done = await this.#writes.request<MapChanged>((id) =>
        this.#send({ type: 'ask', id: -id, query: { ask: 'change', target, change } }),
      );
      this.note(done.text);
      this.refresh();
      return done;
    } finally {
      this.busy.value = false;
    }
  }

  /** The same, with what went wrong as a note. */
  async tryChange(change: MapChange): Promise<void> {
    try {
      await this.change(change);
    } catch (error) {
      const { message, remedy } = errorOf(error);
      this.note([message, remedy].filter((text) => text !== '').join(' '), true);
    }
  }

  /** Rows of an order that may have moved on since: their numbers stay. */
  async rowsOf(ranges: readonly { from: number; to: number }[], most: number) {
    const target = this.target.value;
    const rows: MapRowsPage['rows'] = [];
    if (target === null) return rows;
    const look = { ...this.look.value, paused: true };
    for (const { from, to } of ranges) {
      for (let first = from; first < to && rows.length < most; first += DELETE_PAGE) {
        const count = Math.min(DELETE_PAGE, to - first, most - rows.length);
        const page = await this.#ask({ ask: 'rows', target, look, first, count });
        rows.push(...page.rows);
      }
    }
    return rows;
  }

  /** Adds a chart to the page of the run whose maps these are. */
  chart(chart: ChartSpec): void {
    this.#send({ type: 'chart', chart });
  }

  copyText(text: string): void {
    this.#send({ type: 'copy', text });
  }

  note(text: string, bad = false): void {
    this.notice.value = { text, bad };
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => (this.notice.value = null), bad ? NOTICE_MS * 2 : NOTICE_MS);
  }

  // --- inside -----------------------------------------------------------------------------------------------------------

  #init(title: string, state: MapsPanelState): void {
    batch(() => {
      this.title.value = title;
      this.#restore(state);
      this.listing.value = null;
    });
    if (this.target.value !== null) this.#showAnew();
    void this.#list();
    this.#save();
  }

  #restore(state: MapsPanelState): void {
    this.scope.value = state.scope;
    this.target.value = state.target;
    this.look.value = state.look;
    this.where.value = state.look.where;
    this.#attempt = state.look.where;
    this.widths.value = state.widths;
    this.view.value = state.view;
    this.#mapName = state.map;
  }

  #ask<Q extends MapsQuery>(query: Q): Promise<MapsAnswer<Q>> {
    return this.#requests.request((id) => this.#send({ type: 'ask', id, query }));
  }

  #save(): void {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => {
      const scope = this.scope.value;
      if (scope === null) return;
      const state: MapsPanelState = {
        scope,
        title: this.title.value,
        target: this.target.value,
        map: this.#mapName,
        look: this.look.value,
        widths: this.widths.value,
        view: this.view.value,
      };
      this.#api.setState(state);
      this.#send({ type: 'state', state });
    }, SAVE_AFTER_MS);
  }

  #send(message: MapsToHost): void {
    this.#api.postMessage(message);
  }
}

export function errorOf(error: unknown): ErrorData {
  if (error instanceof RequestError && error.data !== null) return error.data;
  const late = error instanceof RequestError && error.why === 'timeout';
  return {
    code: 'internal',
    message: late ? 'The engine does not answer.' : error instanceof Error ? error.message : String(error),
    remedy: 'The panel asks again by itself. If this stays, reload the window.',
    detail: '',
    links: [],
  };
}

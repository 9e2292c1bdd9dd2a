import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type {
  Bookmark,
  ColourRule,
  PanelState,
  RowColour,
  RowPlaces,
  RowsAnswer,
  SummaryPage,
  TraceAsk,
} from '@ringside/core/model';
import type { GridRow } from '../../shared/grid/pageWindow.ts';
import type { Range } from '../../shared/grid/selection.ts';
import { merged, NOTHING, type Measured } from './figures.ts';
import { splitRange, withRange, type TimeRange } from './range.ts';

/** What the tools need of the panel. */
export interface ToolsHost {
  readonly where: ReadonlySignal<string>;
  readonly shownStream: ReadonlySignal<string>;
  /** Rows that left the front of the view so far: the base of the row indices. */
  readonly evicted: number;
  ask<Q extends TraceAsk>(ask: Q): Promise<RowsAnswer<Q>>;
  applyFilter(where: string): void;
  note(text: string): void;
  /** Asks for the shown rows again. */
  refreshRows(): void;
  save(): void;
  /** Moves the keyboard to a row of the view. */
  goTo(index: number): void;
  /** Shows the detail of a row that may not be in the view. */
  showRow(seq: number): void;
  /** Draws marks beside the rows; by their index in the view. */
  setMarks(indices: readonly number[]): void;
}

/** The sections that stand above the ledger, one at a time. */
export type ToolSection = 'ledger' | 'colours' | 'bookmarks';

export interface Selected {
  rows: number;
  figures: Measured;
  /** Rows are still being measured. */
  busy: boolean;
}

const SETTLED_MS = 120;
const MOST_BOOKMARKS = 500;
export const COLOURS: readonly RowColour[] = ['red', 'orange', 'yellow', 'green', 'blue', 'purple', 'grey'];

/** Rate chart, range of time, colours, bookmarks and figures of selected rows: what stands around the grid. */
export class RowTools {
  readonly colours = signal<readonly ColourRule[]>([]);
  readonly bookmarks = signal<readonly Bookmark[]>([]);
  readonly selected = signal<Selected | null>(null);
  readonly section = signal<ToolSection | null>(null);
  readonly rates = signal<SummaryPage | null>(null);
  /** When the oldest stored row was made, ms since the epoch. */
  readonly oldest = signal<number | null>(null);
  readonly text: ReadonlySignal<string>;
  readonly range: ReadonlySignal<TimeRange | null>;
  readonly #host: ToolsHost;
  #marked = new Set<number>();
  #measuring = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: ToolsHost) {
    this.#host = host;
    this.text = computed(() => splitRange(host.where.value).text);
    this.range = computed(() => splitRange(host.where.value).range);
  }

  restore({ colours, bookmarks }: Pick<PanelState, 'colours' | 'bookmarks'>): void {
    this.colours.value = colours ?? [];
    this.#setMarked(bookmarks ?? []);
  }

  saved(): Pick<PanelState, 'colours' | 'bookmarks'> {
    return { colours: [...this.colours.value], bookmarks: [...this.bookmarks.value] };
  }

  /** Filters by what is typed, within the range that is chosen. */
  applyText(text: string): void {
    this.#host.applyFilter(withRange(text, this.range.value));
  }

  setRange(range: TimeRange | null): void {
    this.#host.applyFilter(withRange(this.text.value, range));
  }

  toggle(section: ToolSection): void {
    this.section.value = this.section.value === section ? null : section;
  }

  // --- colours ------------------------------------------------------------------------------------------------------

  /** The expressions of the rules that are on, for the engine. */
  get rules(): string[] {
    return this.#active().map(({ where }) => where);
  }

  #active(): ColourRule[] {
    return this.colours.value.filter(({ on, where }) => on && where.trim() !== '');
  }

  setColours(colours: readonly ColourRule[]): void {
    this.colours.value = colours;
    this.#host.refreshRows();
    this.#host.save();
  }

  /** Adds a rule in a colour that no other has yet, and shows the list. */
  addColour(where: string): void {
    const colour = COLOURS.find((each) => !this.colours.value.some((rule) => rule.colour === each)) ?? 'red';
    this.setColours([...this.colours.value, { where, colour, on: true }]);
    this.section.value = 'colours';
  }

  /** How a row looks: its colour and whether it is marked, in words too. */
  tag(row: GridRow): string {
    const rule = row.rule === undefined ? undefined : this.#active()[row.rule];
    const marked = this.#marked.has(row.seq) ? ' bookmarked' : '';
    return `${rule?.colour ?? ''}${marked}`;
  }

  // --- bookmarks ----------------------------------------------------------------------------------------------------

  /** Marks a row, or takes its mark away. */
  async toggleBookmark(seq: number): Promise<void> {
    const stream = this.#host.shownStream.value;
    const others = this.bookmarks.value.filter((mark) => mark.stream !== stream || mark.seq !== seq);
    if (others.length < this.bookmarks.value.length) {
      this.setBookmarks(others);
      this.#host.note('Bookmark removed.');
      return;
    }
    if (others.length >= MOST_BOOKMARKS) {
      this.#host.note(`There are ${MOST_BOOKMARKS} bookmarks already.`);
      return;
    }
    const time = (await this.#places([seq])).places[0]?.time ?? null;
    if (time === null) {
      this.#host.note('The row has left the store.');
      return;
    }
    const all = [...this.bookmarks.value, { stream, seq, time, note: '' }];
    this.setBookmarks(all.sort((a, b) => a.seq - b.seq));
    this.#host.note('Row bookmarked. ] and [ go from one to the next.');
  }

  setBookmarks(bookmarks: readonly Bookmark[]): void {
    this.#setMarked(bookmarks);
    this.#host.refreshRows();
    this.#host.save();
    void this.placeMarks();
  }

  #setMarked(bookmarks: readonly Bookmark[]): void {
    this.bookmarks.value = bookmarks;
    const stream = this.#host.shownStream.peek();
    this.#marked = new Set(bookmarks.filter((mark) => mark.stream === stream || stream === '').map(({ seq }) => seq));
  }

  async jump(mark: Bookmark): Promise<void> {
    if (mark.stream !== this.#host.shownStream.value) {
      this.#host.note(`It is a row of ${mark.stream}.`);
      return;
    }
    const { places, evicted } = await this.#places([mark.seq]);
    const place = places[0];
    if (place === undefined || place.time === null) this.#host.note('The row has left the store.');
    else if (place.index === null) {
      this.#host.note('The filter hides the row: here is its detail.');
      this.#host.showRow(mark.seq);
    } else this.#host.goTo(place.index + evicted - this.#host.evicted);
  }

  /** Goes to the bookmark after or before a row. */
  async jumpFrom(seq: number | null, by: 1 | -1): Promise<void> {
    const stream = this.#host.shownStream.value;
    const own = this.bookmarks.value.filter((mark) => mark.stream === stream);
    const here = seq ?? (by > 0 ? -1 : Number.POSITIVE_INFINITY);
    const next = by > 0 ? own.find((mark) => mark.seq > here) : own.findLast((mark) => mark.seq < here);
    if (next === undefined)
      this.#host.note(own.length === 0 ? 'No row is bookmarked. M marks one.' : 'No more bookmarks that way.');
    else await this.jump(next);
  }

  /** Finds where the bookmarks are in the view, and draws them there. */
  async placeMarks(): Promise<void> {
    this.#setMarked(this.bookmarks.value);
    const seqs = [...this.#marked];
    if (seqs.length === 0) {
      this.#host.setMarks([]);
      return;
    }
    try {
      const { places, evicted } = await this.#places(seqs);
      const gone = this.#host.evicted - evicted;
      this.#host.setMarks(places.flatMap(({ index }) => (index === null ? [] : [Math.max(0, index - gone)])));
    } catch {
      // Asked again with the next rates.
    }
  }

  #places(seqs: number[]): Promise<RowPlaces> {
    const view = { stream: this.#host.shownStream.value, where: this.#host.where.value };
    return this.#host.ask({ ask: 'places', view, seqs });
  }

  // --- rates --------------------------------------------------------------------------------------------------------

  /** Asks for the rows per time of everything that is kept; the engine has it in some hundred parts. */
  async refreshRates(): Promise<void> {
    const stream = this.#host.shownStream.value;
    const spec = { kind: 'series', measure: { of: 'count', field: '' }, by: '', top: 1, seconds: 0 } as const;
    try {
      const page = await this.#host.ask({ ask: 'summary', stream, where: '', spec, since: 0 });
      if (page.stream === this.#host.shownStream.value) this.rates.value = page;
      const { oldest } = await this.#places([]);
      this.oldest.value = oldest === null ? null : Number(BigInt(oldest) / 1_000_000n);
      if (this.bookmarks.value.length > 0) await this.placeMarks();
    } catch {
      // Asked again a second later; what the rows themselves say of the failure stands above them.
    }
  }

  // --- figures of the selection -------------------------------------------------------------------------------------

  /** Measures the selected rows when the selection has come to rest. */
  selectionChanged(ranges: readonly Range[]): void {
    clearTimeout(this.#timer);
    const measuring = ++this.#measuring;
    const rows = ranges.reduce((sum, range) => sum + range.to - range.from, 0);
    if (rows < 2) {
      this.selected.value = null;
      return;
    }
    const { evicted } = this.#host;
    const copy = ranges.map((range) => ({ ...range }));
    this.#timer = setTimeout(() => void this.#measure(measuring, rows, copy, evicted), SETTLED_MS);
  }

  async #measure(measuring: number, rows: number, ranges: Range[], evicted: number): Promise<void> {
    const view = { stream: this.#host.shownStream.value, where: this.#host.where.value };
    let figures = NOTHING;
    let from: number | null = 0;
    try {
      while (from !== null) {
        const page: RowsAnswer<TraceAsk & { ask: 'measure' }> = await this.#host.ask({
          ask: 'measure',
          view,
          evicted,
          ranges,
          from,
        });
        if (measuring !== this.#measuring) return;
        figures = merged(figures, page);
        from = page.next;
        this.selected.value = { rows, figures, busy: from !== null };
      }
    } catch {
      if (measuring === this.#measuring) this.selected.value = null;
    }
  }
}

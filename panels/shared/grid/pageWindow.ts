import type { ScrollModel } from './scroller.ts';

/** A row on its way to the grid. */
export interface GridRow {
  seq: number;
  cells: string[];
  /** Columns (by their place in `cells`) that are to be marked. */
  marks?: readonly number[];
  /** Index of the colour rule that the row passes. */
  rule?: number;
  /** It has what is searched for. */
  found?: boolean;
}

/** Some rows of a view, and how many it has. */
export interface GridPage {
  /** Index of rows[0] within the view. */
  first: number;
  rows: GridRow[];
  matching: number;
}

type Page = Pick<GridPage, 'first' | 'rows'>;

/** Rows that the grid wants to show, and its scroll position when it said so. */
export interface Want {
  /** -1 = the last `count` rows. */
  first: number;
  count: number;
  top: number;
  /** Rows that had left the view when this was said: what `first` and `top` count from. */
  evicted: number;
}

/** How long old rows stay on screen while the rows of a far jump are on their way. */
const HOLD_MS = 250;

/** The rows on hand, and which position to paint with them. */
export class PageWindow {
  #page: Page = { first: 0, rows: [] };
  /** Where the view stood when the page was asked for; null = nothing to hold on to. */
  #heldTop: number | null = null;
  #missingSince: number | null = null;

  get rows(): Page['rows'] {
    return this.#page.rows;
  }

  reset(): void {
    this.#page = { first: 0, rows: [] };
    this.#heldTop = null;
    this.#missingSince = null;
  }

  /** The oldest rows left the view: what is on hand has lower indices now. */
  evict(rows: number): void {
    this.#page = { first: this.#page.first - rows, rows: this.#page.rows };
  }

  /**
   * Takes a page that was asked for when the view stood at `heldTop`. If it does not show what is in view, but the rows
   * on hand do (the view moved while it was fetched), those stay.
   */
  take(page: Page, heldTop: number, scroll: ScrollModel): void {
    const onHand = this.#page;
    const covered = this.covers(scroll);
    this.#page = page;
    if (covered && onHand.rows.length > 0 && !this.covers(scroll)) {
      this.#page = onHand;
      return;
    }
    this.#heldTop = heldTop;
  }

  row(index: number): GridRow | null {
    return this.#page.rows[index - this.#page.first] ?? null;
  }

  has(from: number, end: number): boolean {
    return from >= this.#page.first && end <= this.#page.first + this.#page.rows.length;
  }

  /** Whether every row in view is here. */
  covers(scroll: ScrollModel): boolean {
    const { first, end } = scroll.window();
    return first >= end || this.has(first, end);
  }

  /**
   * The position to paint. After a far jump none of the rows is here yet: then the newest rows that did come stay on
   * screen for a moment, so dragging the thumb shows real rows a frame late instead of an empty table. `held` says so.
   */
  paintTop(scroll: ScrollModel, now: number): { top: number; held: boolean } {
    const { first, end } = scroll.window();
    const touches = first < this.#page.first + this.#page.rows.length && end > this.#page.first;
    if (this.#heldTop === null || touches || first >= end) {
      this.#missingSince = null;
      return { top: scroll.top, held: false };
    }
    this.#missingSince ??= now;
    if (now - this.#missingSince > HOLD_MS) return { top: scroll.top, held: false };
    return { top: Math.min(this.#heldTop, scroll.maxTop), held: true };
  }
}

import type { RowsPage } from '@ringside/core/model';
import type { ScrollModel } from './scroller.ts';

type Page = Pick<RowsPage, 'first' | 'rows'>;

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

  take(page: Page, heldTop: number): void {
    this.#page = page;
    this.#heldTop = heldTop;
  }

  row(index: number): { seq: number; cells: string[] } | null {
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

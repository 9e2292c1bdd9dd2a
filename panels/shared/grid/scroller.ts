/**
 * Where the view stands, counted in rows. Browsers cap an element's height at some 16 to 33 million pixels, so the
 * grid has its own scroll position and scrollbar; only rows on screen exist.
 */
export class ScrollModel {
  #rows = 0;
  #view = 1;
  #top = 0;

  /** Rows that can be scrolled through. */
  get rows(): number {
    return this.#rows;
  }

  /** Height of the view in rows; usually not whole. */
  get view(): number {
    return this.#view;
  }

  /** Row at the upper edge; the fraction says how much of it is cut off. */
  get top(): number {
    return this.#top;
  }

  get maxTop(): number {
    return Math.max(0, this.#rows - this.#view);
  }

  get atEnd(): boolean {
    return this.#top >= this.maxTop - 1e-6;
  }

  setRows(rows: number): void {
    this.#rows = Math.max(0, Math.floor(rows));
    this.scrollTo(this.#top);
  }

  setView(rows: number): void {
    this.#view = Number.isFinite(rows) && rows > 0 ? rows : 1;
    this.scrollTo(this.#top);
  }

  scrollTo(top: number): void {
    this.#top = Math.min(this.maxTop, Math.max(0, Number.isFinite(top) ? top : 0));
  }

  scrollToEnd(): void {
    this.#top = this.maxTop;
  }

  /** Scrolls by a fraction of rows if need be: small wheel and touch steps add up. Says whether anything moved. */
  scrollBy(rows: number): boolean {
    const before = this.#top;
    this.scrollTo(this.#top + rows);
    return this.#top !== before;
  }

  /** Moves just far enough that the row stands wholly in view. */
  reveal(row: number): void {
    if (row < this.#top) this.scrollTo(row);
    else if (row + 1 > this.#top + this.#view) this.scrollTo(row + 1 - this.#view);
  }

  /** Rows that at least partly show: the first, and the one after the last. */
  window(): { first: number; end: number } {
    const first = Math.floor(this.#top);
    return { first, end: Math.min(this.#rows, Math.ceil(this.#top + this.#view)) };
  }
}

/** A wheel event's vertical distance in rows. Browsers report pixels, lines or pages. */
export function wheelRows(event: { deltaY: number; deltaMode: number }, rowHeight: number, viewRows: number): number {
  if (event.deltaMode === 1) return event.deltaY;
  if (event.deltaMode === 2) return event.deltaY * Math.max(1, viewRows - 1);
  return event.deltaY / rowHeight;
}

export interface Thumb {
  /** Pixels. */
  offset: number;
  size: number;
  /** False when everything fits. */
  needed: boolean;
}

/** Smallest thumb that is still easy to take with a pointer. */
export const SMALLEST_THUMB = 24;

export function thumbOf(model: ScrollModel, track: number): Thumb {
  if (model.maxTop === 0 || track <= 0) return { offset: 0, size: track, needed: false };
  const size = Math.min(track, Math.max(SMALLEST_THUMB, (track * model.view) / model.rows));
  return { offset: ((track - size) * model.top) / model.maxTop, size, needed: true };
}

/** The position that puts the thumb's upper edge at `offset` pixels. */
export function topOfThumb(model: ScrollModel, track: number, offset: number): number {
  const { size } = thumbOf(model, track);
  const way = track - size;
  return way <= 0 ? 0 : (Math.min(way, Math.max(0, offset)) / way) * model.maxTop;
}

/** Which rows of a long list are in view: as many pixels as a browser can scroll are enough for some of the rows only. */

export const ROW = 20;
/** Browsers cut elements somewhat above this height. */
const MOST_PIXELS = 15_000_000;

export interface Scrolled {
  /** First row in view, and how many pixels of it are above the edge. */
  top: number;
  hidden: number;
}

export const contentHeight = (rows: number): number => Math.min(rows * ROW, MOST_PIXELS);

/** Rows in view at a scroll position. */
export function rowsAt(rows: number, height: number, scrollTop: number): Scrolled {
  if (rows * ROW <= MOST_PIXELS) return { top: Math.floor(scrollTop / ROW), hidden: scrollTop % ROW };
  const share = Math.min(1, scrollTop / (MOST_PIXELS - height));
  return { top: Math.round(share * Math.max(0, rows - Math.floor(height / ROW))), hidden: 0 };
}

/** The scroll position that shows a row at the top. */
export function positionOf(rows: number, height: number, row: number): number {
  if (rows * ROW <= MOST_PIXELS) return row * ROW;
  const last = Math.max(1, rows - Math.floor(height / ROW));
  return (Math.min(row, last) / last) * (MOST_PIXELS - height);
}

/** Where to scroll so that a row is in view; null when it is already. Far rows come to the middle. */
export function revealed(rows: number, height: number, { top }: Scrolled, row: number): number | null {
  const fit = Math.max(1, Math.floor(height / ROW));
  if (row >= top + (row === 0 ? 0 : 1) && row < top + fit - 1) return null;
  if (row === top && row === 0) return null;
  const near = row >= top - 2 && row < top + fit + 2;
  const first = near ? (row <= top ? row - 1 : row - fit + 2) : row - Math.floor(fit / 3);
  return positionOf(rows, height, Math.max(0, first));
}

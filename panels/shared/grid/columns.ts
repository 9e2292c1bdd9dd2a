import type { Column } from '@ringside/core/model';

export const NARROWEST = 36;
export const WIDEST = 2000;
/** Left and right padding and the separator of a cell. */
const CELL_PADDING = 17;
/** Starting widths beyond this are left to the user: one long column must not push all others out of sight. */
const WIDEST_START_CHARACTERS = 60;

/** A shown column with its place. */
export interface PlacedColumn {
  column: Column;
  /** Index into RowsPage.columns, hence into a row's cells. */
  source: number;
  /** Pixels. */
  left: number;
  width: number;
}

export function clampWidth(width: number): number {
  return Number.isFinite(width) ? Math.round(Math.min(WIDEST, Math.max(NARROWEST, width))) : NARROWEST;
}

/** Width in pixels before the user changes it: the engine's idea in characters, and room for the title and its arrow. */
export function startWidth(column: Column, characterWidth: number): number {
  const characters = Math.min(WIDEST_START_CHARACTERS, Math.max(column.width, column.title.length + 2));
  return clampWidth(characters * characterWidth + CELL_PADDING);
}

/**
 * Puts the shown columns side by side. The last one takes what is left of `viewWidth`, so text has the room that there
 * is. If everything is hidden, the first column shows all the same: a grid without columns could not be repaired.
 */
export function placeColumns(
  columns: readonly Column[],
  hidden: ReadonlySet<string>,
  widths: Readonly<Record<string, number>>,
  characterWidth: number,
  viewWidth: number,
): PlacedColumn[] {
  const placed: PlacedColumn[] = [];
  let left = 0;
  columns.forEach((column, source) => {
    if (hidden.has(column.id)) return;
    const own = Object.hasOwn(widths, column.id) ? widths[column.id] : undefined;
    const width = own === undefined ? startWidth(column, characterWidth) : clampWidth(own);
    placed.push({ column, source, left, width });
    left += width;
  });
  if (placed.length === 0 && columns.length > 0) {
    return placeColumns(columns.slice(0, 1), new Set(), widths, characterWidth, viewWidth);
  }
  const last = placed.at(-1);
  if (last !== undefined && left < viewWidth) last.width += viewWidth - left;
  return placed;
}

/** The columns that touch a horizontal window: the first, and the one after the last. Placed columns are in order. */
export function columnsBetween(placed: readonly PlacedColumn[], from: number, to: number): [number, number] {
  let first = 0;
  while (first < placed.length && placed[first]!.left + placed[first]!.width <= from) first++;
  let end = first;
  while (end < placed.length && placed[end]!.left < to) end++;
  return [first, end];
}

/** Whether two lists describe the same columns; the grid is rebuilt only when they do not. */
export function sameColumns(a: readonly Column[], b: readonly Column[]): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every((column, i) => {
        const other = b[i]!;
        return (
          column.id === other.id &&
          column.title === other.title &&
          column.align === other.align &&
          column.width === other.width
        );
      }))
  );
}

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
  /** Place among the shown columns, from the left. */
  index: number;
  /** It stays at the left edge while the others scroll. */
  pinned: boolean;
  /** Pixels. */
  left: number;
  width: number;
}

/** What the user chose about columns, by their ids. */
export interface ColumnChoices {
  hidden: ReadonlySet<string>;
  widths: Readonly<Record<string, number>>;
  /** Ids in their order; columns that are not named come behind, in their own. */
  order?: readonly string[];
  /** Shown first, in this order, and not scrolled away. */
  pinned?: readonly string[];
}

/** Indices of the columns in the order in which they are shown: pinned ones first. */
export function columnOrder(columns: readonly Column[], { order = [], pinned = [] }: ColumnChoices): number[] {
  const place = new Map([...pinned, ...order.filter((id) => !pinned.includes(id))].map((id, i) => [id, i]));
  const rank = (i: number): number => place.get(columns[i]!.id) ?? place.size + i;
  return columns.map((_, i) => i).sort((a, b) => rank(a) - rank(b));
}

/** The ids in their order after a column was put to the place of another one; null when it may not go there. */
export function movedColumn(placed: readonly PlacedColumn[], id: string, to: number): string[] | null {
  const from = placed.findIndex(({ column }) => column.id === id);
  const target = placed[to];
  if (from < 0 || target === undefined || from === to || placed[from]!.pinned !== target.pinned) return null;
  const ids = placed.map(({ column }) => column.id);
  ids.splice(to, 0, ...ids.splice(from, 1));
  return ids;
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
  choices: ColumnChoices,
  characterWidth: number,
  viewWidth: number,
): PlacedColumn[] {
  const { hidden, widths, pinned = [] } = choices;
  const placed: PlacedColumn[] = [];
  let left = 0;
  for (const source of columnOrder(columns, choices)) {
    const column = columns[source]!;
    if (hidden.has(column.id)) continue;
    const own = Object.hasOwn(widths, column.id) ? widths[column.id] : undefined;
    const width = own === undefined ? startWidth(column, characterWidth) : clampWidth(own);
    // Pinned columns that fill the view would leave nothing to scroll.
    const stays = pinned.includes(column.id) && left + width <= viewWidth * MOST_PINNED;
    placed.push({ column, source, index: placed.length, pinned: stays, left, width });
    left += width;
  }
  if (placed.length === 0 && columns.length > 0) {
    return placeColumns(columns.slice(0, 1), { hidden: new Set(), widths }, characterWidth, viewWidth);
  }
  const last = placed.at(-1);
  if (last !== undefined && left < viewWidth) last.width += viewWidth - left;
  return placed;
}

/** Share of the view that pinned columns may take. */
const MOST_PINNED = 0.7;

/** The columns that touch a horizontal window: the first, and the one after the last. Placed columns are in order. */
export function columnsBetween(placed: readonly PlacedColumn[], from: number, to: number): [number, number] {
  let first = 0;
  while (first < placed.length && placed[first]!.left + placed[first]!.width <= from) first++;
  let end = first;
  while (end < placed.length && placed[end]!.left < to) end++;
  return [first, end];
}

/** The columns that exist as elements: the pinned ones and those between two places. */
export function existingColumns(placed: readonly PlacedColumn[], first: number, end: number): PlacedColumn[] {
  return placed.filter(({ pinned, index }) => pinned || (index >= first && index < end));
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

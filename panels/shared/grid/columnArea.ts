import type { Column } from '@ringside/core/model';
import { type ColumnChoices, type PlacedColumn, columnsBetween, existingColumns, placeColumns } from './columns.ts';
import { GridHeader, type HeaderEvents } from './gridHeader.ts';
import type { GridOptions } from './rowGrid.ts';
import { RowPool } from './rowPool.ts';

export interface ColumnAreaEvents extends Omit<HeaderEvents, 'focused'> {
  render(column: PlacedColumn, text: string): string;
  /** Other columns came into view: their cells are still empty. */
  shifted(): void;
}

/** Beyond this many columns only those in view exist as elements. */
const ALL_COLUMNS_UP_TO = 40;
/** Pixels beside the view in which columns exist too. */
const OVERSCAN = 300;

/** The part that scrolls sideways: column headers above, recycled rows below, both laid out by the same columns. */
export class ColumnArea {
  readonly element: HTMLElement;
  readonly body: HTMLElement;
  readonly header: GridHeader;
  readonly pool: RowPool;
  /** Carries the rows; moved by less than a row when the view stands between two. */
  readonly #rows: HTMLElement;
  readonly #events: ColumnAreaEvents;
  #columns: readonly Column[] = [];
  #choices: ColumnChoices = { hidden: new Set(), widths: {} };
  #placed: PlacedColumn[] = [];
  #shown: [number, number] = [0, 0];
  #rowHeight = 22;
  #characterWidth = 7.2;

  constructor(options: Pick<GridOptions, 'rowId' | 'draw'>, events: ColumnAreaEvents) {
    this.#events = events;
    this.element = element('sideways', 'presentation');
    this.body = element('body', 'rowgroup');
    this.#rows = element('rows', 'presentation');
    this.header = new GridHeader({ ...events, focused: (column) => this.reveal(column) }, () => this.#characterWidth);
    const head = element('headgroup', 'rowgroup');
    head.append(this.header.element);
    this.body.append(this.#rows);
    this.element.append(head, this.body);
    this.pool = new RowPool(this.#rows, options.rowId, (column, text) => events.render(column, text), options.draw);
    this.element.addEventListener('scroll', () => this.#follow());
  }

  /** Shown columns, left to right. */
  get placed(): readonly PlacedColumn[] {
    return this.#placed;
  }

  get rowHeight(): number {
    return this.#rowHeight;
  }

  get characterWidth(): number {
    return this.#characterWidth;
  }

  get height(): number {
    return this.body.clientHeight;
  }

  set(columns: readonly Column[], choices: ColumnChoices): void {
    this.#columns = columns;
    this.#choices = choices;
  }

  /** Lays out everything anew: columns, widths or the size of the view changed. */
  layout(rowHeight: number, characterWidth: number): void {
    this.#rowHeight = rowHeight;
    this.#characterWidth = characterWidth;
    const view = this.element.clientWidth;
    this.#placed = placeColumns(this.#columns, this.#choices, characterWidth, view);
    this.#rows.style.width = `${this.#width()}px`;
    this.#show(true);
  }

  /** Moves all rows up by a part of a row, in pixels. */
  shift(pixels: number): void {
    this.#rows.style.transform = `translateY(${-pixels}px)`;
  }

  /** Scrolls sideways just far enough to see a column. */
  reveal({ left, width, pinned }: PlacedColumn): void {
    if (pinned) return;
    const { scrollLeft, clientWidth } = this.element;
    const beside = this.#pinnedWidth();
    if (left < scrollLeft + beside) this.element.scrollLeft = left - beside;
    else if (left + width > scrollLeft + clientWidth) {
      this.element.scrollLeft = Math.min(left, left + width - clientWidth);
    }
    this.#follow();
  }

  #follow(): void {
    if (this.#show(false)) this.#events.shifted();
  }

  #pinnedWidth(): number {
    const last = this.#placed.findLast(({ pinned }) => pinned);
    return last === undefined ? 0 : last.left + last.width;
  }

  #width(): number {
    const last = this.#placed.at(-1);
    return last === undefined ? this.element.clientWidth : last.left + last.width;
  }

  /** Makes the elements of the columns in view; with few columns that is all of them, always. */
  #show(force: boolean): boolean {
    const from = this.element.scrollLeft - OVERSCAN;
    const [first, end] =
      this.#placed.length <= ALL_COLUMNS_UP_TO
        ? [0, this.#placed.length]
        : columnsBetween(this.#placed, from, from + this.element.clientWidth + 2 * OVERSCAN);
    if (!force && first === this.#shown[0] && end === this.#shown[1]) return false;
    this.#shown = [first, end];
    const width = this.#width();
    const existing = existingColumns(this.#placed, first, end);
    this.header.layout(this.#placed, existing, width);
    const rows = Math.ceil(this.height / this.#rowHeight) + 1;
    this.pool.layout(rows, existing, this.#rowHeight, width);
    return true;
  }
}

function element(className: string, role: string): HTMLElement {
  const made = document.createElement('div');
  made.className = className;
  made.setAttribute('role', role);
  return made;
}

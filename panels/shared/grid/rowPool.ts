import { visible } from '../format.ts';
import type { PlacedColumn } from './columns.ts';

interface Cell {
  element: HTMLElement;
  text: Text;
  /** Text as it came from the host, before it was made visible; null = blank. */
  shown: string | null;
  marked: boolean;
  drawn: boolean;
}

interface Slot {
  element: HTMLElement;
  cells: Cell[];
  index: number;
  look: number;
  tag: string;
  hidden: boolean;
}

/** Bits of a row's look. */
export const SELECTED = 1;
export const ACTIVE = 2;
/** The row has what is searched for. */
export const FOUND = 4;

export interface RowLook {
  index: number;
  /** Null while the row is on its way. */
  cells: readonly string[] | null;
  look: number;
  /** Places in `cells` that are marked. */
  marks?: readonly number[] | undefined;
  /** Words for its colour and marks, which the style sheet draws and screen readers say; "" = none. */
  tag?: string | undefined;
}

type Draw = (cell: HTMLElement, column: PlacedColumn, text: string) => boolean;

/**
 * The rows on screen: a fixed set of elements with fixed text nodes, whose text changes when the view moves. Nothing is
 * created or measured while scrolling.
 */
export class RowPool {
  readonly #body: HTMLElement;
  readonly #idPrefix: string;
  readonly #render: (column: PlacedColumn, text: string) => string;
  readonly #draw: Draw | undefined;
  #slots: Slot[] = [];
  #columns: readonly PlacedColumn[] = [];
  #rowHeight = 22;

  constructor(
    body: HTMLElement,
    idPrefix: string,
    render: (column: PlacedColumn, text: string) => string,
    draw?: Draw,
  ) {
    this.#draw = draw;
    this.#body = body;
    this.#idPrefix = idPrefix;
    this.#render = render;
  }

  get size(): number {
    return this.#slots.length;
  }

  /**
   * Sets how many rows and which columns exist: with many columns only those in view, and the pinned ones.
   */
  layout(rows: number, columns: readonly PlacedColumn[], rowHeight: number, width: number): void {
    const sameCount = this.#columns.length === columns.length;
    this.#columns = columns;
    const heightChanged = this.#rowHeight !== rowHeight;
    this.#rowHeight = rowHeight;
    while (this.#slots.length > rows) this.#slots.pop()!.element.remove();
    if (!sameCount) for (const slot of this.#slots) this.#fit(slot);
    while (this.#slots.length < rows) this.#slots.push(this.#newSlot());
    this.#slots.forEach((slot, place) => {
      if (heightChanged || slot.element.style.transform === '') {
        slot.element.style.transform = `translateY(${place * rowHeight}px)`;
      }
      slot.element.style.width = `${width}px`;
      slot.cells.forEach((cell, i) => this.#placeCell(cell, i));
    });
  }

  paint(place: number, row: RowLook | null): void {
    const slot = this.#slots[place];
    if (slot === undefined) return;
    if (row === null) {
      if (!slot.hidden) slot.element.hidden = slot.hidden = true;
      return;
    }
    if (slot.hidden) slot.element.hidden = slot.hidden = false;
    if (slot.index !== row.index) {
      slot.index = row.index;
      slot.element.setAttribute('aria-rowindex', String(row.index + 2));
    }
    if (slot.look !== row.look) this.#setLook(slot, row.look);
    if (slot.tag !== (row.tag ?? '')) setTag(slot, row.tag ?? '');
    const columns = this.#columns;
    for (let i = 0; i < columns.length; i++) {
      const cell = slot.cells[i]!;
      const text = row.cells === null ? null : (row.cells[columns[i]!.source] ?? '');
      const marked = row.marks?.includes(columns[i]!.source) === true;
      if (cell.marked !== marked) cell.element.classList.toggle('marked', (cell.marked = marked));
      if (cell.shown !== text) this.#write(cell, columns[i]!, text);
    }
  }

  #write(cell: Cell, column: PlacedColumn, text: string | null): void {
    cell.shown = text;
    const drawn = text !== null && this.#draw?.(cell.element, column, text) === true;
    // What was drawn before has no text node any more.
    if (cell.drawn && !drawn) cell.element.replaceChildren(cell.text);
    cell.drawn = drawn;
    if (!drawn) cell.text.data = text === null ? '' : visible(this.#render(column, text));
    if (cell.element.title !== '') cell.element.title = '';
  }

  /** Id of the element of a cell (by its place among all shown columns), for aria-activedescendant. */
  cellId(place: number, column: number): string {
    const slot = this.#slots[place];
    const i = this.#columns.findIndex(({ index }) => index === column);
    return slot?.cells[i]?.element.id ?? slot?.element.id ?? '';
  }

  /** Row and column under an element of the pool. */
  locate(target: EventTarget | null): { index: number; column: number; element: HTMLElement } | null {
    if (!(target instanceof Element)) return null;
    const place = this.#slots.findIndex((slot) => slot.element.contains(target));
    const slot = this.#slots[place];
    if (slot === undefined || slot.hidden) return null;
    const cell = slot.cells.findIndex((candidate) => candidate.element.contains(target));
    return {
      index: slot.index,
      column: this.#columns[cell]?.index ?? -1,
      element: slot.cells[cell]?.element ?? slot.element,
    };
  }

  elementAt(place: number): HTMLElement | null {
    return this.#slots[place]?.element ?? null;
  }

  #setLook(slot: Slot, look: number): void {
    slot.look = look;
    const selected = (look & SELECTED) !== 0;
    slot.element.classList.toggle('selected', selected);
    slot.element.classList.toggle('active', (look & ACTIVE) !== 0);
    slot.element.classList.toggle('found', (look & FOUND) !== 0);
    slot.element.setAttribute('aria-selected', String(selected));
  }

  /** The texts of the rows in view that look so, as they were painted last. */
  texts(look: number): Text[] {
    return this.#slots.flatMap((slot) =>
      !slot.hidden && (slot.look & look) !== 0 ? slot.cells.flatMap(({ text, drawn }) => (drawn ? [] : [text])) : [],
    );
  }

  #newSlot(): Slot {
    const element = document.createElement('div');
    element.className = 'row';
    element.id = `${this.#idPrefix}r${this.#slots.length}`;
    element.setAttribute('role', 'row');
    element.setAttribute('aria-selected', 'false');
    element.hidden = true;
    const slot: Slot = { element, cells: [], index: -1, look: 0, tag: '', hidden: true };
    this.#fit(slot);
    this.#body.append(element);
    return slot;
  }

  #fit(slot: Slot): void {
    while (slot.cells.length > this.#columns.length) slot.cells.pop()!.element.remove();
    while (slot.cells.length < this.#columns.length) {
      const element = document.createElement('div');
      element.className = 'cell';
      element.id = `${slot.element.id}c${slot.cells.length}`;
      element.setAttribute('role', 'gridcell');
      const text = document.createTextNode('');
      element.append(text);
      slot.element.append(element);
      slot.cells.push({ element, text, shown: null, marked: false, drawn: false });
    }
  }

  #placeCell(cell: Cell, i: number): void {
    const column = this.#columns[i]!;
    const { element } = cell;
    element.style.left = `${column.left}px`;
    element.style.width = `${column.width}px`;
    element.classList.toggle('right', column.column.align === 'right');
    element.classList.toggle('pinned', column.pinned);
    element.setAttribute('aria-colindex', String(column.index + 1));
    // The column may be another one now: what is written there is no longer known to be right.
    cell.shown = null;
    if (cell.drawn) element.replaceChildren(cell.text);
    cell.drawn = false;
    cell.text.data = '';
  }
}

function setTag(slot: Slot, tag: string): void {
  slot.tag = tag;
  if (tag === '') {
    delete slot.element.dataset['tag'];
    slot.element.removeAttribute('aria-description');
    return;
  }
  slot.element.dataset['tag'] = tag;
  slot.element.setAttribute('aria-description', tag.trim().replace(' ', ', '));
}

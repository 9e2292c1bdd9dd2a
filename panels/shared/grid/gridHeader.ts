import { moveFocus } from '../entryFocus.ts';
import { visible } from '../format.ts';
import { movedColumn, type PlacedColumn } from './columns.ts';
import { headerCommand } from './keyboard.ts';
import type { ColumnSort } from './rowGrid.ts';

/** A press becomes a drag after so many pixels. */
const DRAG_FROM = 6;

export interface HeaderEvents {
  /** Pixels; the column may turn out narrower or wider after clamping. */
  resize(columnId: string, width: number): void;
  fit(columnId: string): void;
  menu(columnId: string, at: DOMRect): void;
  /** Sorts by a column; left out where pressing it opens the menu. */
  sort?(columnId: string, more: boolean): void;
  /** Columns in another order; left out where they stay. */
  order?(columnIds: string[]): void;
  /** The header gives the focus back to the rows. */
  leave(): void;
  /** A header cell got the focus: scroll it into view. */
  focused(column: PlacedColumn): void;
}

/** The row of column headers: resizable by pointer and by Shift+arrow, with a menu each, one tab stop for all. */
export class GridHeader {
  readonly element: HTMLElement;
  /** By which columns the rows are sorted; none = they come as they were made. */
  sort: readonly ColumnSort[] = [];
  readonly #events: HeaderEvents;
  readonly #step: () => number;
  #all: readonly PlacedColumn[] = [];
  #existing: readonly PlacedColumn[] = [];
  #cells: HTMLElement[] = [];
  #focusable = 0;
  #drag: { id: string; x: number; width: number } | null = null;
  #carried: { id: string; x: number; to: number | null; moving: boolean } | null = null;
  /** A drag ends in a click, which is none. */
  #dragged = false;

  /** @param step pixels of one keyboard resize. */
  constructor(events: HeaderEvents, step: () => number) {
    this.#events = events;
    this.#step = step;
    this.element = document.createElement('div');
    this.element.className = 'head';
    this.element.setAttribute('role', 'row');
    this.element.setAttribute('aria-rowindex', '1');
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.element.addEventListener('pointerdown', (event) => this.#press(event));
    this.element.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel'] as const) {
      this.element.addEventListener(end, () => this.#release());
    }
    this.element.addEventListener('dblclick', (event) => {
      const column = this.#columnOf(event.target);
      if (column !== null && isGrip(event.target)) this.#events.fit(column.column.id);
    });
    this.element.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      this.#openMenu(event.target);
    });
    this.element.addEventListener('click', (event) => {
      if (isGrip(event.target) || this.#dragged) return;
      const arrow = event.target instanceof Element && event.target.classList.contains('codicon-chevron-down');
      if (arrow) this.#openMenu(event.target);
      else this.#pressed(event.target, event.shiftKey);
    });
  }

  /** Sorts by a column, or opens its menu where there is nothing to sort. */
  #pressed(target: EventTarget | null, more: boolean): void {
    const placed = this.#columnOf(target);
    if (placed === null) return;
    if (this.#events.sort === undefined) {
      this.#openMenu(target);
      return;
    }
    this.#focusColumn(placed.index);
    this.#events.sort(placed.column.id, more);
  }

  /** Shows some columns of all. Cells are reused, so a resize or a scroll keeps the focus. */
  layout(all: readonly PlacedColumn[], existing: readonly PlacedColumn[], width: number): void {
    const focused = this.#cells.findIndex((cell) => cell === document.activeElement);
    const focusedColumn = focused < 0 ? -1 : (this.#existing[focused]?.index ?? -1);
    this.#all = all;
    this.#existing = existing;
    this.#focusable = Math.min(this.#focusable, Math.max(0, all.length - 1));
    this.element.style.width = `${width}px`;
    while (this.#cells.length > existing.length) this.#cells.pop()!.remove();
    while (this.#cells.length < existing.length) this.#cells.push(this.#newCell());
    this.#cells.forEach((cell, i) => this.#fill(cell, existing[i]!));
    if (focusedColumn >= 0) moveFocus(this.#cellAt(Math.min(focusedColumn, all.length - 1)));
  }

  /** Gives the keyboard to the header. */
  focus(): void {
    this.#focusColumn(this.#focusable);
  }

  focusColumnId(id: string): void {
    const index = this.#all.findIndex((column) => column.column.id === id);
    this.#focusColumn(index < 0 ? Math.min(this.#focusable, this.#all.length - 1) : index);
  }

  #newCell(): HTMLElement {
    const cell = document.createElement('div');
    cell.className = 'headcell';
    cell.setAttribute('role', 'columnheader');
    cell.setAttribute('aria-haspopup', 'menu');
    const title = document.createElement('span');
    title.className = 'title';
    const arrow = document.createElement('span');
    arrow.className = 'codicon codicon-chevron-down';
    arrow.setAttribute('aria-hidden', 'true');
    const grip = document.createElement('span');
    grip.className = 'grip';
    cell.append(title, arrow, grip);
    this.element.append(cell);
    return cell;
  }

  #fill(cell: HTMLElement, placed: PlacedColumn): void {
    const { column, index } = placed;
    const title = visible(column.title, 200);
    cell.style.left = `${placed.left}px`;
    cell.style.width = `${placed.width}px`;
    cell.classList.toggle('right', column.align === 'right');
    cell.classList.toggle('pinned', placed.pinned);
    cell.classList.toggle('faulty', column.error !== undefined);
    cell.tabIndex = index === this.#focusable ? 0 : -1;
    cell.setAttribute('aria-colindex', String(index + 1));
    cell.dataset['column'] = String(index);
    this.#fillSort(cell, column.id);
    const text = cell.firstElementChild!;
    if (text.textContent !== title) text.textContent = title;
    const type = column.field === null ? '' : `, ${visible(column.field.type, 200)}`;
    cell.title = column.error === undefined ? `${title}${type}` : `${title}: ${visible(column.error.message, 500)}`;
    cell.setAttribute('aria-description', this.#description());
  }

  #description(): string {
    const press = this.#events.sort === undefined ? 'Enter opens the menu' : 'Enter sorts, Space opens the menu';
    const move = this.#events.order === undefined ? '' : ', Ctrl+Left and Ctrl+Right move';
    return `${press}, Shift+Left and Shift+Right resize${move}`;
  }

  #fillSort(cell: HTMLElement, id: string): void {
    const place = this.sort.findIndex(({ column }) => column === id);
    const rank = this.sort.length > 1 && place >= 0 ? String(place + 1) : '';
    cell.children[1]!.setAttribute('data-rank', rank);
    if (place < 0) cell.removeAttribute('aria-sort');
    else cell.setAttribute('aria-sort', this.sort[place]!.descending ? 'descending' : 'ascending');
  }

  #cellAt(index: number): HTMLElement | null {
    return this.#cells[this.#existing.findIndex((column) => column.index === index)] ?? null;
  }

  #columnOf(target: EventTarget | null): PlacedColumn | null {
    if (!(target instanceof Element)) return null;
    const cell = target.closest<HTMLElement>('.headcell');
    return cell === null ? null : (this.#all[Number(cell.dataset['column'])] ?? null);
  }

  #focusColumn(index: number): void {
    const placed = this.#all[index];
    if (placed === undefined) return;
    this.#focusable = index;
    this.#events.focused(placed);
    this.#cells.forEach((cell, i) => (cell.tabIndex = this.#existing[i]?.index === index ? 0 : -1));
    this.#cellAt(index)?.focus({ preventScroll: true });
  }

  #key(event: KeyboardEvent): void {
    const placed = this.#columnOf(event.target);
    const command = headerCommand(event);
    if (placed === null || command === null) return;
    event.preventDefault();
    event.stopPropagation();
    const index = this.#all.indexOf(placed);
    switch (command.kind) {
      case 'focus': {
        const to = { previous: index - 1, next: index + 1, first: 0, last: this.#all.length - 1 }[command.to];
        this.#focusColumn(to);
        return;
      }
      case 'resize':
        this.#events.resize(placed.column.id, placed.width + command.by * this.#step());
        return;
      case 'move':
        this.#moveColumn(placed.column.id, index + command.by);
        return;
      case 'press':
        this.#pressed(event.target, command.more);
        return;
      case 'menu':
        this.#openMenu(event.target);
        return;
      case 'rows':
        this.#events.leave();
    }
  }

  #openMenu(target: EventTarget | null): void {
    const placed = this.#columnOf(target);
    if (placed === null) return;
    const index = this.#all.indexOf(placed);
    this.#focusColumn(index);
    const cell = this.#cellAt(index);
    if (cell !== null) this.#events.menu(placed.column.id, cell.getBoundingClientRect());
  }

  #moveColumn(id: string, to: number): void {
    const ids = movedColumn(this.#all, id, to);
    if (ids === null || this.#events.order === undefined) return;
    this.#events.order(ids);
    this.focusColumnId(id);
  }

  #press(event: PointerEvent): void {
    this.#dragged = false;
    const placed = this.#columnOf(event.target);
    if (event.button !== 0 || placed === null) return;
    if (!isGrip(event.target)) {
      if (this.#events.order !== undefined && event.pointerType !== 'touch')
        this.#carried = { id: placed.column.id, x: event.clientX, to: null, moving: false };
      return;
    }
    this.#drag = { id: placed.column.id, x: event.clientX, width: placed.width };
    this.element.setPointerCapture(event.pointerId);
    this.element.classList.add('resizing');
    event.preventDefault();
  }

  #move(event: PointerEvent): void {
    if (this.#drag !== null) {
      this.#events.resize(this.#drag.id, this.#drag.width + event.clientX - this.#drag.x);
      return;
    }
    const carried = this.#carried;
    if (carried === null) return;
    if (!carried.moving && Math.abs(event.clientX - carried.x) < DRAG_FROM) return;
    if (!carried.moving) this.element.setPointerCapture(event.pointerId);
    carried.moving = this.#dragged = true;
    carried.to = this.#placeUnder(event.clientX);
    this.#showTarget(carried.id, carried.to);
  }

  /** The column whose box a place of the screen is in. */
  #placeUnder(x: number): number | null {
    const at = this.#cells.findIndex((cell) => {
      const box = cell.getBoundingClientRect();
      return x >= box.left && x < box.right;
    });
    return this.#existing[at]?.index ?? null;
  }

  #showTarget(id: string, to: number | null): void {
    const from = this.#all.findIndex(({ column }) => column.id === id);
    this.#cells.forEach((cell, i) => {
      const here = this.#existing[i]?.index === to && to !== from;
      cell.classList.toggle('drop-before', here && to < from);
      cell.classList.toggle('drop-after', here && to > from);
      cell.classList.toggle('carried', this.#existing[i]?.index === from && to !== null);
    });
  }

  #release(): void {
    const carried = this.#carried;
    this.#carried = null;
    if (carried?.moving === true) {
      this.#showTarget(carried.id, null);
      if (carried.to !== null) this.#moveColumn(carried.id, carried.to);
    }
    if (this.#drag === null) return;
    this.#drag = null;
    this.element.classList.remove('resizing');
  }
}

function isGrip(target: EventTarget | null): boolean {
  return target instanceof Element && target.classList.contains('grip');
}

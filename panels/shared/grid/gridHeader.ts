import { visible } from '../format.ts';
import type { PlacedColumn } from './columns.ts';
import { headerCommand } from './keyboard.ts';

export interface HeaderEvents {
  /** Pixels; the column may turn out narrower or wider after clamping. */
  resize(columnId: string, width: number): void;
  fit(columnId: string): void;
  menu(columnId: string, at: DOMRect): void;
  /** The header gives the focus back to the rows. */
  leave(): void;
  /** A header cell got the focus: scroll it into view. */
  focused(column: PlacedColumn): void;
}

/** The row of column headers: resizable by pointer and by Shift+arrow, with a menu each, one tab stop for all. */
export class GridHeader {
  readonly element: HTMLElement;
  /** By which column the rows are sorted; null = they come as they were made. */
  sort: { column: string; descending: boolean } | null = null;
  readonly #events: HeaderEvents;
  readonly #step: () => number;
  #all: readonly PlacedColumn[] = [];
  #first = 0;
  #cells: HTMLElement[] = [];
  #focusable = 0;
  #drag: { id: string; x: number; width: number } | null = null;

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
      if (!isGrip(event.target)) this.#openMenu(event.target);
    });
  }

  /** Shows columns [first, end) of all. Cells are reused, so a resize or a scroll keeps the focus. */
  layout(all: readonly PlacedColumn[], first: number, end: number, width: number): void {
    const focused = this.#cells.findIndex((cell) => cell === document.activeElement);
    const focusedColumn = focused < 0 ? -1 : this.#first + focused;
    this.#all = all;
    this.#first = first;
    this.#focusable = Math.min(this.#focusable, Math.max(0, all.length - 1));
    this.element.style.width = `${width}px`;
    while (this.#cells.length > end - first) this.#cells.pop()!.remove();
    while (this.#cells.length < end - first) this.#cells.push(this.#newCell());
    this.#cells.forEach((cell, i) => this.#fill(cell, all[first + i]!, first + i));
    if (focusedColumn >= 0) this.#cellAt(Math.min(focusedColumn, all.length - 1))?.focus({ preventScroll: true });
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

  #fill(cell: HTMLElement, placed: PlacedColumn, index: number): void {
    const { column } = placed;
    const title = visible(column.title, 200);
    cell.style.left = `${placed.left}px`;
    cell.style.width = `${placed.width}px`;
    cell.classList.toggle('right', column.align === 'right');
    cell.tabIndex = index === this.#focusable ? 0 : -1;
    cell.setAttribute('aria-colindex', String(index + 1));
    cell.dataset['column'] = String(index);
    this.#fillSort(cell, column.id);
    const text = cell.firstElementChild!;
    if (text.textContent !== title) text.textContent = title;
    const type = column.field === null ? '' : `, ${visible(column.field.type, 200)}`;
    cell.title = `${title}${type}`;
    cell.setAttribute('aria-description', 'Enter opens the menu, Shift+Left and Shift+Right resize');
  }

  #fillSort(cell: HTMLElement, id: string): void {
    const sorted = this.sort?.column === id ? (this.sort.descending ? 'descending' : 'ascending') : null;
    if (sorted === null) cell.removeAttribute('aria-sort');
    else cell.setAttribute('aria-sort', sorted);
  }

  #cellAt(index: number): HTMLElement | null {
    return this.#cells[index - this.#first] ?? null;
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
    this.#cells.forEach((cell, i) => (cell.tabIndex = this.#first + i === index ? 0 : -1));
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

  #press(event: PointerEvent): void {
    if (event.button !== 0 || !isGrip(event.target)) return;
    const placed = this.#columnOf(event.target);
    if (placed === null) return;
    this.#drag = { id: placed.column.id, x: event.clientX, width: placed.width };
    this.element.setPointerCapture(event.pointerId);
    this.element.classList.add('resizing');
    event.preventDefault();
  }

  #move(event: PointerEvent): void {
    if (this.#drag === null) return;
    this.#events.resize(this.#drag.id, this.#drag.width + event.clientX - this.#drag.x);
  }

  #release(): void {
    if (this.#drag === null) return;
    this.#drag = null;
    this.element.classList.remove('resizing');
  }
}

function isGrip(target: EventTarget | null): boolean {
  return target instanceof Element && target.classList.contains('grip');
}

import { moveFocus } from '../entryFocus.ts';
import type { Column } from '@ringside/core/model';
import { visible } from '../format.ts';
import { ColumnArea } from './columnArea.ts';
import type { ColumnChoices, PlacedColumn } from './columns.ts';
import { TextHighlight } from './highlight.ts';
import { listenToInput } from './gridInput.ts';
import { type GridCommand, type Move, rowAfter } from './keyboard.ts';
import { type GridPage, type GridRow, PageWindow, type Want } from './pageWindow.ts';
import { ACTIVE, FOUND, SELECTED } from './rowPool.ts';
import { Scrollbar } from './scrollbar.ts';
import { ScrollModel } from './scroller.ts';
import { Selection } from './selection.ts';

export interface ColumnSort {
  column: string;
  descending: boolean;
}

export interface CellPlace {
  index: number;
  seq: number | null;
  column: Column | null;
  text: string;
}

export interface GridEvents {
  /** The rows that should be pulled now. */
  want(want: Omit<Want, 'evicted'>): void;
  follow(following: boolean): void;
  selection(selection: Selection): void;
  /** The row that the keyboard stands on, once its number is known. */
  active(seq: number | null): void;
  detail(): void;
  escape(): void;
  copy(): void;
  /** End was pressed: follow again, if the run lives. Says whether it does. */
  end(): boolean;
  resize(columnId: string, width: number): void;
  columnMenu(columnId: string, at: DOMRect): void;
  /** The title of a column was pressed; `more` adds it to the columns that sort already. Left out: it opens the menu. */
  sort?(columnId: string, more: boolean): void;
  /** A column was put to another place. Left out: columns stay where they are. */
  order?(columnIds: string[]): void;
  cellMenu(place: CellPlace, x: number, y: number): void;
  /** Text of a cell for people, and the note that shows on hover. */
  render(column: PlacedColumn, text: string): string;
  tooltip(column: PlacedColumn, text: string, above: string | null): string;
}

export interface GridOptions {
  /** Of the element, and a short one of its rows. */
  id: string;
  rowId: string;
  label: string;
  /** New rows come at the end, and the view goes with them until the user looks elsewhere. */
  follows: boolean;
  editable: boolean;
  /** What a row is besides its cells, such as coloured or marked; "" = nothing. */
  tag?: (row: GridRow) => string;
  /** Draws what is no text; false = it is. */
  draw?: (cell: HTMLElement, column: PlacedColumn, text: string) => boolean;
}

/**
 * The table of rows. Framework-free, because it is painted up to once a frame: a fixed set of rows (RowPool) shows a
 * window of the view (ScrollModel); the rows themselves come as pages that the owner pulls when `want` says so.
 * The rows are one tab stop with aria-activedescendant, as in VS Code's own lists, because rows are recycled.
 */
export class RowGrid {
  readonly element: HTMLElement;
  readonly selection = new Selection();
  readonly #events: GridEvents;
  readonly #options: GridOptions;
  readonly #scroll = new ScrollModel();
  readonly #area: ColumnArea;
  readonly #bar: Scrollbar;
  readonly #stopInput: () => void;
  readonly #observer: ResizeObserver;

  readonly #window = new PageWindow();
  readonly #highlight = new TextHighlight();
  #following: boolean;
  #activeColumn = 0;
  /** Id of the cell element that aria-activedescendant names; "" = none. */
  #activeId = '';
  #activeSeq: number | null = null;
  #frame = 0;

  constructor(parent: HTMLElement, options: GridOptions, events: GridEvents) {
    this.#events = events;
    this.#options = options;
    this.#following = options.follows;
    this.element = document.createElement('div');
    this.element.className = 'grid';
    this.element.id = options.id;
    this.element.tabIndex = 0;
    this.element.setAttribute('role', 'grid');
    this.element.setAttribute('aria-label', options.label);
    this.element.setAttribute('aria-multiselectable', 'true');
    this.element.setAttribute('aria-readonly', String(!options.editable));
    this.#area = new ColumnArea(options, {
      resize: (id, width) => events.resize(id, width),
      fit: (id) => this.fit(id),
      menu: (id, at) => events.columnMenu(id, at),
      ...(events.sort !== undefined && { sort: (id, more) => events.sort?.(id, more) }),
      ...(events.order !== undefined && { order: (ids) => events.order?.(ids) }),
      leave: () => this.focus(),
      render: (column, text) => events.render(column, text),
      shifted: () => this.#paint(),
    });
    this.#bar = new Scrollbar(this.#scroll, (top) => this.#userScrollBy(top - this.#scroll.top));
    this.element.append(this.#area.element, this.#bar.element);
    parent.append(this.element);
    this.#stopInput = this.#listen();
    this.#observer = new ResizeObserver(() => this.restyle());
    this.#observer.observe(this.element);
    this.restyle();
  }

  get following(): boolean {
    return this.#following;
  }

  /** Places of the shown columns, left to right. */
  get placed(): readonly PlacedColumn[] {
    return this.#area.placed;
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#highlight.dispose();
    this.#stopInput();
    this.element.remove();
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
  }

  focusHeader(columnId?: string): void {
    if (columnId === undefined) this.#area.header.focus();
    else this.#area.header.focusColumnId(columnId);
  }

  setColumns(columns: readonly Column[], choices: ColumnChoices): void {
    this.#area.set(columns, choices);
    this.#layout(this.#area.rowHeight, this.#area.characterWidth);
  }

  /** Says by which columns the rows are sorted, the one that counts most first. */
  setSort(sort: readonly ColumnSort[]): void {
    this.#area.header.sort = sort;
    this.#layout(this.#area.rowHeight, this.#area.characterWidth);
  }

  /** Marks a text in the cells of the rows that were found; "" = none. */
  highlight(text: string): void {
    this.#highlight.text = text;
    this.#invalidate();
  }

  /** The element of the cell where the keyboard stands; null while it is not in view. */
  activeCell(): HTMLElement | null {
    // The last move may not have been painted yet.
    this.#paint();
    return this.#activeId === '' ? null : document.getElementById(this.#activeId);
  }

  /** Forgets all rows: another run, stream, filter or order is to be shown. */
  reset(follow = this.#options.follows): void {
    this.#window.reset();
    this.selection.reset();
    this.#activeSeq = null;
    this.#events.selection(this.selection);
    this.#events.active(null);
    this.#scroll.setRows(0);
    this.setFollowing(follow);
    this.#invalidate();
  }

  /**
   * Takes a page. `evicted` rows left the front of the view since the page before; `askedAt` is where the view stood
   * when it was asked for, counted as now.
   */
  setPage(page: GridPage, askedAt: number, evicted: number): void {
    if (evicted > 0) {
      this.selection.evict(evicted);
      this.#window.evict(evicted);
      this.#scroll.scrollTo(this.#scroll.top - evicted);
      if (this.selection.size > 0 || this.selection.active < 0) this.#events.selection(this.selection);
    }
    this.#scroll.setRows(page.matching);
    if (this.#following) this.#scroll.scrollToEnd();
    this.#window.take(page, askedAt, this.#scroll);
    this.element.setAttribute('aria-rowcount', String(page.matching + 1));
    this.#paint();
    // The view moved on while the page was fetched. For the same place the answer would be the same.
    if (!this.#following && this.#scroll.top !== askedAt) this.#moved();
  }

  setFollowing(following: boolean): void {
    if (following) this.#scroll.scrollToEnd();
    if (following !== this.#following) {
      this.#following = following;
      this.#events.follow(following);
    }
    if (following) {
      this.#ask();
      this.#invalidate();
    }
  }

  /** Where the keyboard stands, else the first row in view; the last one while the view follows. */
  get place(): number {
    if (this.selection.active >= 0) return this.selection.active;
    return this.#following ? this.#scroll.rows : Math.ceil(this.#scroll.top) - 1;
  }

  /** Selects a row and brings it into view; the keyboard stays where it is. */
  show(index: number): void {
    this.#moveTo(index, false);
  }

  selectAll(): void {
    if (this.#scroll.rows === 0) return;
    this.setFollowing(false);
    this.selection.selectAll(this.#scroll.rows);
    this.#selectionChanged();
  }

  /** What rows are besides their cells has changed. */
  repaint(): void {
    this.#invalidate();
  }

  /** Moves the keyboard to a row, and to it alone. */
  goTo(index: number): void {
    this.#moveTo(index, false);
    // What was asked for may come when the keyboard is elsewhere.
    moveFocus(this.element);
  }

  /** Draws marks beside the scrollbar, by the index of their rows. */
  setMarks(indices: readonly number[]): void {
    this.#bar.setMarks(indices);
  }

  /** The cells of a row, if its page is here. */
  row(index: number): GridRow | null {
    return this.#window.row(index);
  }

  /** Where the keyboard stands. */
  activePlace(): CellPlace | null {
    return this.selection.active < 0 ? null : this.#place(this.selection.active, this.#activeColumn);
  }

  /** Makes a column as wide as its widest text on hand. */
  fit(columnId: string): void {
    const placed = this.placed.find((candidate) => candidate.column.id === columnId);
    if (placed === undefined) return;
    let longest = placed.column.title.length + 2;
    for (const row of this.#window.rows) {
      longest = Math.max(longest, visible(this.#events.render(placed, row.cells[placed.source] ?? '')).length);
    }
    this.#events.resize(columnId, longest * this.#area.characterWidth + 18);
  }

  /** Size, fonts or theme changed: measure again. */
  restyle(): void {
    const fontSize = Number.parseFloat(getComputedStyle(this.element).fontSize) || 12;
    const rowHeight = Math.max(20, Math.round(fontSize * 1.8));
    this.element.style.setProperty('--row-height', `${rowHeight}px`);
    this.#layout(rowHeight, widthOfZero(this.element) || fontSize * 0.6);
  }

  #layout(rowHeight: number, characterWidth: number): void {
    this.#area.layout(rowHeight, characterWidth);
    // Whole rows only: at the end of the view no row is cut, what is left over stays empty below the last one.
    this.#scroll.setView(Math.max(1, Math.floor(this.#area.height / rowHeight)));
    if (this.#following) this.#scroll.scrollToEnd();
    this.element.setAttribute('aria-colcount', String(this.placed.length));
    this.#activeColumn = Math.min(this.#activeColumn, Math.max(0, this.placed.length - 1));
    this.#bar.resize(this.#bar.element.clientHeight);
    this.#paint();
    this.#ask();
  }

  // --- painting -----------------------------------------------------------------------------------------------------

  #invalidate(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const { top, held } = this.#window.paintTop(this.#scroll, performance.now());
    if (held) this.#invalidate();
    const first = Math.floor(top);
    const { pool } = this.#area;
    this.#area.shift((top - first) * this.#area.rowHeight);
    for (let place = 0; place < pool.size; place++) {
      const index = first + place;
      if (index >= this.#scroll.rows) {
        pool.paint(place, null);
        continue;
      }
      const selected = this.selection.has(index) ? SELECTED : 0;
      const active = index === this.selection.active ? ACTIVE : 0;
      const row = this.row(index);
      const tag = row === null ? '' : this.#options.tag?.(row);
      const found = row?.found === true ? FOUND : 0;
      const look = selected | active | found;
      pool.paint(place, { index, cells: row?.cells ?? null, marks: row?.marks, look, tag });
    }
    this.#bar.paint();
    this.#paintActive(first);
    this.#highlight.paint(pool);
  }

  #paintActive(first: number): void {
    const place = this.selection.active - first;
    const { pool } = this.#area;
    const inView = this.selection.active >= 0 && place >= 0 && place < pool.size;
    const id = inView ? pool.cellId(place, this.#activeColumn) : '';
    if (id !== this.#activeId) {
      document.getElementById(this.#activeId)?.classList.remove('current');
      document.getElementById(id)?.classList.add('current');
      if (id === '') this.element.removeAttribute('aria-activedescendant');
      else this.element.setAttribute('aria-activedescendant', id);
      this.#activeId = id;
    }
    const seq = this.selection.active < 0 ? null : (this.row(this.selection.active)?.seq ?? this.#activeSeq);
    if (seq !== this.#activeSeq) {
      this.#activeSeq = seq;
      this.#events.active(seq);
    }
  }

  /** Asks for the rows in view and half a view on each side, so that the next few steps need no waiting. */
  #ask(): void {
    if (this.#area.height <= 0) return;
    const view = this.#scroll.view + 2;
    const spare = Math.min(40, Math.max(8, Math.ceil(view / 2)));
    const top = this.#scroll.top;
    if (this.#following) {
      this.#events.want({ first: -1, count: view + spare, top });
      return;
    }
    const first = Math.max(0, Math.floor(top) - spare);
    this.#events.want({ first, count: Math.floor(top) - first + view + spare, top });
  }

  // --- moving -------------------------------------------------------------------------------------------------------

  #userScrollBy(rows: number): void {
    if (!this.#scroll.scrollBy(rows)) {
      if (rows > 0 && this.#scroll.atEnd && !this.#following && this.#scroll.rows > 0) this.#events.end();
      return;
    }
    if (rows < 0) this.#stopFollowing();
    this.#moved();
  }

  #stopFollowing(): void {
    if (!this.#following) return;
    this.#following = false;
    this.#events.follow(false);
  }

  #moved(): void {
    const { first, end } = this.#scroll.window();
    // Ask before the spare rows run out, not when they have.
    const margin = 4;
    if (!this.#window.has(Math.max(0, first - margin), Math.min(this.#scroll.rows, end + margin))) this.#ask();
    this.#invalidate();
  }

  #moveTo(index: number, extend: boolean): void {
    const row = Math.min(this.#scroll.rows - 1, Math.max(0, index));
    if (row < 0) return;
    this.#stopFollowing();
    if (extend) this.selection.extend(row);
    else this.selection.select(row);
    this.#scroll.reveal(row);
    this.#selectionChanged();
    this.#moved();
  }

  #selectionChanged(): void {
    this.#events.selection(this.selection);
    this.#invalidate();
  }

  #move(to: Move, extend: boolean): void {
    const { rows, view, top } = this.#scroll;
    if (to === 'last' && !extend && this.#events.end()) return;
    const entry = this.#following ? rows - 1 : Math.ceil(top);
    const row = rowAfter(to, { active: this.selection.active, rows, page: Math.max(1, view - 1), entry });
    this.#moveTo(row, extend);
  }

  #moveCell(by: number): void {
    const placed = this.placed[this.#activeColumn + by];
    if (placed === undefined) return;
    this.#activeColumn += by;
    this.#area.reveal(placed);
    this.#invalidate();
  }

  // --- input --------------------------------------------------------------------------------------------------------

  #listen(): () => void {
    return listenToInput(this.element, this.#area.body, {
      measures: () => ({ rowHeight: this.#area.rowHeight, viewRows: this.#scroll.view }),
      scrollBy: (rows) => this.#userScrollBy(rows),
      press: (event) => this.#press(event),
      contextMenu: (event) => this.#contextMenu(event),
      hover: (event) => this.#hover(event),
      open: () => this.#events.detail(),
      command: (command) => this.#command(command),
    });
  }

  #press(event: MouseEvent): void {
    const hit = this.#area.pool.locate(event.target);
    if (hit === null) return;
    if (event.button === 2 && this.selection.has(hit.index)) return;
    if (hit.column >= 0) this.#activeColumn = hit.column;
    this.#stopFollowing();
    if (event.shiftKey) this.selection.extend(hit.index);
    else if (event.ctrlKey || event.metaKey) this.selection.toggle(hit.index);
    else this.selection.select(hit.index);
    this.#selectionChanged();
  }

  #contextMenu(event: MouseEvent): void {
    const hit = this.#area.pool.locate(event.target);
    if (hit === null) return;
    this.#events.cellMenu(this.#place(hit.index, hit.column), event.clientX, event.clientY);
  }

  #place(index: number, column: number): CellPlace {
    const placed = this.placed[column];
    const row = this.row(index);
    const text = placed === undefined || row === null ? '' : (row.cells[placed.source] ?? '');
    return { index, seq: row?.seq ?? null, column: placed?.column ?? null, text };
  }

  #keyboardMenu(): void {
    const place = this.activePlace();
    if (place === null) return;
    const id = this.element.getAttribute('aria-activedescendant');
    const at = (id === null ? null : document.getElementById(id)) ?? this.element;
    const box = at.getBoundingClientRect();
    this.#events.cellMenu(place, box.left + 8, box.bottom);
  }

  /** Notes are made when the pointer comes, not for every cell of every frame. */
  #hover(event: PointerEvent): void {
    const hit = this.#area.pool.locate(event.target);
    const placed = hit === null ? undefined : this.placed[hit.column];
    const row = hit === null ? null : this.row(hit.index);
    if (hit === null || placed === undefined || row === null) return;
    const above = this.row(hit.index - 1)?.cells[placed.source] ?? null;
    hit.element.title = this.#events.tooltip(placed, row.cells[placed.source] ?? '', above);
  }

  #command(command: GridCommand): void {
    switch (command.kind) {
      case 'move':
        this.#move(command.to, command.extend);
        break;
      case 'scroll':
        this.#userScrollBy(command.rows);
        break;
      case 'cell':
        this.#moveCell(command.by);
        break;
      case 'detail':
        this.#events.detail();
        break;
      case 'toggle':
        if (this.selection.active >= 0) this.selection.toggle(this.selection.active);
        this.#selectionChanged();
        break;
      case 'select-all':
        this.selectAll();
        break;
      case 'copy':
        this.#events.copy();
        break;
      case 'menu':
        this.#keyboardMenu();
        break;
      case 'header':
        this.focusHeader();
        break;
      case 'clear':
        this.#clear();
    }
  }

  /** Escape takes back one thing at a time: first the selection, then what the owner has open. */
  #clear(): void {
    if (this.selection.size === 0) {
      this.#events.escape();
      return;
    }
    this.selection.clear();
    this.#selectionChanged();
  }
}

/** Width of a digit in an element's font, in pixels. */
function widthOfZero(parent: HTMLElement): number {
  const probe = document.createElement('span');
  probe.className = 'probe';
  probe.textContent = '0'.repeat(100);
  parent.append(probe);
  const width = probe.getBoundingClientRect().width / 100;
  probe.remove();
  return width;
}

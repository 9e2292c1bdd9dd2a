import type { Column, RowsPage } from '@ringside/core/model';
import { visible } from '../shared/format.ts';
import { type PlacedColumn, columnsBetween, placeColumns } from './columns.ts';
import { GridHeader } from './gridHeader.ts';
import { listenToInput } from './gridInput.ts';
import type { GridCommand } from './keyboard.ts';
import { PageWindow } from './pageWindow.ts';
import type { Want } from './pump.ts';
import { ACTIVE, RowPool, SELECTED } from './rowPool.ts';
import { Scrollbar } from './scrollbar.ts';
import { ScrollModel } from './scroller.ts';
import { Selection } from './selection.ts';

export interface CellPlace {
  index: number;
  seq: number | null;
  column: Column | null;
  text: string;
}

export interface GridEvents {
  /** The rows that should be pulled now. */
  want(want: Want): void;
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
  cellMenu(place: CellPlace, x: number, y: number): void;
  /** Text of a cell for people, and the note that shows on hover. */
  render(column: PlacedColumn, text: string): string;
  tooltip(column: PlacedColumn, text: string, above: string | null): string;
}

/** Beyond this many columns only those in view exist as elements. */
const ALL_COLUMNS_UP_TO = 40;
const COLUMN_OVERSCAN = 300;

/**
 * The table of rows. Framework-free, because it is painted up to once a frame: a fixed set of rows (RowPool) shows a
 * window of the view (ScrollModel); the rows themselves come as pages that the owner pulls when `want` says so.
 * The rows are one tab stop with aria-activedescendant, as in VS Code's own lists, because rows are recycled.
 */
export class TraceGrid {
  readonly element: HTMLElement;
  readonly selection = new Selection();
  readonly #events: GridEvents;
  readonly #scroll = new ScrollModel();
  readonly #sideways: HTMLElement;
  readonly #body: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #header: GridHeader;
  readonly #pool: RowPool;
  readonly #bar: Scrollbar;
  readonly #stopInput: () => void;
  readonly #observer: ResizeObserver;

  #columns: readonly Column[] = [];
  #hidden: ReadonlySet<string> = new Set();
  #widths: Readonly<Record<string, number>> = {};
  #placed: PlacedColumn[] = [];
  #shownColumns: [number, number] = [0, 0];
  #rowHeight = 22;
  #characterWidth = 7.2;
  #viewHeight = 0;
  #viewWidth = 0;

  readonly #window = new PageWindow();
  #following = true;
  #activeColumn = 0;
  /** Id of the cell element that aria-activedescendant names; "" = none. */
  #activeId = '';
  #activeSeq: number | null = null;
  #frame = 0;

  constructor(parent: HTMLElement, events: GridEvents) {
    this.#events = events;
    this.element = div('grid', 'grid');
    this.element.id = 'trace-grid';
    this.element.tabIndex = 0;
    this.element.setAttribute('aria-label', 'Records');
    this.element.setAttribute('aria-multiselectable', 'true');
    this.element.setAttribute('aria-readonly', 'true');
    this.#sideways = div('sideways', 'presentation');
    this.#body = div('body', 'rowgroup');
    this.#rows = div('rows', 'presentation');
    this.#body.append(this.#rows);
    this.#header = new GridHeader(
      {
        resize: (id, width) => events.resize(id, width),
        fit: (id) => this.fit(id),
        menu: (id, at) => events.columnMenu(id, at),
        leave: () => this.focus(),
        focused: (column) => this.#revealColumn(column),
      },
      () => this.#characterWidth,
    );
    const head = div('headgroup', 'rowgroup');
    head.append(this.#header.element);
    this.#sideways.append(head, this.#body);
    this.#pool = new RowPool(this.#rows, 'g', (column, text) => events.render(column, text));
    this.#bar = new Scrollbar(this.#scroll, this.element.id, (top) => this.#userScrollTo(top));
    this.element.append(this.#sideways, this.#bar.element);
    parent.append(this.element);
    this.#sideways.addEventListener('scroll', () => {
      if (this.#layoutColumns(false)) this.#paint();
    });
    this.#stopInput = this.#listen();
    this.#observer = new ResizeObserver(() => this.#measure());
    this.#observer.observe(this.element);
    this.#measure();
  }

  get following(): boolean {
    return this.#following;
  }

  get rowCount(): number {
    return this.#scroll.rows;
  }

  get characterWidth(): number {
    return this.#characterWidth;
  }

  /** Places of the shown columns, left to right. */
  get placed(): readonly PlacedColumn[] {
    return this.#placed;
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#stopInput();
    this.element.remove();
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
  }

  focusHeader(columnId?: string): void {
    if (columnId === undefined) this.#header.focus();
    else this.#header.focusColumnId(columnId);
  }

  setColumns(columns: readonly Column[], hidden: ReadonlySet<string>, widths: Readonly<Record<string, number>>): void {
    this.#columns = columns;
    this.#hidden = hidden;
    this.#widths = widths;
    this.#layout();
  }

  /** Forgets all rows: another run, stream or filter is to be shown. */
  reset(): void {
    this.#window.reset();
    this.selection.reset();
    this.#activeSeq = null;
    this.#events.selection(this.selection);
    this.#events.active(null);
    this.#scroll.setRows(0);
    this.setFollowing(true);
    this.#invalidate();
  }

  /** Takes a page. `evicted` rows left the front of the view since the page before. */
  setPage(page: RowsPage, want: Want, evicted: number): void {
    if (evicted > 0) {
      this.selection.evict(evicted);
      this.#scroll.scrollTo(this.#scroll.top - evicted);
      if (this.selection.size > 0 || this.selection.active < 0) this.#events.selection(this.selection);
    }
    this.#scroll.setRows(page.matching);
    if (this.#following) this.#scroll.scrollToEnd();
    this.#window.take(page, want.first < 0 ? this.#scroll.maxTop : Math.max(0, want.top - evicted));
    this.element.setAttribute('aria-rowcount', String(page.matching + 1));
    this.#paint();
    // Asking again for the same place would get the same answer.
    if (!this.#window.covers(this.#scroll) && this.#scroll.top !== want.top) this.#ask();
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

  /** Shows the last row as of now and selects it: End on a view that does not grow. */
  goToLast(): void {
    const last = this.#scroll.rows - 1;
    if (last >= 0) this.#moveTo(last, false);
  }

  selectAll(): void {
    if (this.#scroll.rows === 0) return;
    this.setFollowing(false);
    this.selection.selectAll(this.#scroll.rows);
    this.#selectionChanged();
  }

  /** The cells of a row, if its page is here. */
  row(index: number): { seq: number; cells: string[] } | null {
    return this.#window.row(index);
  }

  /** Where the keyboard stands. */
  activePlace(): CellPlace | null {
    return this.selection.active < 0 ? null : this.#place(this.selection.active, this.#activeColumn);
  }

  /** Makes a column as wide as its widest text on hand. */
  fit(columnId: string): void {
    const placed = this.#placed.find((candidate) => candidate.column.id === columnId);
    if (placed === undefined) return;
    let longest = placed.column.title.length + 2;
    for (const row of this.#window.rows) {
      longest = Math.max(longest, visible(this.#events.render(placed, row.cells[placed.source] ?? '')).length);
    }
    this.#events.resize(columnId, longest * this.#characterWidth + 18);
  }

  /** Fonts or theme changed: measure again. */
  restyle(): void {
    this.#measure();
  }

  // --- layout -------------------------------------------------------------------------------------------------------

  #measure(): void {
    const style = getComputedStyle(this.element);
    const fontSize = Number.parseFloat(style.fontSize) || 12;
    this.#rowHeight = Math.max(20, Math.round(fontSize * 1.8));
    this.#characterWidth = widthOfZero(this.element) || fontSize * 0.6;
    this.element.style.setProperty('--row-height', `${this.#rowHeight}px`);
    this.#viewWidth = this.#sideways.clientWidth;
    this.#layout();
  }

  #layout(): void {
    this.#placed = placeColumns(this.#columns, this.#hidden, this.#widths, this.#characterWidth, this.#viewWidth);
    const width = this.#totalWidth();
    this.#rows.style.width = `${width}px`;
    // A horizontal scrollbar takes height from the body, so its height is read after the width is set.
    this.#viewHeight = this.#body.clientHeight;
    // Whole rows only: at the end of the view no row is cut, what is left over stays empty below the last one.
    this.#scroll.setView(Math.max(1, Math.floor(this.#viewHeight / this.#rowHeight)));
    if (this.#following) this.#scroll.scrollToEnd();
    this.element.setAttribute('aria-colcount', String(this.#placed.length));
    this.#activeColumn = Math.min(this.#activeColumn, Math.max(0, this.#placed.length - 1));
    this.#layoutColumns(true);
    this.#bar.resize(this.#bar.element.clientHeight);
    this.#paint();
    this.#ask();
  }

  #totalWidth(): number {
    const last = this.#placed.at(-1);
    return last === undefined ? this.#viewWidth : last.left + last.width;
  }

  /** Makes the elements of the columns in view; with few columns that is all of them, always. */
  #layoutColumns(force: boolean): boolean {
    const from = this.#sideways.scrollLeft - COLUMN_OVERSCAN;
    const [first, end] =
      this.#placed.length <= ALL_COLUMNS_UP_TO
        ? [0, this.#placed.length]
        : columnsBetween(this.#placed, from, from + this.#viewWidth + 2 * COLUMN_OVERSCAN);
    if (!force && first === this.#shownColumns[0] && end === this.#shownColumns[1]) return false;
    this.#shownColumns = [first, end];
    const width = this.#totalWidth();
    this.#header.layout(this.#placed, first, end, width);
    const rows = Math.ceil(this.#viewHeight / this.#rowHeight) + 1;
    this.#pool.layout(rows, this.#placed.slice(first, end), first, this.#rowHeight, width);
    return true;
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
    this.#rows.style.transform = `translateY(${-(top - first) * this.#rowHeight}px)`;
    for (let place = 0; place < this.#pool.size; place++) {
      const index = first + place;
      if (index >= this.#scroll.rows) {
        this.#pool.paint(place, null);
        continue;
      }
      const selected = this.selection.has(index) ? SELECTED : 0;
      const active = index === this.selection.active ? ACTIVE : 0;
      this.#pool.paint(place, { index, cells: this.row(index)?.cells ?? null, look: selected | active });
    }
    this.#bar.paint();
    this.#paintActive(first);
  }

  #paintActive(first: number): void {
    const place = this.selection.active - first;
    const id = this.selection.active < 0 || place < 0 || place >= this.#pool.size ? '' : this.#cellId(place);
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

  #cellId(place: number): string {
    return this.#pool.cellId(place, this.#activeColumn);
  }

  /** Asks for the rows in view and half a view on each side, so that the next few steps need no waiting. */
  #ask(): void {
    if (this.#viewHeight <= 0) return;
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

  #userScrollTo(top: number): void {
    this.#userScrollBy(top - this.#scroll.top);
  }

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

  #move(to: 'up' | 'down' | 'page-up' | 'page-down' | 'first' | 'last', extend: boolean): void {
    const page = Math.max(1, Math.floor(this.#scroll.view) - 1);
    const { active } = this.selection;
    if (active < 0 && to !== 'first' && to !== 'last') {
      // Nothing is selected yet: the keyboard enters where the eye is.
      const last = this.#scroll.rows - 1;
      this.#moveTo(this.#following ? last : Math.min(last, Math.ceil(this.#scroll.top)), false);
      return;
    }
    switch (to) {
      case 'up': {
        this.#moveTo(active - 1, extend);
        return;
      }
      case 'down': {
        this.#moveTo(active + 1, extend);
        return;
      }
      case 'page-up': {
        this.#moveTo(active - page, extend);
        return;
      }
      case 'page-down': {
        this.#moveTo(active + page, extend);
        return;
      }
      case 'first': {
        this.#moveTo(0, extend);
        return;
      }
      case 'last':
        if (extend) this.#moveTo(this.#scroll.rows - 1, true);
        else if (!this.#events.end()) this.goToLast();
    }
  }

  #moveCell(by: number): void {
    const placed = this.#placed[this.#activeColumn + by];
    if (placed === undefined) return;
    this.#activeColumn += by;
    this.#revealColumn(placed);
    this.#invalidate();
  }

  #revealColumn(column: PlacedColumn): void {
    const { scrollLeft } = this.#sideways;
    if (column.left < scrollLeft) this.#sideways.scrollLeft = column.left;
    else if (column.left + column.width > scrollLeft + this.#viewWidth) {
      this.#sideways.scrollLeft = Math.min(column.left, column.left + column.width - this.#viewWidth);
    }
    if (this.#layoutColumns(false)) this.#paint();
  }

  // --- input --------------------------------------------------------------------------------------------------------

  #listen(): () => void {
    return listenToInput(this.element, this.#body, {
      measures: () => ({ rowHeight: this.#rowHeight, viewRows: this.#scroll.view }),
      scrollBy: (rows) => this.#userScrollBy(rows),
      press: (event) => this.#press(event),
      contextMenu: (event) => this.#contextMenu(event),
      hover: (event) => this.#hover(event),
      open: () => this.#events.detail(),
      command: (command) => this.#command(command),
    });
  }

  #press(event: MouseEvent): void {
    const hit = this.#pool.locate(event.target);
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
    const hit = this.#pool.locate(event.target);
    if (hit === null) return;
    this.#events.cellMenu(this.#place(hit.index, hit.column), event.clientX, event.clientY);
  }

  #place(index: number, column: number): CellPlace {
    const placed = this.#placed[column];
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
    const hit = this.#pool.locate(event.target);
    const placed = hit === null ? undefined : this.#placed[hit.column];
    const row = hit === null ? null : this.row(hit.index);
    if (hit === null || placed === undefined || row === null) return;
    const above = this.row(hit.index - 1)?.cells[placed.source] ?? null;
    hit.element.title = this.#events.tooltip(placed, row.cells[placed.source] ?? '', above);
  }

  #command(command: GridCommand): void {
    switch (command.kind) {
      case 'move': {
        this.#move(command.to, command.extend);
        return;
      }
      case 'scroll': {
        this.#userScrollBy(command.rows);
        return;
      }
      case 'cell': {
        this.#moveCell(command.by);
        return;
      }
      case 'detail': {
        this.#events.detail();
        return;
      }
      case 'toggle':
        if (this.selection.active >= 0) this.selection.toggle(this.selection.active);
        {
          this.#selectionChanged();
          return;
        }
      case 'select-all': {
        this.selectAll();
        return;
      }
      case 'copy': {
        this.#events.copy();
        return;
      }
      case 'menu': {
        this.#keyboardMenu();
        return;
      }
      case 'header': {
        this.focusHeader();
        return;
      }
      case 'clear':
        if (this.selection.size === 0) {
          this.#events.escape();
          return;
        }
        this.selection.clear();
        {
          this.#selectionChanged();
          return;
        }
    }
  }
}

function div(className: string, role: string): HTMLElement {
  const element = document.createElement('div');
  element.className = className;
  element.setAttribute('role', role);
  return element;
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

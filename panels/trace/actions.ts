import type {
  CellFormat,
  ChartSpec,
  Column,
  FieldKind,
  FieldValue,
  MeasureOf,
  RecordField,
  RunControl,
} from '@ringside/core/model';
import { chartsOf, isNumber } from '../shared/chartChoices.ts';
import { count, visible } from '../shared/format.ts';
import type { MenuItem, MenuRequest } from '../shared/menu.tsx';
import {
  COPY_LIMIT,
  COPY_PAGE,
  type CopiedRow,
  type RenderCell,
  toCsv,
  toJson,
  toMarkdown,
  toTsv,
} from '../shared/grid/copy.ts';
import { combined, valueFilter } from '../shared/filters.ts';
import type { CellPlace, RowGrid } from '../shared/grid/rowGrid.ts';
import { movedColumn } from '../shared/grid/columns.ts';
import { formatsOf } from './cellFormats.ts';
import { measureName, toggledGroup, toggledMeasure, TOPS } from './groups.ts';
import type { TraceState } from './state.ts';

/** What the user can do with rows and columns: the menus, and the work behind them. */
export class TraceActions {
  readonly #state: TraceState;
  readonly #grid: RowGrid;
  readonly #render: RenderCell;

  readonly #openMenu: (request: MenuRequest) => void;

  constructor(state: TraceState, grid: RowGrid, render: RenderCell, openMenu: (request: MenuRequest) => void) {
    this.#openMenu = openMenu;
    this.#state = state;
    this.#grid = grid;
    this.#render = render;
  }

  /** Copies the selected rows, shown columns only, as tab-separated text or JSON. */
  async copy(format: CopyFormat): Promise<void> {
    const wanted = this.#grid.selection.size;
    if (wanted === 0) {
      this.#state.note('Nothing is selected.');
      return;
    }
    try {
      const rows = await this.#selectedRows();
      const columns = this.#grid.placed;
      const text = WRITERS[format](columns, rows, this.#render);
      this.#state.copyText(text);
      const of = rows.length < wanted ? ` of ${count(wanted)} selected` : '';
      this.#state.note(`Copied ${count(rows.length)}${of} ${wanted === 1 ? 'row' : 'rows'}.`);
    } catch (error) {
      this.#state.note(`Not copied: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  cellMenu(place: CellPlace): MenuItem[] {
    const selected = this.#grid.selection.size;
    const rows = selected === 1 ? 'Row' : `${count(selected)} Rows`;
    return [
      ...this.#valueItems(place),
      ...this.#colourItems(place),
      { kind: 'separator' },
      { label: 'Copy Value', disabled: place.column === null, run: () => void this.#copyValue(place) },
      { label: `Copy ${rows}`, keys: 'Ctrl+C', disabled: selected === 0, run: () => void this.copy('tsv') },
      ...COPIES.map(({ format, name }): MenuItem => ({
        label: `Copy ${rows} as ${name}`,
        disabled: selected === 0,
        run: () => void this.copy(format),
      })),
      { kind: 'separator' },
      {
        label: 'Bookmark Row',
        keys: 'M',
        disabled: place.seq === null,
        run: () => place.seq !== null && void this.#state.tools.toggleBookmark(place.seq),
      },
      { label: 'Row Detail', keys: 'Enter', run: () => this.#state.toggleDetail(true) },
    ];
  }

  columnMenu(id: string): MenuItem[] {
    const column = this.#state.columns.value.find((candidate) => candidate.id === id);
    if (column === undefined) return [];
    const place = this.#grid.activePlace();
    const here = place === null ? null : this.#cellOf(place.index, column);
    return [
      ...(here === null ? [] : [...this.#valueItems(here), { kind: 'separator' } as const]),
      ...this.#sortItems(column),
      ...this.#chartItems(column),
      ...this.#placeItems(column),
      ...this.#derivedItems(column),
      { label: 'Copy Column Name', run: () => this.#copyText(column.id.replace(/^[@=]/, '')) },
      { label: 'Size to Fit', run: () => this.#grid.fit(id) },
      { kind: 'separator' },
      { label: `Hide ${visible(column.title, 40)}`, run: () => this.#state.hideColumn(id, true) },
      { label: 'Reset Columns', run: () => this.#state.resetColumns() },
    ];
  }

  #sortItems({ id }: Column): MenuItem[] {
    const { sort, groups } = this.#state.table;
    const sorted = sort.value.find(({ column }) => column === id);
    const by = (descending: boolean): void => this.#state.sortBy([{ column: id, descending }]);
    return [
      { label: 'Sort Ascending', checked: sorted?.descending === false, run: () => by(false) },
      { label: 'Sort Descending', checked: sorted?.descending === true, run: () => by(true) },
      ...(sort.value.length > 0 ? [{ label: 'Arrival Order', run: () => this.#state.sortBy([]) }] : []),
      ...(id === '@time' ? [] : [{ label: 'Group by This', run: () => this.#group(id, groups.value !== null) }]),
      { label: 'Format…', run: () => this.#formatMenu(id) },
      { kind: 'separator' },
    ];
  }

  #placeItems({ id }: Column): MenuItem[] {
    const { placed } = this.#grid;
    const at = placed.findIndex(({ column }) => column.id === id);
    const pinned = this.#state.table.pinned.value.includes(id);
    const move = (to: number): (() => void) | null => {
      const ids = movedColumn(placed, id, to);
      return ids === null ? null : () => this.#state.setColumnOrder(ids);
    };
    const item = (label: string, keys: string, run: (() => void) | null): MenuItem => ({
      ...{ label, keys, disabled: run === null },
      run: () => run?.(),
    });
    return [
      { label: pinned ? 'Unpin' : 'Pin to the Left', run: () => this.#state.togglePin(id) },
      item('Move Left', 'Ctrl+Left', move(at - 1)),
      item('Move Right', 'Ctrl+Right', move(at + 1)),
      { kind: 'separator' },
    ];
  }

  #derivedItems({ id }: Column): MenuItem[] {
    const derived = this.#state.table.derived.value.find(({ expr }) => `=${expr}` === id);
    if (derived === undefined) return [{ label: 'New Derived Column…', run: () => this.#edit(null) }];
    return [
      { label: 'Edit Derived Column…', run: () => this.#edit(derived) },
      { label: 'Delete Derived Column', run: () => this.#state.removeDerived(id) },
    ];
  }

  #edit(before: { expr: string; title: string } | null): void {
    this.#state.editing.value = { before };
  }

  #group(id: string, more: boolean): void {
    const { groups } = this.#state.table;
    this.#state.setGroups(toggledGroup(more ? groups.value : null, id));
  }

  /** How the cells of a column are written. */
  #formatMenu(id: string): void {
    const items = (): MenuItem[] => {
      const column = this.#state.columns.value.find((candidate) => candidate.id === id);
      const chosen = this.#state.table.formats.value[id];
      const item = (label: string, format: CellFormat | null): MenuItem => ({
        ...{ label, checked: (chosen ?? null) === format },
        run: () => this.#state.setFormat(id, format),
      });
      return [
        item('As the Field Says', null),
        ...(column === undefined ? [] : formatsOf(column).map(({ label, format }) => item(label, format))),
      ];
    };
    const box = this.#grid.element.getBoundingClientRect();
    const header = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    const at = header?.classList.contains('headcell') === true ? header.getBoundingClientRect() : box;
    this.#openMenu({ label: 'Format', items, x: at.left, y: at.top + 24, opener: header ?? this.#grid.element });
  }

  /** What rows can be grouped by. */
  groupMenu(): MenuItem[] {
    const choice = this.#state.table.groups.value;
    const items = this.#state.columns.value.flatMap((column): MenuItem[] => {
      if (column.id === '@time' || column.error !== undefined) return [];
      return [
        {
          label: visible(column.title, 80),
          checked: choice?.by.includes(column.id) === true,
          run: () => this.#group(column.id, true),
        },
      ];
    });
    const leave: MenuItem[] =
      choice === null ? [] : [{ kind: 'separator' }, { label: 'All Rows', run: () => this.#state.setGroups(null) }];
    return [...items, ...leave];
  }

  measureMenu(): MenuItem[] {
    const choice = this.#state.table.groups.value;
    if (choice === null) return [];
    const item = (of: MeasureOf, field: string): MenuItem => ({
      label: visible(measureName({ of, field }), 80),
      checked: choice.measures.some((one) => one.of === of && one.field === field),
      run: () => this.#state.setGroups(toggledMeasure(choice, { of, field })),
    });
    const numbers = this.#state.columns.value.filter(({ field }) => field !== null && isNumber(field));
    return [
      item('count', ''),
      item('rate', ''),
      ...numbers.flatMap(({ id }): MenuItem[] => [{ kind: 'separator' }, ...MEASURED.map((of) => item(of, id))]),
    ];
  }

  topMenu(): MenuItem[] {
    const choice = this.#state.table.groups.value;
    if (choice === null) return [];
    return TOPS.map((top): MenuItem => ({
      label: `Top ${count(top)}`,
      checked: choice.top === top,
      run: () => this.#state.setGroups({ ...choice, top }),
    }));
  }

  /** The columns that show, as they stand; all of them, with whole structs, where none is hidden. */
  #export(format: 'csv' | 'jsonl' | 'markdown'): void {
    const { order, pinned, derived, formats } = this.#state.table;
    const shown = this.#grid.placed.map(({ column }) => column.id);
    const chosen = [...order.value, ...pinned.value, ...derived.value, ...Object.keys(formats.value)];
    const asTheyCame = shown.length === this.#state.columns.value.length && chosen.length === 0;
    this.#state.export(format, asTheyCame ? [] : shown);
  }

  /** What the column's values can be drawn as: of the rows that the filter lets through. */
  #chartItems(column: Column): MenuItem[] {
    const { field, id } = column;
    const stream = this.#state.shownStream.value;
    const named = field ?? (id === '@host' || id === '@record' ? FIXED_FIELD : null);
    if (named === null) return [];
    const where = this.#state.where.value;
    const items = chartsOf({ stream, path: id, field: named }).map(({ label, chart }): MenuItem => ({
      label: `Chart: ${label.replace(id, visible(column.title, 40))}`,
      run: () => this.#state.chart(withFilter(chart, where)),
    }));
    return [...items, { kind: 'separator' }];
  }

  columnsMenu(): MenuItem[] {
    const hidden = this.#state.hidden.value;
    return [
      ...this.#state.columns.value.map((column): MenuItem => ({
        label: visible(column.title, 80),
        checked: !hidden.has(column.id),
        run: () => this.#state.hideColumn(column.id, !hidden.has(column.id)),
      })),
      { kind: 'separator' },
      { label: 'New Derived Column…', run: () => this.#edit(null) },
      { label: 'Reset Columns', run: () => this.#state.resetColumns() },
    ];
  }

  moreMenu(): MenuItem[] {
    const selected = this.#state.selected.value;
    const run = this.#state.run.value;
    const attached = run !== null && (run.state === 'running' || run.state === 'paused');
    return [
      ...(run?.replay ? [] : this.#controlItems(attached, run?.suspendedAt !== undefined)),
      { label: 'Show Maps', disabled: run === null, run: () => this.#state.control('maps') },
      { kind: 'separator' },
      { label: 'Copy Selected Rows', keys: 'Ctrl+C', disabled: selected === 0, run: () => void this.copy('tsv') },
      ...COPIES.map(({ format, name }): MenuItem => ({
        label: `Copy Selected Rows as ${name}`,
        disabled: selected === 0,
        run: () => void this.copy(format),
      })),
      { kind: 'separator' },
      { label: 'Export Rows as CSV…', disabled: run === null, run: () => this.#export('csv') },
      { label: 'Export Rows as JSON Lines…', disabled: run === null, run: () => this.#export('jsonl') },
      { label: 'Export Rows as Markdown…', disabled: run === null, run: () => this.#export('markdown') },
      { kind: 'separator' },
      { label: 'Colour Rules…', run: () => this.#state.tools.toggle('colours') },
      { label: 'Bookmarks…', keys: 'M', run: () => this.#state.tools.toggle('bookmarks') },
      { label: 'Where Records Are…', run: () => this.#state.tools.toggle('ledger') },
      { kind: 'separator' },
      { label: 'Open Charts', disabled: run === null, run: () => this.#state.chart(null) },
      { kind: 'separator' },
      { label: 'Find…', keys: 'Ctrl+F', run: () => this.#state.find.show() },
      { label: 'Select All Rows', keys: 'Ctrl+A', run: () => this.#grid.selectAll() },
      { kind: 'separator' },
      {
        label: this.#state.detailOpen.value ? 'Close Row Detail' : 'Row Detail',
        keys: 'Enter',
        run: () => this.#state.toggleDetail(),
      },
      { label: 'Reset Columns', run: () => this.#state.resetColumns() },
    ];
  }

  /** What is done with the run itself. */
  #controlItems(attached: boolean, suspended: boolean): MenuItem[] {
    const item = (label: string, what: RunControl): MenuItem => ({
      ...{ label, disabled: !attached },
      run: () => this.#state.control(what),
    });
    return [
      item(suspended ? 'Resume at the Source' : 'Pause at the Source, Keep Maps', 'suspend'),
      item('Restart with Changed Globals…', 'globals'),
      item('Change a Variable While It Runs…', 'variable'),
      item('End in Time…', 'timeLimit'),
      { label: 'Keep Running…', disabled: !attached, run: () => this.#state.keep() },
      item('Record, Keeping the Last Minutes…', 'recordLast'),
      { kind: 'separator' },
    ];
  }

  #valueItems(place: CellPlace): MenuItem[] {
    const { column, seq } = place;
    if (column === null || seq === null || column.id === '@time') return [];
    const shown = visible(place.text, 30);
    const title = visible(column.title, 40);
    return [
      { label: `Only ${title} == ${shown}`, run: () => void this.#filterBy(place, '==') },
      { label: `Not ${title} == ${shown}`, run: () => void this.#filterBy(place, '!=') },
    ];
  }

  #colourItems(place: CellPlace): MenuItem[] {
    const { column, seq } = place;
    if (column === null || seq === null || column.id === '@time') return [];
    const label = `Colour Rows with ${visible(column.title, 40)} == ${visible(place.text, 30)}`;
    return [{ label, run: () => void this.#colourBy(place) }];
  }

  async #colourBy(place: CellPlace): Promise<void> {
    if (place.column === null) return;
    const { value, kind } = await this.#exactValue(place);
    const where = valueFilter(place.column.id, kind, value, '==');
    if (where === null) {
      this.#state.note(`Rows cannot be coloured by a whole ${place.column.title}.`);
      return;
    }
    this.#state.tools.addColour(where);
  }

  async #filterBy(place: CellPlace, operator: '==' | '!='): Promise<void> {
    if (place.column === null) return;
    const { value, kind } = await this.#exactValue(place);
    const { id } = place.column;
    const path = id.startsWith('=') ? `(${id.slice(1)})` : id;
    const condition = valueFilter(path, kind, value, operator);
    if (condition === null) {
      this.#state.note(`Rows cannot be filtered by a whole ${place.column.title}.`);
      return;
    }
    this.#state.tools.applyText(combined(this.#state.tools.text.value, condition));
  }

  /** The value itself, because the text in the cell may be cut or written for people. */
  async #exactValue(place: CellPlace): Promise<{ value: FieldValue; kind: FieldKind | null }> {
    const { column, seq } = place;
    const kind = column?.field?.kind ?? null;
    if (column === null || seq === null || column.field === null || column.id.startsWith('='))
      return { value: place.text, kind };
    try {
      const detail = await this.#state.rowDetail(seq);
      const field = detail?.fields.find((candidate) => candidate.path === column.id);
      return { value: field === undefined ? place.text : field.value, kind };
    } catch {
      return { value: place.text, kind };
    }
  }

  async #copyValue(place: CellPlace): Promise<void> {
    const { value } = await this.#exactValue(place);
    this.#copyText(typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value));
  }

  #copyText(text: string): void {
    this.#state.copyText(visible(text, Number.POSITIVE_INFINITY));
    this.#state.note('Copied.');
  }

  #cellOf(index: number, column: Column): CellPlace | null {
    const row = this.#grid.row(index);
    const source = this.#state.columns.value.indexOf(column);
    return row === null ? null : { index, seq: row.seq, column, text: row.cells[source] ?? '' };
  }

  /** Pulls the selected rows page by page. Rows that leave the store meanwhile are left out. */
  async #selectedRows(): Promise<CopiedRow[]> {
    const run = this.#state.run.value;
    if (run === null) return [];
    const { evicted } = this.#state;
    const view = { ...this.#state.view, evicted };
    const rows: CopiedRow[] = [];
    for (const range of [...this.#grid.selection.ranges]) {
      let at = range.from;
      while (at < range.to && rows.length < COPY_LIMIT) {
        const count = Math.min(COPY_PAGE, range.to - at, COPY_LIMIT - rows.length);
        const page = await this.#state.rows({ ...view, first: at, count });
        // Where the page begins, by the count that the selection was made with.
        const first = page.first + (page.evicted ?? evicted) - evicted;
        const taken = page.rows.slice(Math.max(0, at - first), Math.max(0, Math.min(count, range.to - first)));
        if (taken.length === 0) break;
        rows.push(...taken);
        at = Math.max(at, first) + taken.length;
      }
    }
    return rows;
  }
}

/** What can be measured of a number in groups. */
const MEASURED: readonly MeasureOf[] = ['sum', 'avg', 'min', 'max', 'p50', 'p95', 'p99'];

/** Columns that every row has are texts. */
const FIXED_FIELD: RecordField = {
  ...{ name: '', type: '', offset: 0, bits: 0, size: 0 },
  kind: 'chars',
  format: 'plain',
};

function withFilter(chart: ChartSpec, where: string): ChartSpec {
  return chart.source.from === 'rows' ? { ...chart, source: { ...chart.source, where } } : chart;
}

type CopyFormat = 'tsv' | 'csv' | 'json' | 'markdown';
const WRITERS: Record<CopyFormat, typeof toTsv> = { tsv: toTsv, csv: toCsv, json: toJson, markdown: toMarkdown };
const COPIES = [
  { format: 'csv', name: 'CSV' },
  { format: 'json', name: 'JSON' },
  { format: 'markdown', name: 'Markdown' },
] as const;

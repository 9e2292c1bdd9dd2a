import type { MapColumn } from '@ringside/core/model';
import { chartsOfMap } from '../shared/chartChoices.ts';
import { valueFilter } from '../shared/filters.ts';
import { count, visible } from '../shared/format.ts';
import { COPY_LIMIT, toJson, toTsv } from '../shared/grid/copy.ts';
import type { CellPlace, RowGrid } from '../shared/grid/rowGrid.ts';
import type { MenuItem } from '../shared/menu.tsx';
import type { MapsState } from './state.ts';

/** More entries than this are not deleted by one press. */
const DELETE_LIMIT = 10_000;

/** What the user can do with entries and columns: the menus, and the work behind them. */
export class MapsActions {
  constructor(
    private readonly state: MapsState,
    private readonly grid: RowGrid,
    private readonly edit: () => void,
  ) {}

  columnMenu(id: string): MenuItem[] {
    const column = this.state.columns.value.find((one) => one.id === id);
    if (column === undefined) return [];
    const { sort } = this.state.look.value;
    const sorted = (descending: boolean): boolean => sort.column === id && sort.descending === descending;
    const countsHere = this.state.shown.value?.counters.includes(id) === true;
    return [
      { label: 'Sort Upwards', checked: sorted(false), run: () => this.state.sortBy(id, false) },
      { label: 'Sort Downwards', checked: sorted(true), run: () => this.state.sortBy(id, true) },
      { kind: 'separator' },
      {
        label: 'Follow Its Rate',
        checked: this.state.shown.value?.rateOf === id,
        disabled: !countsHere,
        run: () => this.state.followRateOf(id),
      },
      ...this.chartItems(this.state.where.value, countsHere ? id : undefined),
      { kind: 'separator' },
      { label: 'Size to Fit', run: () => this.grid.fit(id) },
      { label: 'Copy Column Name', run: () => this.#copy(id) },
    ];
  }

  cellMenu(place: CellPlace): MenuItem[] {
    const { column } = place;
    const selected = this.grid.selection.size;
    const rows = selected === 1 ? 'Entry' : `${count(selected)} Entries`;
    const shown = this.state.shown.value;
    const inner = this.innerMap(place);
    const entryChart = this.#entryChart(place);
    return [
      ...(inner === null
        ? []
        : [{ label: `Open Map ${inner}`, keys: 'Enter', run: () => this.openInner(place) } as const]),
      { label: 'Edit', keys: 'F2', disabled: !this.editable(column?.id), run: () => this.edit() },
      { label: 'Entry Detail', run: () => this.state.toggleDetail(true) },
      { kind: 'separator' },
      ...(entryChart === null ? [] : [entryChart]),
      ...this.chartItems(this.state.where.value),
      { kind: 'separator' },
      { label: 'Copy Value', disabled: column === null, run: () => this.#copy(place.text) },
      { label: `Copy ${rows}`, keys: 'Ctrl+C', disabled: selected === 0, run: () => void this.copy('tsv') },
      { label: `Copy ${rows} as JSON`, disabled: selected === 0, run: () => void this.copy('json') },
      { kind: 'separator' },
      {
        label: `Delete ${rows}`,
        keys: 'Delete',
        disabled: selected === 0 || shown?.canDelete !== true,
        run: () => void this.delete(),
      },
    ];
  }

  /** The charts of the entries that a filter lets through, or why there are none; of the followed member, or of another. */
  chartItems(where: string, member?: string): MenuItem[] {
    const { scope, map, shown } = this.state;
    if (map.value === null || shown.value === null) return [];
    if (scope.value?.kind !== 'run')
      return [{ label: 'Chart (of the maps of a run)', disabled: true, run: () => undefined }];
    const { host, name } = map.value;
    const field = member ?? shown.value.rateOf;
    const charts = chartsOfMap({ host, map: name, where, field, histogram: shown.value.histogram !== null });
    if (charts.length === 0) return [{ label: 'Chart (nothing in it counts)', disabled: true, run: () => undefined }];
    return charts.map(({ label, chart }) => ({ label: `Chart ${label}`, run: () => this.state.chart(chart) }));
  }

  /** The chart of one entry over time; null when no filter names its key. */
  #entryChart(place: CellPlace): MenuItem | null {
    const { scope, map, shown } = this.state;
    const keys = this.grid.placed.filter(({ column }) => (column as MapColumn).role === 'key');
    const filters = keys.map(({ column, source }) =>
      valueFilter(column.id, column.field?.kind ?? null, this.grid.row(place.index)?.cells[source] ?? null, '=='),
    );
    if (scope.value?.kind !== 'run' || map.value === null || shown.value === null) return null;
    if (shown.value.rateOf === '' || filters.length === 0 || filters.some((filter) => filter === null)) return null;
    const entries = { host: map.value.host, map: map.value.name, where: filters.join(' && ') };
    const [chart] = chartsOfMap({ ...entries, field: shown.value.rateOf, histogram: false });
    return { label: 'Chart This Entry', run: () => this.state.chart(chart!.chart) };
  }

  editable(id: string | undefined): boolean {
    return this.state.columns.value.some((column: MapColumn) => column.id === id && column.editable);
  }

  /** The number of the map that a cell of a map of maps names; null = it names none. */
  innerMap({ column, text }: CellPlace): number | null {
    const id = Number(text);
    const names = this.state.shown.value?.ofMaps === true && column?.id === 'value';
    return names && Number.isInteger(id) && id > 0 ? id : null;
  }

  openInner(place: CellPlace): boolean {
    const id = this.innerMap(place);
    const target = this.state.target.value;
    if (id === null || target === null) return false;
    this.state.select({ host: target.host, id });
    return true;
  }

  async delete(): Promise<void> {
    const { shown } = this.state;
    const wanted = this.grid.selection.size;
    if (wanted === 0) return;
    if (shown.value?.canDelete !== true) {
      this.state.note('Entries of this map cannot be deleted: every key of it is always there.', true);
      return;
    }
    if (wanted > DELETE_LIMIT) {
      this.state.note(`At most ${count(DELETE_LIMIT)} entries are deleted at once.`, true);
      return;
    }
    const rows = await this.state.rowsOf([...this.grid.selection.ranges], DELETE_LIMIT);
    await this.state.tryChange({ do: 'delete', seqs: rows.map(({ seq }) => seq) });
    this.grid.selection.reset();
  }

  async copy(format: 'tsv' | 'json'): Promise<void> {
    if (this.grid.selection.size === 0) {
      this.state.note('Nothing is selected.');
      return;
    }
    const rows = await this.state.rowsOf([...this.grid.selection.ranges], COPY_LIMIT);
    const columns = this.grid.placed.filter(({ column }) => column.id !== 'trend');
    const plain = (_column: unknown, text: string): string => text;
    this.state.copyText(format === 'tsv' ? toTsv(columns, rows, plain) : toJson(columns, rows, plain));
    this.state.note(`Copied ${count(rows.length)} ${rows.length === 1 ? 'entry' : 'entries'}.`);
  }

  #copy(text: string): void {
    this.state.copyText(visible(text, Number.POSITIVE_INFINITY));
    this.state.note('Copied.');
  }
}

import { batch, signal } from '@preact/signals';
import type {
  CellFormat,
  DerivedColumn,
  GroupChoice,
  RowOrder,
  RowSort,
  RowsLook,
  TraceLayout,
} from '@ringside/core/model';

/** Columns by which rows are sorted at once. */
const MOST_ORDERS = 4;

/** What the user chose about the table: order of rows and columns, derived columns, formats, groups. */
export class TableChoices {
  readonly sort = signal<readonly RowOrder[]>([]);
  /** Rows before this one are in the order: `delivered` when it was asked for. */
  readonly until = signal(0);
  readonly order = signal<readonly string[]>([]);
  readonly pinned = signal<readonly string[]>([]);
  readonly derived = signal<readonly DerivedColumn[]>([]);
  readonly formats = signal<Readonly<Record<string, CellFormat>>>({});
  readonly groups = signal<GroupChoice | null>(null);

  /** What the engine needs for a page; nothing of it where nothing was chosen. */
  query(): { sort?: RowSort; look?: RowsLook } {
    const sort: RowSort = { by: [...this.sort.value], until: this.until.value };
    const look: RowsLook = { derived: [...this.derived.value], formats: { ...this.formats.value } };
    const plain = look.derived.length === 0 && Object.keys(look.formats).length === 0;
    return { ...(sort.by.length > 0 && { sort }), ...(!plain && { look }) };
  }

  /** The next order of a column: ascending, descending, as they came. `more` keeps the other columns before it. */
  nextSort(column: string, more: boolean): RowOrder[] {
    const others = more ? this.sort.value.filter((one) => one.column !== column) : [];
    const known = this.sort.value.find((one) => one.column === column);
    if (known?.descending === true) return others;
    return [...others, { column, descending: known !== undefined }].slice(-MOST_ORDERS);
  }

  setFormat(id: string, format: CellFormat | null): void {
    const others = Object.entries(this.formats.value).filter(([column]) => column !== id);
    this.formats.value = Object.fromEntries(format === null ? others : [...others, [id, format]]);
  }

  togglePin(id: string): void {
    const pinned = this.pinned.value;
    this.pinned.value = pinned.includes(id) ? pinned.filter((other) => other !== id) : [...pinned, id];
  }

  /** Puts columns in an order, as they are shown: pinned ones stay pinned. */
  setOrder(ids: readonly string[]): void {
    batch(() => {
      this.order.value = ids;
      this.pinned.value = ids.filter((id) => this.pinned.value.includes(id));
    });
  }

  /** Adds a derived column, or puts it in the place of another one. */
  setDerived(column: DerivedColumn, before: DerivedColumn | null): void {
    const list = this.derived.value;
    this.derived.value =
      before === null ? [...list, column] : list.map((one) => (one.expr === before.expr ? column : one));
  }

  removeDerived(id: string): void {
    batch(() => {
      this.derived.value = this.derived.value.filter(({ expr }) => `=${expr}` !== id);
      this.sort.value = this.sort.value.filter(({ column }) => column !== id);
    });
  }

  /** Columns as they came with the run: derived ones stay, for they were made. */
  resetColumns(): void {
    batch(() => {
      this.order.value = [];
      this.pinned.value = [];
      this.formats.value = {};
    });
  }

  restore(layout: TraceLayout | undefined): void {
    batch(() => {
      this.sort.value = layout?.sort ?? [];
      this.order.value = layout?.order ?? [];
      this.pinned.value = layout?.pinned ?? [];
      this.derived.value = layout?.derived ?? [];
      this.formats.value = layout?.formats ?? {};
      this.groups.value = layout?.groups ?? null;
    });
  }

  layout(): TraceLayout | undefined {
    const layout: TraceLayout = {
      sort: [...this.sort.value],
      order: [...this.order.value],
      pinned: [...this.pinned.value],
      derived: [...this.derived.value],
      formats: { ...this.formats.value },
      groups: this.groups.value,
    };
    const empty = Object.values(layout).every(
      (value) => value === null || (Array.isArray(value) ? value : Object.keys(value as object)).length === 0,
    );
    return empty ? undefined : layout;
  }
}

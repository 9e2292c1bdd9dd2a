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
    const look: RowsLook = { derived: this.#derivedOnce(), formats: { ...this.formats.value } };
    const plain = look.derived.length === 0 && Object.keys(look.formats).length === 0;
    return { ...(sort.by.length > 0 && { sort }), ...(!plain && { look }) };
  }

  /**
   * The next order of a column: ascending, descending, as they came. `more` keeps the other columns; a new one comes
   * behind them, in the place of the last one when there are as many as can be.
   */
  nextSort(column: string, more: boolean): RowOrder[] {
    const known = this.sort.value.find((one) => one.column === column);
    const next = known?.descending === true ? [] : [{ column, descending: known !== undefined }];
    if (!more) return next;
    if (known !== undefined) return this.sort.value.flatMap((one) => (one === known ? next : [one]));
    return [...this.sort.value.slice(0, MOST_ORDERS - 1), ...next];
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

  /**
   * Adds a derived column, or puts it in the place of another one, which it then is wherever that was chosen. While one
   * is typed it may be the same as another for a moment: the column that is changed is this very object.
   */
  setDerived(column: DerivedColumn, before: DerivedColumn | null): void {
    const list = this.derived.value;
    const known = before === null ? -1 : list.indexOf(before);
    // After the panel was told its state anew it is an equal one.
    const at = known >= 0 ? known : list.findLastIndex(({ expr }) => expr === before?.expr);
    batch(() => {
      this.derived.value = at < 0 ? [...list, column] : list.with(at, column);
      if (at >= 0 && list[at]!.expr !== column.expr) this.#leave(list[at]!.expr, `=${column.expr}`);
    });
  }

  /** Removes a derived column and what was chosen for it. */
  removeDerived(id: string): void {
    const list = this.derived.value;
    const at = list.findLastIndex(({ expr }) => `=${expr}` === id);
    if (at < 0) return;
    batch(() => {
      this.derived.value = list.toSpliced(at, 1);
      this.#leave(list[at]!.expr, null);
    });
  }

  /** An expression is no column any more, unless another one has it: `heir` takes its places. */
  #leave(expr: string, heir: string | null): void {
    if (this.derived.value.some((other) => other.expr === expr)) return;
    const id = `=${expr}`;
    const heirs = heir === null ? [] : [heir];
    const ids = (list: readonly string[]): string[] => [
      ...new Set(list.flatMap((one) => (one === id ? heirs : [one]))),
    ];
    this.sort.value = this.sort.value.flatMap((one) =>
      one.column === id ? heirs.map((column) => ({ ...one, column })) : [one],
    );
    this.order.value = ids(this.order.value);
    this.pinned.value = ids(this.pinned.value);
    this.formats.value = Object.fromEntries(
      Object.entries(this.formats.value).flatMap((one) => (one[0] === id ? heirs.map((to) => [to, one[1]]) : [one])),
    );
    this.groups.value = groupsWith(this.groups.value, id, heir);
  }

  #derivedOnce(): DerivedColumn[] {
    const list = this.derived.value;
    return list.filter(({ expr }, at) => list.findIndex((other) => other.expr === expr) === at);
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
      derived: this.#derivedOnce(),
      formats: { ...this.formats.value },
      groups: this.groups.value,
    };
    const empty = Object.values(layout).every(
      (value) => value === null || (Array.isArray(value) ? value : Object.keys(value as object)).length === 0,
    );
    return empty ? undefined : layout;
  }
}

/** The same groups by another column, or without it; null when nothing is left to group by. */
function groupsWith(groups: GroupChoice | null, id: string, heir: string | null): GroupChoice | null {
  if (groups === null || !(groups.by.includes(id) || groups.measures.some(({ field }) => field === id))) return groups;
  const heirs = heir === null ? [] : [heir];
  const by = [...new Set(groups.by.flatMap((one) => (one === id ? heirs : [one])))];
  const measures = groups.measures.flatMap((one) =>
    one.field === id ? heirs.map((field) => ({ ...one, field })) : [one],
  );
  if (by.length === 0 || measures.length === 0) return null;
  const { sort } = groups;
  const there = sort.at < (sort.by === 'key' ? by : measures).length;
  return { ...groups, by, measures, sort: there ? sort : { by: 'measure', at: 0, descending: true } };
}

/** What the stand-in engine of dev.html answers to questions beyond single rows: orders, searches, groups. Small and slow. */
import type {
  CellFormat,
  Column,
  ErrorData,
  FindAsk,
  FoundRows,
  PageRow,
  RowSort,
  RowsLook,
  SummaryPage,
  SummaryQuery,
} from '@ringside/core/model';

export interface DevRow {
  seq: number;
  cells: string[];
}

/** Rows in another order; the last one asked for is kept. */
export class DevOrder {
  #key = '';
  #rows: DevRow[] = [];

  of(rows: () => DevRow[], columns: readonly Column[], sort: RowSort): DevRow[] {
    const key = JSON.stringify(sort);
    if (key !== this.#key) {
      this.#key = key;
      this.#rows = rows().filter(({ seq }) => seq < sort.until);
      const by = sort.by.map(({ column, descending }) => ({
        at: columns.findIndex(({ id }) => id === column),
        turn: descending ? -1 : 1,
      }));
      this.#rows.sort((a, b) => {
        for (const { at, turn } of by) {
          const compared = compare(a.cells[at] ?? '', b.cells[at] ?? '');
          if (compared !== 0) return compared * turn;
        }
        return a.seq - b.seq;
      });
    }
    return this.#rows;
  }
}

function compare(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : a > b ? 1 : 0) : x - y;
}

/** Columns with the derived ones: `a + b`, `a - b`, `a * n` of columns. */
export function lookedColumns(columns: readonly Column[], look: RowsLook | undefined): Column[] {
  const derived = (look?.derived ?? []).map(({ expr, title }): Column => {
    const name = title === '' ? expr : title;
    const known = parseDerived(columns, expr) !== null;
    const field = { name, type: 'number', offset: 0, bits: 0, size: 8, kind: 'float', format: 'plain' } as const;
    const column = { id: `=${expr}`, title: name, align: 'right', width: 12, field } as const;
    return known ? column : { ...column, field: null, error: fault(expr) };
  });
  return [...columns, ...derived];
}

function fault(expr: string): ErrorData {
  const message = `"${expr}" is no field of events (column 1)`;
  return {
    code: 'unknown-field',
    message,
    remedy: 'Known are: pid, ppid, ret.',
    detail: `${expr}\n^`,
    links: [],
  } as const;
}

export function lookedCells(
  columns: readonly Column[],
  cells: readonly string[],
  look: RowsLook | undefined,
): string[] {
  if (look === undefined) return [...cells];
  const shown = columns.map(({ id }, i) => format(cells[i] ?? '', look.formats[id]));
  const derived = look.derived.map(({ expr }) => {
    const value = parseDerived(columns, expr)?.(cells);
    return value === undefined ? '' : String(value);
  });
  return [...shown, ...derived];
}

function format(text: string, as: CellFormat | undefined): string {
  if (as === 'hex' && /^\d+$/.test(text)) return `0x${Number(text).toString(16)}`;
  return text;
}

function parseDerived(columns: readonly Column[], expr: string): ((cells: readonly string[]) => number) | null {
  const [, left, op, right] = /^(\w+) ([+*-]) (\w+)$/.exec(expr) ?? [];
  const at = columns.findIndex(({ id }) => id === left);
  const other = columns.findIndex(({ id }) => id === right);
  if (at < 0 || (other < 0 && !/^\d+$/.test(right ?? ''))) return null;
  return (cells) => {
    const [a, b] = [Number(cells[at]), other < 0 ? Number(right) : Number(cells[other])];
    return op === '+' ? a + b : op === '-' ? a - b : a * b;
  };
}

export const hasText = (cells: readonly string[], text: string): boolean =>
  cells.some((cell) => cell.toLowerCase().includes(text.toLowerCase()));

export function markFound(rows: PageRow[], text: string): void {
  for (const row of rows) if (hasText(row.cells, text)) row.found = true;
}

export function findIn(rows: readonly DevRow[], { find, from, direction }: FindAsk): FoundRows {
  const matches = rows.flatMap(({ cells }, i) => (hasText(cells, find.text) ? [i] : []));
  const at =
    direction < 0
      ? matches.findLastIndex((i) => i < from)
      : matches.findIndex((i) => (direction > 0 ? i > from : i >= from));
  const number = at >= 0 ? at : direction < 0 ? matches.length - 1 : 0;
  const index = matches[number];
  const row = index === undefined ? null : { seq: rows[index]!.seq, index, evicted: 0 };
  return { matches: matches.length, partial: false, row, ordinal: row && number + 1, wrapped: at < 0 };
}

export function groupsOf(
  rows: readonly DevRow[],
  columns: readonly Column[],
  { spec, where }: SummaryQuery,
): SummaryPage {
  const common = { stream: 'events', where, state: 1, whole: true, missed: 0, partial: false, error: null };
  if (spec.kind !== 'groups') return { ...common, data: null, counted: 0 };
  const at = spec.by.map((id) => columns.findIndex((column) => column.id === id));
  const groups = new Map<string, DevRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(at.map((i) => row.cells[i]));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const measured = [...groups].map(([key, members]) => {
    const texts = JSON.parse(key) as string[];
    const measures = spec.measures.map(({ of, field }) => {
      if (of === 'count') return members.length;
      if (of === 'rate') return members.length / 60;
      const numbers = members.map(({ cells }) => Number(cells[columns.findIndex(({ id }) => id === field)]));
      numbers.sort((a, b) => a - b);
      const sum = numbers.reduce((total, number) => total + number, 0);
      if (of === 'sum' || of === 'avg') return of === 'sum' ? sum : sum / numbers.length;
      const share = ({ min: 0, p50: 0.5, p95: 0.95, p99: 0.99 } as Partial<Record<string, number>>)[of] ?? 1;
      return numbers[Math.floor(share * (numbers.length - 1))]!;
    });
    return { texts, values: texts, measures };
  });
  const { by, at: place, descending } = spec.sort ?? { by: 'measure', at: 0, descending: true };
  measured.sort((a, b) => {
    const compared = by === 'key' ? compare(a.texts[place]!, b.texts[place]!) : a.measures[place]! - b.measures[place]!;
    return descending ? -compared : compared;
  });
  const fieldOf = (id: string): Column['field'] => columns.find((column) => column.id === id)?.field ?? null;
  const data = {
    kind: 'groups' as const,
    by: spec.by.map(fieldOf),
    fields: spec.measures.map(({ field }) => fieldOf(field)),
    rows: measured.slice(0, spec.top),
    groups: measured.length,
    restRows: 0,
    limit: 100_000,
  };
  return { ...common, data, counted: rows.length };
}

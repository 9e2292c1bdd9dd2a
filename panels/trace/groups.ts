import { signal } from '@preact/signals';
import type {
  Column,
  GroupChoice,
  Measure,
  MeasureOf,
  RecordField,
  SummaryData,
  SummaryPage,
  SummarySpec,
} from '@ringside/core/model';
import { byteSize, count, nanos, rate } from '../shared/format.ts';
import { combined, valueFilter } from '../shared/filters.ts';
import type { GridRow } from '../shared/grid/pageWindow.ts';

/** Groups are counted on by the engine; how they stand is asked for so often. */
const ASK_MS = 400;
const COUNT: Measure = { of: 'count', field: '' };
export const FIRST_MEASURES: readonly Measure[] = [COUNT, { of: 'rate', field: '' }];
export const TOPS = [10, 50, 100, 1000];

export type GroupsData = SummaryData & { kind: 'groups' };

export interface GroupsHost {
  ask(spec: SummarySpec): Promise<SummaryPage>;
  later(run: () => void, ms: number): () => void;
  /** Groups may change: the run goes on, and somebody looks. */
  live(): boolean;
}

/** The groups that show, kept up to date while rows arrive. */
export class GroupsState {
  readonly page = signal<SummaryPage | null>(null);
  readonly #host: GroupsHost;
  #choice: GroupChoice | null = null;
  #generation = 0;
  #cancel: (() => void) | null = null;

  constructor(host: GroupsHost) {
    this.#host = host;
  }

  /** Shows groups, or (null) none. */
  show(choice: GroupChoice | null, fresh: boolean): void {
    this.#choice = choice;
    this.#generation++;
    this.#cancel?.();
    if (fresh || choice === null) this.page.value = null;
    if (choice !== null) void this.#ask(this.#generation);
  }

  async #ask(generation: number): Promise<void> {
    const choice = this.#choice;
    if (choice === null) return;
    let partial = false;
    try {
      const page = await this.#host.ask(specOf(choice));
      if (generation !== this.#generation) return;
      this.page.value = page;
      partial = page.partial;
    } catch {
      // The panel says by itself that the engine does not answer.
      if (generation !== this.#generation) return;
    }
    if (partial || this.#host.live()) this.#cancel = this.#host.later(() => void this.#ask(generation), ASK_MS);
  }

  get data(): GroupsData | null {
    const data = this.page.value?.data;
    return data?.kind === 'groups' ? data : null;
  }
}

function specOf({ by, measures, sort, top }: GroupChoice): SummarySpec {
  return { kind: 'groups', by, measures, order: 0, top, sort };
}

/** Groups by one more column, or without it; null when none is left. */
export function toggledGroup(choice: GroupChoice | null, id: string): GroupChoice | null {
  const before = choice ?? {
    by: [],
    measures: [...FIRST_MEASURES],
    sort: { by: 'measure' as const, at: 0, descending: true },
    top: 100,
  };
  const by = before.by.includes(id) ? before.by.filter((other) => other !== id) : [...before.by, id];
  // What the groups were sorted by may be another column now.
  const sort = before.sort.by === 'key' ? { by: 'measure' as const, at: 0, descending: true } : before.sort;
  return by.length === 0 ? null : { ...before, by, sort };
}

/** With one more measure, or without it. The count always stays. */
export function toggledMeasure(choice: GroupChoice, measure: Measure): GroupChoice {
  const same = (one: Measure): boolean => one.of === measure.of && one.field === measure.field;
  const has = choice.measures.some(same);
  const measures = has ? choice.measures.filter((one) => !same(one)) : [...choice.measures, measure];
  if (measures.length === 0) return choice;
  const sort = choice.sort.by === 'measure' ? { by: 'measure' as const, at: 0, descending: true } : choice.sort;
  return { ...choice, measures, sort };
}

const NAMES: Record<MeasureOf, string> = {
  count: 'rows',
  rate: 'rows/s',
  sum: 'sum',
  avg: 'avg',
  min: 'min',
  max: 'max',
  last: 'newest',
  p50: 'p50',
  p90: 'p90',
  p95: 'p95',
  p99: 'p99',
};

export const measureName = ({ of, field }: Measure): string =>
  field === '' ? NAMES[of] : `${NAMES[of]} ${field.replace(/^=/, '')}`;

/** Columns of the table of groups: the values, then the measures. */
export function groupColumns(choice: GroupChoice, columns: readonly Column[], data: GroupsData | null): Column[] {
  const keys = choice.by.map((id, i): Column => {
    const known = columns.find((column) => column.id === id);
    const title = known?.title ?? id.replace(/^[@=]/, '');
    return {
      id: `by:${i}`,
      title,
      align: known?.align ?? 'left',
      width: known?.width ?? 16,
      field: data?.by[i] ?? null,
    };
  });
  const measures = choice.measures.map((measure, i): Column => {
    const title = measureName(measure);
    return { id: `of:${i}`, title, align: 'right', width: Math.max(10, title.length), field: null };
  });
  return [...keys, ...measures];
}

export function groupRows(choice: GroupChoice, data: GroupsData): GridRow[] {
  return data.rows.map(({ texts, measures }, seq) => ({
    seq,
    cells: [
      ...texts.map((text, i) => (data.rows[seq]!.values[i] === null ? '(none)' : text)),
      ...measures.map((value, i) => measureText(choice.measures[i]!.of, data.fields[i] ?? null, value)),
    ],
  }));
}

const NANOS: Partial<Record<RecordField['format'], number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

export function measureText(of: MeasureOf, field: RecordField | null, value: number | null): string {
  if (value === null) return '';
  if (of === 'count') return count(value);
  if (of === 'rate') return rate(value);
  const factor = NANOS[field?.format ?? 'plain'];
  if (factor !== undefined && value >= 0) return nanos(value * factor);
  if (field?.format === 'bytes' && value >= 0) return byteSize(value);
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(6)));
}

/** The filter that lets a group's rows through, after the one that is there; null where no condition can say it. */
export function groupFilter(where: string, choice: GroupChoice, data: GroupsData, index: number): string | null {
  const row = data.rows[index];
  if (row === undefined) return null;
  let filter = where;
  for (const [i, id] of choice.by.entries()) {
    const kind = data.by[i]?.kind ?? null;
    const path = id.startsWith('=') ? `(${id.slice(1)})` : id;
    const value = row.values[i] ?? null;
    // A condition that was computed is its own filter.
    const condition =
      id.startsWith('=') && typeof value === 'boolean'
        ? `${value ? '' : '!'}${path}`
        : valueFilter(path, kind, value, '==');
    if (condition === null) return null;
    filter = combined(filter, condition);
  }
  return filter;
}

/** What is not in the rows of the table: further groups, and rows of groups that nobody tells apart. */
export function restText(data: GroupsData, counted: number, measures: readonly Measure[]): string {
  const at = measures.findIndex(({ of }) => of === 'count');
  const hidden = data.groups - data.rows.length;
  const shown = at < 0 ? null : data.rows.reduce((sum, { measures: values }) => sum + (values[at] ?? 0), 0);
  const parts: string[] = [];
  if (hidden > 0) {
    const rows = shown === null ? '' : ` with ${count(counted - shown - data.restRows)} rows`;
    parts.push(`${count(hidden)} more ${hidden === 1 ? 'group' : 'groups'}${rows}`);
  }
  if (data.restRows > 0) {
    parts.push(`others: ${count(data.restRows)} rows of groups beyond the first ${count(data.limit ?? data.groups)}`);
  }
  return parts.join(' · ');
}

/** Guards of what a trace panel says about order, columns, search and groups. */
import type {
  CellFormat,
  DerivedColumn,
  FindAsk,
  GroupChoice,
  RowFind,
  RowOrder,
  RowSort,
  RowsLook,
  SummaryQuery,
  TraceLayout,
} from '@ringside/core/model';
import { parseMeasure, parseSummarySpec } from './chartsGuards.ts';
import { isCount, isFields, isText, texts, type Guard } from './guardParts.ts';

export const lookCaps = {
  column: 4200,
  columns: 1000,
  where: 16 * 1024,
  name: 256,
  title: 200,
  expr: 4096,
  derived: 50,
  orders: 4,
  find: 1000,
  by: 8,
  measures: 24,
  top: 1000,
};

const FORMATS: Record<CellFormat, true> = {
  ...{ dec: true, hex: true, oct: true, bin: true, bytes: true, clock: true, 'clock-ns': true, iso: true, epoch: true },
  ...{ 'duration-ns': true, 'duration-us': true, 'duration-ms': true, 'duration-s': true, elapsed: true, ipv4: true },
  ...{ port: true, errno: true, signal: true, char: true, text: true },
};

/** Each item as the guard makes it; null when one is wrong or there are too many. */
function list<T>(value: unknown, most: number, guard: Guard<T>): T[] | null {
  if (!Array.isArray(value) || value.length > most) return null;
  const items = value.map(guard);
  return items.includes(null) ? null : (items as T[]);
}

const parseOrder: Guard<RowOrder> = (value) =>
  isFields(value) && isText(value.column, lookCaps.column) && typeof value.descending === 'boolean'
    ? { column: value.column, descending: value.descending }
    : null;

export const parseSort: Guard<RowSort> = (value) => {
  if (!isFields(value) || !isCount(value.until)) return null;
  const by = list(value.by, lookCaps.orders, parseOrder);
  return by === null || by.length === 0 ? null : { by, until: value.until };
};

const parseDerived: Guard<DerivedColumn> = (value) =>
  isFields(value) && isText(value.expr, lookCaps.expr) && isText(value.title, lookCaps.title)
    ? { expr: value.expr, title: value.title }
    : null;

function parseFormats(value: unknown): Record<string, CellFormat> | null {
  if (!isFields(value)) return null;
  const entries = Object.entries(value);
  const valid =
    entries.length <= lookCaps.columns &&
    entries.every(
      ([id, format]) => id.length <= lookCaps.column && typeof format === 'string' && Object.hasOwn(FORMATS, format),
    );
  return valid ? (Object.fromEntries(entries) as Record<string, CellFormat>) : null;
}

export const parseLook: Guard<RowsLook> = (value) => {
  if (!isFields(value)) return null;
  const derived = list(value.derived, lookCaps.derived, parseDerived);
  const formats = parseFormats(value.formats);
  return derived === null || formats === null ? null : { derived, formats };
};

export const parseFind: Guard<RowFind> = (value) => {
  if (!isFields(value) || !isText(value.text, lookCaps.find)) return null;
  const columns = texts(value.columns, lookCaps.columns, lookCaps.column);
  return columns === null || (value.by !== 'text' && value.by !== 'expr')
    ? null
    : { text: value.text, by: value.by, columns };
};

/** Order, look and search of a question, each where it is there; null when one is wrong. */
export const parseShown: Guard<{ sort?: RowSort; look?: RowsLook; find?: RowFind }> = (value) => {
  if (!isFields(value)) return null;
  const sort = value.sort === undefined ? undefined : parseSort(value.sort);
  const look = value.look === undefined ? undefined : parseLook(value.look);
  const find = value.find === undefined ? undefined : parseFind(value.find);
  if (sort === null || look === null || find === null) return null;
  return { ...(sort && { sort }), ...(look && { look }), ...(find && { find }) };
};

export const parseFindAsk: Guard<FindAsk> = (value) => {
  if (!isFields(value)) return null;
  const { stream, where, from, evicted, direction } = value;
  const shown = parseShown(value);
  if (!isText(stream, lookCaps.name) || !isText(where, lookCaps.where) || shown?.find === undefined) return null;
  if (!(from === -1 || isCount(from)) || !isCount(evicted)) return null;
  if (direction !== -1 && direction !== 0 && direction !== 1) return null;
  return { stream, where, from, evicted, direction, ...shown, find: shown.find };
};

const parseGroupSort: Guard<GroupChoice['sort']> = (value) =>
  isFields(value) &&
  (value.by === 'key' || value.by === 'measure') &&
  isCount(value.at, lookCaps.measures) &&
  typeof value.descending === 'boolean'
    ? { by: value.by, at: value.at, descending: value.descending }
    : null;

const parseGroups: Guard<GroupChoice> = (value) => {
  if (!isFields(value) || !isCount(value.top, lookCaps.top)) return null;
  const by = texts(value.by, lookCaps.by, lookCaps.column);
  const measures = list(value.measures, lookCaps.measures, parseMeasure);
  const sort = parseGroupSort(value.sort);
  if (by === null || measures === null || sort === null) return null;
  const nothing = by.length === 0 || measures.length === 0 || value.top === 0;
  return nothing ? null : { by, measures, sort, top: value.top };
};

export const parseGroupsQuery: Guard<SummaryQuery> = (value) => {
  if (!isFields(value) || !isFields(value.spec) || value.spec.kind !== 'groups') return null;
  const { runId, stream, where, since } = value;
  if (!isText(runId, lookCaps.name) || !isText(stream, lookCaps.name) || !isText(where, lookCaps.where)) return null;
  const spec = parseSummarySpec(value.spec);
  if (spec?.kind !== 'groups' || !isCount(since)) return null;
  const sort = value.spec.sort === undefined ? undefined : parseGroupSort(value.spec.sort);
  if (sort === null) return null;
  return { runId, stream, where, since, spec: { ...spec, ...(sort && { sort }) } };
};

export const parseLayout: Guard<TraceLayout> = (value) => {
  if (!isFields(value)) return null;
  const sort = list(value.sort, lookCaps.orders, parseOrder);
  const order = texts(value.order, lookCaps.columns, lookCaps.column);
  const pinned = texts(value.pinned, lookCaps.columns, lookCaps.column);
  const look = parseLook(value);
  const groups = value.groups === null ? null : parseGroups(value.groups);
  if (sort === null || order === null || pinned === null || look === null) return null;
  return groups === null && value.groups !== null ? null : { sort, order, pinned, ...look, groups };
};

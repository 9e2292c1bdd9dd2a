import type { ChartSpec, MapSummarySpec, Measure, RecordField, RunSummary, SummarySpec } from '@ringside/core/model';
import type { MenuItem } from './menu.tsx';

/** A field of the run's records that a chart can be made of. */
export interface ChartField {
  stream: string;
  path: string;
  field: RecordField;
}

const NUMBERS = new Set(['int', 'uint', 'bool', 'float', 'pointer', 'enum', 'char']);
/** Numbers that say how much: they are added up and spread; the others name something and are grouped by. */
const AMOUNTS = new Set(['ns', 'us', 'ms', 's', 'bytes']);

export const isNumber = (field: RecordField): boolean => NUMBERS.has(field.kind);
export const isAmount = (field: RecordField): boolean =>
  field.kind === 'float' ||
  (isNumber(field) && AMOUNTS.has(field.format)) ||
  /(_ns|_us|_ms|latency|bytes|len|size|delta|duration)$/.test(field.name);

/** The leaves of all record types, each path once a stream. */
export function chartFields(run: RunSummary | null): ChartField[] {
  const found = new Map<string, ChartField>();
  const walk = (stream: string, fields: readonly RecordField[], prefix: string): void => {
    for (const field of fields) {
      const path = prefix === '' || field.name === '' ? prefix + field.name : `${prefix}.${field.name}`;
      if (field.kind === 'struct' || field.kind === 'union') walk(stream, field.fields ?? [], path);
      else if (field.format !== 'ktime' && !/^_*(pad|reserved|unused)\d*_*$/.test(field.name))
        found.set(`${stream}\n${path}`, { stream, path, field });
    }
  };
  for (const { stream, records } of run?.schemas ?? []) for (const record of records) walk(stream, record.fields, '');
  return [...found.values()];
}

const SECONDS = 300;

function made(look: ChartSpec['look'], source: ChartSpec['source']): ChartSpec {
  const id = JSON.stringify([look, source])
    .replace(/[^\w]+/g, '-')
    .slice(1, 60);
  return { id, title: '', look, wide: false, source };
}

const rows = (look: ChartSpec['look'], stream: string, spec: SummarySpec): ChartSpec =>
  made(look, { from: 'rows', stream, where: '', spec });

const series = (measure: Measure, by = ''): SummarySpec => ({ kind: 'series', measure, by, top: 6, seconds: SECONDS });
const RATE: Measure = { of: 'rate', field: '' };

/** The charts that a field can be made into, by what they are called in a menu. */
export function chartsOf({ stream, path, field }: ChartField): { label: string; chart: ChartSpec }[] {
  const name = path;
  const list: { label: string; chart: ChartSpec }[] = [];
  const add = (label: string, look: ChartSpec['look'], spec: SummarySpec): void =>
    void list.push({ label, chart: rows(look, stream, spec) });
  if (isNumber(field) && field.kind !== 'enum' && field.kind !== 'bool') {
    add(`Histogram of ${name}`, 'histogram', { kind: 'histogram', field: path, scale: 'log2' });
    add(`${name} over Time, Heatmap`, 'heatmap', { kind: 'heatmap', field: path, seconds: SECONDS });
    add(`${name} over Time, Average`, 'line', series({ of: 'avg', field: path }));
    add(`${name} over Time, 99th Percentile`, 'line', series({ of: 'p99', field: path }));
    add(`${name} over Time, Sum`, 'line', series({ of: 'sum', field: path }));
    add(`${name}, Newest Value`, 'gauge', series({ of: 'last', field: path }));
  }
  add(`Top Values of ${name}`, 'bars', {
    kind: 'groups',
    by: [path],
    measures: [
      { of: 'count', field: '' },
      { of: 'rate', field: '' },
    ],
    order: 0,
    top: 12,
  });
  add(`Rate by ${name}`, 'line', series(RATE, path));
  return list;
}

/** A map, or what a filter leaves of it, and the member of its values that is drawn ("" = none counts). */
export interface ChartedEntries {
  host: string;
  map: string;
  where: string;
  field: string;
  /** It holds histograms. */
  histogram: boolean;
}

/** The charts that the entries of a map can be made into, by what they are called in a menu. */
export function chartsOfMap({
  host,
  map,
  where,
  field,
  histogram,
}: ChartedEntries): { label: string; chart: ChartSpec }[] {
  const chart = (look: ChartSpec['look'], spec: MapSummarySpec): ChartSpec =>
    made(look, { from: 'map', host, map, where, spec });
  const list: { label: string; chart: ChartSpec }[] = [];
  if (histogram)
    list.push({ label: 'Slots over Time, Heatmap', chart: chart('heatmap', { kind: 'heatmap', seconds: SECONDS }) });
  if (field === '') return list;
  const lines = (of: 'value' | 'rate'): ChartSpec =>
    chart('line', { kind: 'series', field, of, top: 6, seconds: SECONDS });
  const bars = (of: 'value' | 'rate'): ChartSpec => chart('bars', { kind: 'groups', field, of, top: 12 });
  list.push(
    { label: `Rate of ${field} over Time`, chart: lines('rate') },
    { label: `${field} over Time`, chart: lines('value') },
    { label: `Top Entries by Rate of ${field}`, chart: bars('rate') },
    { label: `Top Entries by ${field}`, chart: bars('value') },
  );
  return list;
}

/** What can be added to a page: of all rows, of each field, of the programs' cost. */
export function addItems(run: RunSummary | null, add: (chart: ChartSpec) => void, showMaps: () => void): MenuItem[] {
  const streams = [...new Set((run?.schemas ?? []).map(({ stream }) => stream))];
  const items: MenuItem[] = streams.flatMap((stream) => {
    const suffix = streams.length > 1 ? ` of ${stream}` : '';
    return [
      { label: `Rows per Second${suffix}`, run: () => add(rows('line', stream, series(RATE))) },
      { label: `Rows per Second${suffix}, Gauge`, run: () => add(rows('gauge', stream, series(RATE))) },
    ];
  });
  if (streams.length === 0) items.push({ label: 'Rows per Second', run: () => add(rows('line', '', series(RATE))) });
  for (const field of chartFields(run)) {
    const charts = chartsOf(field);
    items.push({ kind: 'separator' });
    for (const { label, chart } of charts) items.push({ label, run: () => add(chart) });
  }
  items.push({ kind: 'separator' }, { label: 'Of a Map… (right-click it in the Maps panel)', run: showMaps });
  items.push({ kind: 'separator' });
  for (const [of, label] of [
    ['cpu', 'Cost: CPU Share'],
    ['nanos', 'Cost: Time per Run'],
    ['runs', 'Cost: Runs per Second'],
    ['missed', 'Cost: Missed Runs'],
  ] as const) {
    items.push({
      label,
      run: () => add({ id: `cost-${of}`, title: '', look: 'line', wide: false, source: { from: 'cost', of } }),
    });
  }
  return items;
}

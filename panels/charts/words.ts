import type { ChartSpec, CostOf, MapFigure, MapSummarySpec, Measure, SummarySpec } from '@ringside/core/model';

const MEASURES: Record<Measure['of'], string> = {
  count: 'Rows',
  rate: 'Rows per second',
  sum: 'Sum of',
  avg: 'Average',
  min: 'Least',
  max: 'Most',
  last: 'Newest',
  p50: 'Median',
  p90: '90th percentile of',
  p95: '95th percentile of',
  p99: '99th percentile of',
};
const COSTS: Record<CostOf, string> = {
  runs: 'Runs per second, each program',
  nanos: 'Time per run, each program',
  cpu: 'CPU share, each program',
  missed: 'Missed runs per second, each program',
};

/** "99th percentile of latency_ns" */
export function measureText({ of, field }: Measure): string {
  if (of === 'count' || of === 'rate') return MEASURES[of];
  return `${MEASURES[of]} ${field}`;
}

function specText(spec: SummarySpec): string {
  switch (spec.kind) {
    case 'groups':
      return `Top ${spec.by.map(name).join(', ')} by ${lower(measureText(spec.measures[spec.order] ?? { of: 'count', field: '' }))}`;
    case 'series':
      return measureText(spec.measure) + (spec.by === '' ? '' : `, by ${name(spec.by)}`);
    case 'histogram':
      return `How ${spec.field} is spread`;
    case 'heatmap':
      return `How ${spec.field} is spread, over time`;
  }
}

const name = (path: string): string => path.replace(/^@/, '');
const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** "value.bytes a second" */
export function figureText(of: MapFigure, field: string): string {
  if (of === 'value') return field === '' ? 'value' : field;
  return field === '' ? 'change a second' : `${field} a second`;
}

function mapText(map: string, spec: MapSummarySpec): string {
  switch (spec.kind) {
    case 'groups':
      return `${map}: top entries by ${figureText(spec.of, spec.field)}`;
    case 'series':
      return `${map}: ${figureText(spec.of, spec.field)}, ${spec.top === 1 ? 'the largest entry' : 'each entry'}`;
    case 'heatmap':
      return `${map}: how its slots fill, over time`;
  }
}

/** What a chart is called: as the user says, else after what it shows. */
export function chartTitle(chart: ChartSpec): string {
  if (chart.title !== '') return chart.title;
  const { source } = chart;
  if (source.from === 'cost') return COSTS[source.of];
  if (source.from === 'rows') return specText(source.spec);
  return mapText(source.map, source.spec) + (source.host === '' ? '' : ` (${source.host})`);
}

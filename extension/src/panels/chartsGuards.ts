/** What the charts page sends, checked before anything else looks at it. */
import type {
  ChartSpec,
  ChartsState,
  ChartsToHost,
  MapSummaryQuery,
  MapSummarySpec,
  Measure,
  SummaryQuery,
  SummarySpec,
} from '@ringside/core/model';
import { isCount, isFields, isText, texts, type Guard } from './guardParts.ts';

const CAPS = { name: 256, where: 4096, charts: 64, title: 300, path: 4096, copy: 8 << 20, by: 8, measures: 24 };
const LOOKS: readonly string[] = ['line', 'bars', 'histogram', 'heatmap', 'gauge'];
const COSTS: readonly string[] = ['runs', 'nanos', 'cpu', 'missed'];
const MEASURES: readonly string[] = ['count', 'rate', 'sum', 'avg', 'min', 'max', 'last', 'p50', 'p90', 'p95', 'p99'];

export const parseChartsToHost: Guard<ChartsToHost> = (value) => {
  if (!isFields(value)) return null;
  switch (value.type) {
    case 'ready':
    case 'reset':
    case 'maps':
      return { type: value.type };
    case 'copy':
      return isText(value.text, CAPS.copy) ? { type: 'copy', text: value.text } : null;
    case 'trace':
      return isText(value.where, CAPS.where) && isText(value.stream, CAPS.name)
        ? { type: 'trace', where: value.where, stream: value.stream }
        : null;
    case 'summary': {
      const query = parseSummaryQuery(value.query);
      return isCount(value.id) && query !== null ? { type: 'summary', id: value.id, query } : null;
    }
    case 'mapSummary': {
      const query = parseMapSummaryQuery(value.query);
      return isCount(value.id) && query !== null ? { type: 'mapSummary', id: value.id, query } : null;
    }
    case 'state': {
      const state = parseChartsState(value.state);
      return state === null ? null : { type: 'state', state };
    }
    default:
      return null;
  }
};

export const parseSummaryQuery: Guard<SummaryQuery> = (value) => {
  if (!isFields(value)) return null;
  const { runId, stream, where, since } = value;
  const spec = parseSummarySpec(value.spec);
  if (!isText(runId, CAPS.name) || !isText(stream, CAPS.name) || !isText(where, CAPS.where)) return null;
  return spec === null || !isCount(since) ? null : { runId, stream, where, spec, since };
};

const parseMapSummaryQuery: Guard<MapSummaryQuery> = (value) => {
  if (!isFields(value)) return null;
  const { runId, host, map, where, since } = value;
  const spec = parseMapSummarySpec(value.spec);
  if (!isText(runId, CAPS.name) || !isText(host, CAPS.name) || !isText(map, CAPS.name)) return null;
  return spec === null || !isText(where, CAPS.where) || !isCount(since)
    ? null
    : { runId, host, map, where, spec, since };
};

const parseMapSummarySpec: Guard<MapSummarySpec> = (value) => {
  if (!isFields(value)) return null;
  const { kind, field, of, top, seconds } = value;
  if (kind === 'heatmap') return isCount(seconds) ? { kind, seconds } : null;
  if (!isText(field, CAPS.name) || (of !== 'value' && of !== 'rate') || !isCount(top)) return null;
  if (kind === 'groups') return { kind, field, of, top };
  return kind === 'series' && isCount(seconds) ? { kind, field, of, top, seconds } : null;
};

export const parseMeasure: Guard<Measure> = (value) => {
  if (!isFields(value) || typeof value.of !== 'string' || !MEASURES.includes(value.of)) return null;
  return isText(value.field, CAPS.path) ? { of: value.of as Measure['of'], field: value.field } : null;
};

export const parseSummarySpec: Guard<SummarySpec> = (value) => {
  if (!isFields(value)) return null;
  switch (value.kind) {
    case 'groups': {
      const by = texts(value.by, CAPS.by, CAPS.path);
      if (by === null || by.length === 0 || !Array.isArray(value.measures)) return null;
      const measures = (value.measures as unknown[]).map(parseMeasure).filter((measure) => measure !== null);
      if (measures.length !== value.measures.length || measures.length > CAPS.measures) return null;
      if (!isCount(value.order) || !isCount(value.top)) return null;
      return { kind: 'groups', by, measures, order: value.order, top: value.top };
    }
    case 'series': {
      const measure = parseMeasure(value.measure);
      if (measure === null || !isText(value.by, CAPS.name) || !isCount(value.top) || !isCount(value.seconds))
        return null;
      return { kind: 'series', measure, by: value.by, top: value.top, seconds: value.seconds };
    }
    case 'histogram':
      if (!isText(value.field, CAPS.name) || (value.scale !== 'log2' && value.scale !== 'linear')) return null;
      return { kind: 'histogram', field: value.field, scale: value.scale };
    case 'heatmap':
      if (!isText(value.field, CAPS.name) || !isCount(value.seconds)) return null;
      return { kind: 'heatmap', field: value.field, seconds: value.seconds };
    default:
      return null;
  }
};

export const parseChartSpec: Guard<ChartSpec> = (value) => {
  if (!isFields(value)) return null;
  const { id, title, look, wide, source } = value;
  if (!isText(id, CAPS.name) || !isText(title, CAPS.title) || typeof wide !== 'boolean' || !isFields(source))
    return null;
  if (typeof look !== 'string' || !LOOKS.includes(look)) return null;
  const own = { id, title, look: look as ChartSpec['look'], wide };
  if (source.from === 'cost') {
    if (typeof source.of !== 'string' || !COSTS.includes(source.of)) return null;
    return { ...own, source: { from: 'cost', of: source.of as 'runs' } };
  }
  if (source.from === 'map') {
    const { host, map, where } = source;
    const shown = parseMapSummarySpec(source.spec);
    if (shown === null || !isText(host, CAPS.name) || !isText(map, CAPS.name) || !isText(where, CAPS.where))
      return null;
    return { ...own, source: { from: 'map', host, map, where, spec: shown } };
  }
  const spec = parseSummarySpec(source.spec);
  if (source.from !== 'rows' || spec === null) return null;
  if (!isText(source.stream, CAPS.name) || !isText(source.where, CAPS.where)) return null;
  return { ...own, source: { from: 'rows', stream: source.stream, where: source.where, spec } };
};

/** What a page keeps over a window reload; charts that are none are left out. */
export const parseChartsState: Guard<ChartsState> = (value) => {
  if (!isFields(value) || !Array.isArray(value.charts)) return null;
  if (!isText(value.runId, CAPS.name) || !isText(value.file, CAPS.path)) return null;
  const charts = (value.charts as unknown[]).slice(0, CAPS.charts).map(parseChartSpec);
  return { runId: value.runId, file: value.file, charts: charts.filter((chart) => chart !== null) };
};

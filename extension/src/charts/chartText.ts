/**
 * Charts in words, as a source's comments and a program's manifest name them:
 *   // ringside: chart rate by comm
 *   // ringside: chart histogram latency_ns linear "How long calls take" where ret == 0
 *   // ringside: chart map flows top value.bytes
 *   "charts": ["heatmap latency_ns", "top comm", "p99 latency_ns by comm", "gauge rate", "cost cpu"]
 */
import type { ChartSpec, MapSummarySpec, Measure, MeasureOf, SummarySpec } from '@ringside/core/model';

/** A chart, or why a text is none. */
export type ParsedChart = { chart: ChartSpec } | { problem: string };

const SPAN_SECONDS = 300;
const TOP = 6;
const FIELD = /^@?[A-Za-z_]\w*(?:\.\w+|\[\d+\])*$/;
const MEASURES: readonly MeasureOf[] = ['sum', 'avg', 'min', 'max', 'last', 'p50', 'p90', 'p95', 'p99'];
const COSTS = ['runs', 'nanos', 'cpu', 'missed'] as const;
const FORMS = 'rate, count, sum, avg, min, max, last, p50, p90, p95, p99, histogram, heatmap, top, gauge, map or cost';

/** Longest text; one that is longer is no chart. */
const LONGEST = 1000;

/** Reads a chart's words. */
export function parseChart(text: string): ParsedChart {
  if (text.length > LONGEST) return { problem: 'It is too long.' };
  const [, head = '', where = ''] = /^(.*?)(?:\s+where\s+(.*))?$/s.exec(text.trim()) ?? [];
  const title = /"([^"]*)"/.exec(head)?.[1] ?? '';
  const words = head
    .replace(/"[^"]*"/, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');
  const wide = words.at(-1) === 'wide';
  if (wide) words.pop();
  if (words[0] === 'map') {
    const made = ofMap(words.slice(1), where);
    return typeof made === 'string' ? { problem: made } : { chart: { id: idOf(text), title, wide, ...made } };
  }
  const stream = takeAfter(words, 'of') ?? '';
  const made = formOf(words);
  if (typeof made === 'string') return { problem: made };
  const source: ChartSpec['source'] =
    'cost' in made ? { from: 'cost', of: made.cost } : { from: 'rows', stream, where, spec: made.spec };
  return { chart: { id: idOf(text), title, look: made.look, wide, source } };
}

type Form = { look: ChartSpec['look']; spec: SummarySpec } | { look: 'line'; cost: (typeof COSTS)[number] };

function formOf(words: string[]): Form | string {
  const [kind = '', ...rest] = words;
  switch (kind) {
    case 'histogram':
      return histogram(rest);
    case 'heatmap':
      return onlyField(rest, kind) ?? { look: 'heatmap', spec: { kind, field: rest[0]!, seconds: SPAN_SECONDS } };
    case 'top':
      return top(rest);
    case 'gauge': {
      const made = line(rest);
      return typeof made === 'string' ? made : { ...made, look: 'gauge' };
    }
    case 'cost': {
      const of = COSTS.find((name) => name === rest[0]);
      return of === undefined || rest.length > 1
        ? `After "cost" stands one of ${COSTS.join(', ')}.`
        : { look: 'line', cost: of };
    }
    default:
      return line(words);
  }
}

/** map NAME [rate|value|gauge [FIELD]] | map NAME top [FIELD] [by rate|value] | map NAME heatmap, each [on HOST] */
function ofMap(words: string[], where: string): Pick<ChartSpec, 'look' | 'source'> | string {
  const host = takeAfter(words, 'on') ?? '';
  const by = takeAfter(words, 'by');
  const [map = '', form = 'rate', field = '', more] = words;
  if (map === '') return 'After "map" stands the name of a map.';
  const made = (look: ChartSpec['look'], spec: MapSummarySpec): Pick<ChartSpec, 'look' | 'source'> => ({
    look,
    source: { from: 'map', host, map, where, spec },
  });
  if (more !== undefined) return `"${more}" has no meaning here.`;
  if (field !== '' && !FIELD.test(field)) return `"${field}" is no member of a value.`;
  if (by !== undefined && form !== 'top') return '"by" stands after "top" alone.';
  switch (form) {
    case 'rate':
    case 'value':
      return made('line', { kind: 'series', field, of: form, top: TOP, seconds: SPAN_SECONDS });
    case 'gauge':
      return made('gauge', { kind: 'series', field, of: 'value', top: 1, seconds: SPAN_SECONDS });
    case 'top':
      if (by !== undefined && by !== 'rate' && by !== 'value')
        return `Entries are ordered by "rate" or "value", not "${by}".`;
      return made('bars', { kind: 'groups', field, of: by ?? 'rate', top: 12 });
    case 'heatmap':
      return field === ''
        ? made('heatmap', { kind: 'heatmap', seconds: SPAN_SECONDS })
        : `"${field}" has no meaning after "heatmap": it shows the slots of the map.`;
    default:
      return `"${form}" is no chart of a map: there are rate, value, top, heatmap and gauge.`;
  }
}

function histogram(rest: string[]): Form | string {
  const scale = rest[1] ?? 'log2';
  if (scale !== 'log2' && scale !== 'linear') return `A histogram is "log2" or "linear", not "${scale}".`;
  return (
    onlyField(rest.slice(0, 1).concat(rest.slice(2)), 'histogram') ?? {
      look: 'histogram',
      spec: { kind: 'histogram', field: rest[0]!, scale },
    }
  );
}

/** top FIELD[,FIELD…] [by MEASURE FIELD] */
function top(rest: string[]): Form | string {
  const at = rest.indexOf('by');
  const by = (rest[0] ?? '').split(',');
  if (!by.every((path) => FIELD.test(path)) || (at >= 0 && at !== 1))
    return 'After "top" stands a field, or several with commas between.';
  const measures: Measure[] = [{ of: 'count', field: '' }];
  if (at === 1) {
    const measure = measureOf(rest.slice(2));
    if (typeof measure === 'string') return measure;
    if (measure.of !== 'count') measures.unshift(measure);
  } else if (rest.length > 1) return `"${rest[1]}" has no meaning here.`;
  return { look: 'bars', spec: { kind: 'groups', by, measures, order: 0, top: 12 } };
}

/** MEASURE [FIELD] [by FIELD] */
function line(words: string[]): { look: 'line'; spec: SummarySpec } | string {
  const at = words.indexOf('by');
  const by = at < 0 ? '' : (words[at + 1] ?? '');
  if (at >= 0 && (!FIELD.test(by) || words.length > at + 2)) return 'After "by" stands one field.';
  const measure = measureOf(at < 0 ? words : words.slice(0, at));
  if (typeof measure === 'string') return measure;
  return { look: 'line', spec: { kind: 'series', measure, by, top: TOP, seconds: SPAN_SECONDS } };
}

function measureOf(words: string[]): Measure | string {
  const [of = '', field = '', more] = words;
  if (of === 'rate' || of === 'count')
    return field === '' ? { of, field: '' } : `"${field}" has no meaning after "${of}".`;
  const known = MEASURES.find((name) => name === of);
  if (known === undefined)
    return of === '' ? `It says not what to show: ${FORMS}.` : `"${of}" is no chart: there are ${FORMS}.`;
  if (!FIELD.test(field)) return `After "${of}" stands a field.`;
  return more === undefined ? { of: known, field } : `"${more}" has no meaning here.`;
}

function onlyField(rest: string[], kind: string): string | null {
  if (!FIELD.test(rest[0] ?? '')) return `After "${kind}" stands a field.`;
  return rest.length > 1 ? `"${rest[1]}" has no meaning here.` : null;
}

/** Takes "WORD X" out of the words and gives X. */
function takeAfter(words: string[], word: string): string | undefined {
  const at = words.indexOf(word);
  return at < 0 ? undefined : words.splice(at, 2)[1];
}

function idOf(text: string): string {
  return text
    .trim()
    .replace(/[^\w]+/g, '-')
    .slice(0, 60);
}

const COMMENT = /(?:\/\/|\/\*|^\s*\*)\s*ringside:\s*chart\b\s*(.*?)\s*(?:\*\/.*)?$/;
/** Most charts of one source, and most of it that is searched. */
const MOST_CHARTS = 24;
const MOST_SOURCE = 1 << 20;

/** The charts that a source's comments name, and what is wrong with those that are none. */
export function chartsOfSource(source: string): { charts: ChartSpec[]; problems: string[] } {
  const texts: { text: string; place: string }[] = [];
  for (const [i, line] of source.slice(0, MOST_SOURCE).split('\n').entries()) {
    const match = COMMENT.exec(line.trimEnd());
    if (match !== null) texts.push({ text: match[1]!, place: `line ${i + 1}` });
  }
  return parseAll(texts);
}

/** The charts that a manifest (manifest.json beside the source) names; nothing when it is of another source. */
export function chartsOfManifest(json: string, source: string): { charts: ChartSpec[]; problems: string[] } {
  let manifest: unknown;
  try {
    manifest = JSON.parse(json);
  } catch {
    return { charts: [], problems: [] };
  }
  if (typeof manifest !== 'object' || manifest === null || !('source' in manifest) || manifest.source !== source)
    return { charts: [], problems: [] };
  const named = 'charts' in manifest && Array.isArray(manifest.charts) ? (manifest.charts as unknown[]) : [];
  const texts = named.filter((text): text is string => typeof text === 'string');
  return parseAll(texts.map((text, i) => ({ text, place: `manifest.json, chart ${i + 1}` })));
}

function parseAll(texts: readonly { text: string; place: string }[]): { charts: ChartSpec[]; problems: string[] } {
  const charts: ChartSpec[] = [];
  const problems: string[] = [];
  for (const { text, place } of texts.slice(0, MOST_CHARTS)) {
    const parsed = parseChart(text);
    if ('problem' in parsed) problems.push(`${place}: ${parsed.problem}`);
    else if (charts.every(({ id }) => id !== parsed.chart.id)) charts.push(parsed.chart);
  }
  return { charts, problems };
}

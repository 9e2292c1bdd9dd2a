import { describe, expect, it } from 'vitest';
import { parseChartSpec } from '../panels/chartsGuards.ts';
import { chartsOfManifest, chartsOfSource, parseChart } from './chartText.ts';

const chart = (text: string) => {
  const parsed = parseChart(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  // What is made here must be what the page may keep.
  expect(parseChartSpec(parsed.chart)).toEqual(parsed.chart);
  return parsed.chart;
};
const problem = (text: string): string => {
  const parsed = parseChart(text);
  return 'problem' in parsed ? parsed.problem : 'none';
};

describe('charts in words', () => {
  it('are lines of a measure, split by a field or not', () => {
    expect(chart('rate')).toMatchObject({
      look: 'line',
      source: { stream: '', spec: { measure: { of: 'rate', field: '' }, by: '' } },
    });
    expect(chart('p99 latency_ns by comm')).toMatchObject({
      look: 'line',
      source: { spec: { kind: 'series', measure: { of: 'p99', field: 'latency_ns' }, by: 'comm' } },
    });
  });

  it('are histograms, heatmaps, bars, gauges and costs', () => {
    expect(chart('histogram latency_ns')).toMatchObject({ look: 'histogram', source: { spec: { scale: 'log2' } } });
    expect(chart('histogram hdr.size linear')).toMatchObject({
      source: { spec: { field: 'hdr.size', scale: 'linear' } },
    });
    expect(chart('heatmap latency_ns')).toMatchObject({ look: 'heatmap', source: { spec: { field: 'latency_ns' } } });
    expect(chart('top comm,pid by sum bytes')).toMatchObject({
      look: 'bars',
      source: { spec: { by: ['comm', 'pid'], measures: [{ of: 'sum', field: 'bytes' }, { of: 'count' }], order: 0 } },
    });
    expect(chart('gauge avg queue')).toMatchObject({ look: 'gauge', source: { spec: { measure: { of: 'avg' } } } });
    expect(chart('cost nanos')).toMatchObject({ look: 'line', source: { from: 'cost', of: 'nanos' } });
  });

  it('are of the entries of a map: over time, as bars, as the slots that it counts', () => {
    expect(chart('map flows')).toMatchObject({
      look: 'line',
      source: { from: 'map', host: '', map: 'flows', where: '', spec: { kind: 'series', field: '', of: 'rate' } },
    });
    expect(chart('map flows value value.bytes on web-1 "Sent" wide where key.port == 443')).toMatchObject({
      ...{ title: 'Sent', wide: true, look: 'line' },
      source: { host: 'web-1', where: 'key.port == 443', spec: { field: 'value.bytes', of: 'value' } },
    });
    expect(chart('map flows top value.bytes by value')).toMatchObject({
      look: 'bars',
      source: { spec: { kind: 'groups', field: 'value.bytes', of: 'value', top: 12 } },
    });
    expect(chart('map latency heatmap')).toMatchObject({ look: 'heatmap', source: { spec: { kind: 'heatmap' } } });
    expect(chart('map open gauge')).toMatchObject({ look: 'gauge', source: { spec: { of: 'value', top: 1 } } });
  });

  it('of a map say what is wrong with them', () => {
    expect(problem('map')).toContain('the name of a map');
    expect(problem('map flows pie')).toContain('"pie" is no chart of a map');
    expect(problem('map flows heatmap value')).toContain('no meaning after "heatmap"');
    expect(problem('map flows top by size')).toContain('not "size"');
    expect(problem('map flows rate a b')).toContain('"b" has no meaning');
    expect(problem('map flows rate by comm')).toContain('after "top" alone');
  });

  it('have a title, a stream, a filter and a width of their own', () => {
    expect(chart('rate by comm of events "Who opens files" wide where ret == 0 && comm ~ "^ng"')).toMatchObject({
      title: 'Who opens files',
      wide: true,
      source: { stream: 'events', where: 'ret == 0 && comm ~ "^ng"', spec: { by: 'comm' } },
    });
  });

  it('say what is wrong with them', () => {
    expect(problem('histogramm x')).toMatch(/"histogramm" is no chart: there are rate, count/);
    expect(problem('')).toMatch(/It says not what to show/);
    expect(problem('histogram')).toBe('After "histogram" stands a field.');
    expect(problem('histogram x cubic')).toMatch(/"log2" or "linear", not "cubic"/);
    expect(problem('p99')).toBe('After "p99" stands a field.');
    expect(problem('rate by')).toBe('After "by" stands one field.');
    expect(problem('cost euros')).toMatch(/After "cost" stands one of/);
    expect(problem('heatmap 12;drop')).toBe('After "heatmap" stands a field.');
  });
});

it('are found in the comments of a source, with the lines of those that are none', () => {
  const source = [
    '// ringside: chart rate by comm',
    'struct event { /* ringside: chart top comm */ };',
    '/*',
    ' * ringside: chart cost cpu */',
    'int x; // ringside: chart nonsense',
    '// ringside: other things are not ours',
  ].join('\r\n');
  const { charts, problems } = chartsOfSource(source);
  expect(charts.map(({ look, source }) => [look, source.from])).toEqual([
    ['line', 'rows'],
    ['bars', 'rows'],
    ['line', 'cost'],
  ]);
  expect(problems).toEqual([expect.stringMatching(/^line 5: "nonsense" is no chart/)]);
});

it('are taken from the manifest of this source, not of another one', () => {
  const json = JSON.stringify({ source: 'a.bpf.c', charts: ['rate', 'heatmap latency_ns', 7] });
  expect(chartsOfManifest(json, 'a.bpf.c').charts).toHaveLength(2);
  expect(chartsOfManifest(json, 'b.bpf.c').charts).toEqual([]);
  expect(chartsOfManifest('{', 'a.bpf.c').charts).toEqual([]);
});

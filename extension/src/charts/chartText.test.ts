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

import type { ChartSpec, RecordField, RunSummary } from '@ringside/core/model';
import { parseChart } from './chartText.ts';

const TIMES = new Set(['ns', 'us', 'ms', 's']);

/** What any program's page begins with: how many rows, whose, how long, and what it costs. */
export function defaultCharts(run: RunSummary | undefined): ChartSpec[] {
  const schema = run?.schemas[0];
  const leaves = (schema?.records ?? []).flatMap(({ fields }) => fields.flatMap((field) => leavesOf(field, '')));
  const text =
    leaves.find(({ field }) => field.kind === 'chars' && field.size <= 64) ??
    leaves.find(({ field }) => field.kind === 'enum');
  const time = leaves.find(({ field }) => TIMES.has(field.format) && field.kind !== 'struct');
  const amount = time ?? leaves.find(({ field }) => field.format === 'bytes');
  const texts = [
    schema === undefined ? '' : 'rate',
    text === undefined ? '' : `top ${text.path}`,
    amount === undefined ? '' : `heatmap ${amount.path}`,
    'cost cpu',
    'cost nanos',
  ];
  return texts.flatMap((words) => {
    const parsed = words === '' ? null : parseChart(words);
    return parsed !== null && 'chart' in parsed ? [parsed.chart] : [];
  });
}

function leavesOf(field: RecordField, prefix: string): { path: string; field: RecordField }[] {
  const path = prefix === '' || field.name === '' ? prefix + field.name : `${prefix}.${field.name}`;
  if (field.kind !== 'struct' && field.kind !== 'union') return [{ path, field }];
  return (field.fields ?? []).flatMap((member) => leavesOf(member, path));
}

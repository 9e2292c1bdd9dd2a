import type { ChartSpec, MapSummarySpec, SummarySpec } from '@ringside/core/model';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { count, visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import type { MenuItem } from '../shared/menu.tsx';
import { valueFilter } from '../shared/filters.ts';
import { Bars } from './bars.tsx';
import { markClass } from './colors.ts';
import { costLines } from './costs.ts';
import { Heatmap } from './heatmap.tsx';
import { LineChart, type LineData } from './lineChart.tsx';
import { type ChartData, plotOf } from './merge.ts';
import { type ChartsModel, EMPTY } from './state.ts';
import { csvOf, tableOf } from './table.ts';
import { DataTable } from './dataTable.tsx';
import { type GroupsData, groupsMeaning, seriesMeaning } from './meaning.ts';
import { costFormat, type Format, formatOf, slotText } from './units.ts';
import { chartTitle } from './words.ts';

export interface CardProps {
  model: ChartsModel;
  chart: ChartSpec;
  openMenu: (label: string, opener: HTMLElement, items: () => MenuItem[]) => void;
}

/** One chart of the page, with its menu; as a picture or as a table. */
export function Card({ model, chart, openMenu }: CardProps): JSX.Element {
  const [asTable, setAsTable] = useState(false);
  const title = chartTitle(chart);
  const view = model.views.value[chart.id] ?? EMPTY;
  const where = chart.source.from === 'cost' ? '' : chart.source.where;
  const items = (): MenuItem[] => menuOf(model, chart, asTable, setAsTable);
  const table = asTable ? tableOf(chart, view.data, model.costs.value) : null;
  return (
    <section class={`card ${chart.wide ? 'wide' : ''} look-${chart.look}`} aria-label={visible(title, 200)}>
      <header>
        <h2 title={visible(title, 500)}>{visible(title, 200)}</h2>
        {where !== '' && <span class="where">{visible(where, 200)}</span>}
        <IconButton
          icon={asTable ? 'graph-line' : 'table'}
          label={asTable ? `Show ${title} as a chart` : `Show ${title} as a table`}
          onPress={() => setAsTable(!asTable)}
        />
        <IconButton icon="ellipsis" label={`More for ${title}`} onPress={(opener) => openMenu(title, opener, items)} />
      </header>
      {view.error !== null ? (
        <div class="trouble" role="alert">
          <span class="codicon codicon-warning" aria-hidden="true" />
          <div>
            <div>{visible(view.error.message, 1000)}</div>
            {view.error.remedy !== '' && <div class="quiet">{visible(view.error.remedy, 1000)}</div>}
          </div>
        </div>
      ) : table !== null ? (
        <DataTable caption={title} table={table} />
      ) : chart.source.from === 'cost' ? (
        <CostBody model={model} chart={chart} title={title} />
      ) : view.data === null ? (
        <div class="waiting">Counting…</div>
      ) : (
        <Body model={model} chart={chart} title={title} data={view.data} idleMs={Date.now() - view.changedAt} />
      )}
      <Foot data={view.data} />
    </section>
  );
}

/** What the picture leaves out: rows that could not be counted are named. */
function Foot({ data }: { data: ChartData | null }): JSX.Element | null {
  if (data === null) return null;
  const early = 'early' in data.data ? data.data.early : 0;
  const notes = [
    data.partial ? `${count(data.counted)} rows so far…` : '',
    data.missed > 0 ? `${count(data.missed)} rows had left the store before they were counted` : '',
    entriesNote(data.data),
    early > 0 ? `${count(early)} rows are older than this chart reaches` : '',
  ].filter((note) => note !== '');
  return notes.length === 0 ? null : <footer class="quiet">{notes.join(' · ')}</footer>;
}

/** Lines are of the largest entries alone. */
function entriesNote(data: ChartData['data']): string {
  if (data.kind !== 'series' || data.entries === undefined || data.entries <= data.lines.length) return '';
  const largest = data.lines.length === 1 ? 'the largest' : `the largest ${count(data.lines.length)}`;
  return `${largest} of ${count(data.entries)} entries`;
}

function menuOf(
  model: ChartsModel,
  chart: ChartSpec,
  asTable: boolean,
  setAsTable: (asTable: boolean) => void,
): MenuItem[] {
  const { source } = chart;
  const spans = (seconds: number, respan: (seconds: number) => void): MenuItem[] =>
    SPANS.map(([span, label]) => ({ label, checked: seconds === span, run: () => respan(span) }));
  const items: MenuItem[] = [
    { label: asTable ? 'Show as Chart' : 'Show as Table', run: () => setAsTable(!asTable) },
    {
      label: 'Copy as CSV',
      run: () => {
        const table = tableOf(chart, model.views.value[chart.id]?.data ?? null, model.costs.value);
        if (table !== null) model.copyText(csvOf(table));
      },
    },
  ];
  const respec = (spec: SummarySpec): void => {
    if (source.from === 'rows') model.change(chart.id, { source: { ...source, spec } });
  };
  if (source.from === 'rows') {
    const { spec } = source;
    items.push({ label: 'Show Its Rows', run: () => model.showRows(source.stream, source.where) });
    if (spec.kind === 'histogram') {
      items.push(
        { kind: 'separator' },
        { label: 'Powers of Two', checked: spec.scale === 'log2', run: () => respec({ ...spec, scale: 'log2' }) },
        { label: 'Equal Widths', checked: spec.scale === 'linear', run: () => respec({ ...spec, scale: 'linear' }) },
      );
    }
    if (spec.kind === 'series' || spec.kind === 'heatmap') {
      items.push({ kind: 'separator' }, ...spans(spec.seconds, (seconds) => respec({ ...spec, seconds })));
    }
  }
  if (source.from === 'map') {
    const { spec } = source;
    const respecMap = (changed: MapSummarySpec): void =>
      model.change(chart.id, { source: { ...source, spec: changed } });
    items.push({ label: 'Show the Run’s Maps', run: () => model.showMaps() });
    if (spec.kind !== 'heatmap') {
      items.push(
        { kind: 'separator' },
        { label: 'Change a Second', checked: spec.of === 'rate', run: () => respecMap({ ...spec, of: 'rate' }) },
        { label: 'Value', checked: spec.of === 'value', run: () => respecMap({ ...spec, of: 'value' }) },
      );
    }
    if (spec.kind !== 'groups')
      items.push({ kind: 'separator' }, ...spans(spec.seconds, (seconds) => respecMap({ ...spec, seconds })));
  }
  items.push(
    { kind: 'separator' },
    { label: 'Whole Width', checked: chart.wide, run: () => model.change(chart.id, { wide: !chart.wide }) },
    { label: 'Move Earlier', run: () => model.move(chart.id, -1) },
    { label: 'Move Later', run: () => model.move(chart.id, 1) },
    { kind: 'separator' },
    { label: 'Remove', run: () => model.remove(chart.id) },
  );
  return items;
}

const SPANS = [
  [75, 'Last Minute'],
  [300, 'Last 5 Minutes'],
  [1800, 'Last 30 Minutes'],
  [0, 'Whole Run'],
] as const;

interface BodyProps {
  model: ChartsModel;
  chart: ChartSpec;
  title: string;
  data: ChartData;
  idleMs: number;
}

function Body({ model, chart, title, data: { data }, idleMs }: BodyProps): JSX.Element {
  if (data.kind === 'series') {
    // Without a row there is no time to show it at.
    if (data.end === 0) return <div class="waiting">Nothing has come yet.</div>;
    const { format, counts, filling } = seriesMeaning(chart, data);
    const plot = plotOf(data, model.live && filling, idleMs, counts);
    if (chart.look === 'gauge') return <Gauge title={title} plot={plot} format={format} />;
    return <Lines data={named(plot.lines, plot.xs)} format={format} title={title} />;
  }
  if (data.kind === 'groups') return <Groups {...{ model, chart, title, data }} />;
  if (data.kind === 'histogram') {
    const format = formatOf('avg', data.field);
    const { p50, p90, p99 } = data.percentiles;
    return (
      <>
        <div class="figures">
          <span>{count(data.measured)} values</span>
          <span>least {format(data.least)}</span>
          <span>median {format(p50)}</span>
          <span>p90 {format(p90)}</span>
          <span>p99 {format(p99)}</span>
          <span>most {format(data.most)}</span>
        </div>
        <Bars
          caption={title}
          heads={['value', 'count']}
          bars={data.slots.map(({ low, high, count: hits }) => ({
            label: slotText(low, high, format),
            size: hits,
            texts: [count(hits)],
          }))}
        />
      </>
    );
  }
  const format = formatOf('avg', data.field);
  return <Heatmap data={data} format={format} label={`${title}. The table has its numbers.`} />;
}

function named(lines: { label: string; rest: boolean; ys: (number | null)[] }[], xs: number[]): LineData {
  return { xs, lines: lines.map(({ label, rest, ys }) => ({ label: rest ? 'all others' : label, ys })) };
}

function Groups({ model, chart, title, data }: Omit<BodyProps, 'data' | 'idleMs'> & { data: GroupsData }): JSX.Element {
  const { by, heads, formats, order } = groupsMeaning(chart, data);
  const stream = chart.source.from === 'rows' ? chart.source.stream : null;
  const bars = data.rows.map((row) => {
    const filters = by.map((path, i) => valueFilter(path, data.by[i]?.kind ?? null, row.values[i] ?? null, '=='));
    const where = filters.every((filter) => filter !== null) ? filters.join(' && ') : null;
    return {
      label: row.texts.map((text) => (text === '' ? '(empty)' : text)).join(' · '),
      size: row.measures[order] ?? 0,
      texts: row.measures.map((value, i) => formats[i]!(value)),
      ...(where === null || stream === null ? {} : { onPress: () => model.showRows(stream, where) }),
    };
  });
  const more = data.groups - data.rows.length;
  return (
    <>
      <Bars caption={title} heads={[by.join(' · '), ...heads]} bars={bars} />
      {(more > 0 || data.restRows > 0) && (
        <div class="quiet more">
          {more > 0 && `and ${count(more)} more ${stream === null ? 'entries' : 'values'}`}
          {data.restRows > 0 && ` ${count(data.restRows)} rows of values beyond the limit`}
        </div>
      )}
    </>
  );
}

function CostBody({ model, chart, title }: { model: ChartsModel; chart: ChartSpec; title: string }): JSX.Element {
  if (chart.source.from !== 'cost') return <div />;
  const data = costLines(model.costs.value, chart.source.of);
  if (data.lines.every(({ ys }) => ys.every((y) => y === null))) {
    return (
      <div class="waiting">{data.lines.length === 0 ? 'Counting…' : 'The kernel of the host does not tell this.'}</div>
    );
  }
  return <Lines data={data} format={costFormat(chart.source.of)} title={title} />;
}

/** Lines and what they are: the legend has the newest values, or those under the pointer. */
function Lines({ data, format, title }: { data: LineData; format: Format; title: string }): JSX.Element {
  const [under, setUnder] = useState<(number | null)[] | null>(null);
  const newest = data.lines.map(({ ys }) => ys.at(-1) ?? null);
  const values = under ?? newest;
  const words = data.lines
    .map(({ label }, i) => `${label === '' ? 'now' : label} ${format(newest[i] ?? null)}`)
    .join(', ');
  return (
    <>
      <LineChart
        data={data}
        format={format}
        label={`${title}: ${words}. The table has its numbers.`}
        hover={(at) => setUnder(at?.values ?? null)}
      />
      <ul class="legend">
        {data.lines.map(({ label }, i) => (
          <li key={i}>
            <span class={markClass(i)} aria-hidden="true" />
            {label !== '' && <span class="legend-name">{visible(label, 100)}</span>}
            <b>{format(values[i] ?? null)}</b>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The newest value, large, and between which it was. */
function Gauge({
  title,
  plot,
  format,
}: {
  title: string;
  plot: ReturnType<typeof plotOf>;
  format: Format;
}): JSX.Element {
  const values = (plot.lines[0]?.ys ?? []).filter((value) => value !== null);
  const now = values.at(-1) ?? null;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const part = now === null || most <= 0 ? 0 : Math.max(0, now) / most;
  return (
    <div class="gauge">
      <div class="gauge-now">{format(now)}</div>
      <div
        class="gauge-track"
        role="meter"
        aria-label={title}
        aria-valuenow={now ?? 0}
        aria-valuemin={Math.min(0, values.length === 0 ? 0 : least)}
        aria-valuemax={values.length === 0 ? 1 : Math.max(most, 1e-9)}
        aria-valuetext={format(now)}
      >
        <span style={{ width: `${100 * part}%` }} />
      </div>
      <div class="quiet">{values.length === 0 ? 'no value yet' : `between ${format(least)} and ${format(most)}`}</div>
    </div>
  );
}

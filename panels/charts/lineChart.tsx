import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock } from '../shared/format.ts';
import { chartColors, dashOf, onThemeChange } from './colors.ts';
import { type Format, tickTexts } from './units.ts';

export interface LineData {
  xs: number[];
  lines: { label: string; ys: (number | null)[] }[];
}

export interface LineChartProps {
  data: LineData;
  format: Format;
  label: string;
  /** The values under the pointer, by line; null when it has left. */
  hover: (at: { x: number; values: (number | null)[] } | null) => void;
}

/** Lines over time, drawn by uPlot. What it shows can be read in the table, which the chart's menu opens. */
export function LineChart({ data, format, label, hover }: LineChartProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const latest = useRef({ data, format, hover });
  latest.current = { data, format, hover };
  const names = data.lines.map((line) => line.label).join('\n');

  useEffect(() => {
    const element = box.current!;
    const make = (): void => {
      plot.current?.destroy();
      plot.current = new UPlot(options(element, latest), aligned(latest.current.data), element);
    };
    make();
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width > 0 && height > 0) plot.current?.setSize({ width, height });
    });
    observer.observe(element);
    const stopTheme = onThemeChange(make);
    return () => {
      stopTheme();
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names]);

  useEffect(() => {
    if (plot.current?.series.length === data.lines.length + 1) plot.current.setData(aligned(data));
  }, [data]);

  return <div ref={box} class="plot" role="img" aria-label={label} />;
}

function aligned({ xs, lines }: LineData): UPlot.AlignedData {
  return [xs, ...lines.map(({ ys }) => ys)];
}

function options(
  element: HTMLElement,
  latest: { current: Pick<LineChartProps, 'data' | 'format' | 'hover'> },
): UPlot.Options {
  const colors = chartColors(element);
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const axis = {
    stroke: colors.quiet,
    font,
    grid: { stroke: colors.grid, width: 1, dash: [2, 4] },
    ticks: { show: false },
  };
  return {
    width: Math.max(100, element.clientWidth),
    height: Math.max(60, element.clientHeight),
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 5 } },
    padding: [8, 26, 0, 0],
    scales: {
      x: { time: true },
      // Lines of counts begin at 0: a chart that cuts its foot off makes ripples look like waves.
      y: { range: (_plot, least, most) => [Math.min(0, least), most > 0 ? most * 1.05 : least < 0 ? 0 : 1] },
    },
    axes: [
      { ...axis, size: 22, values: (_plot, ticks) => ticks.map((seconds) => clock(seconds * 1000)), space: 70 },
      { ...axis, size: 64, values: (_plot, ticks) => tickTexts(ticks, latest.current.format), space: 26 },
    ],
    series: [
      {},
      ...latest.current.data.lines.map(({ label }, i) => ({
        label,
        stroke: colors.lines[i % colors.lines.length]!,
        width: 1.5,
        dash: dashOf(i),
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const at = plot.cursor.idx ?? null;
          const { data, hover } = latest.current;
          const x = at === null ? undefined : data.xs[at];
          hover(at === null || x === undefined ? null : { x, values: data.lines.map(({ ys }) => ys[at] ?? null) });
        },
      ],
    },
  };
}

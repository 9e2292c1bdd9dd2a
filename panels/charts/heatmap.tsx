import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, count } from '../shared/format.ts';
import { chartColors, onThemeChange } from './colors.ts';
import type { HeatmapData } from './merge.ts';
import { type Format, slotText } from './units.ts';

const LEFT = 64;
const BOTTOM = 22;

export interface HeatmapProps {
  data: HeatmapData;
  format: Format;
  label: string;
}

/** How often each size came, over time: the more, the stronger the colour (by the logarithm, so that rare ones show). */
export function Heatmap({ data, format, label }: HeatmapProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [under, setUnder] = useState('');
  const latest = useRef({ data, format });
  latest.current = { data, format };

  useEffect(() => {
    const element = canvas.current!;
    const draw = (): void => paint(element, latest.current.data, latest.current.format);
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    const stopTheme = onThemeChange(draw);
    return () => {
      observer.disconnect();
      stopTheme();
    };
  }, []);
  useEffect(() => paint(canvas.current!, data, format), [data]);

  return (
    <div class="plot heat">
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        onPointerMove={(event) => setUnder(noteAt(event.currentTarget, event, data, format))}
        onPointerLeave={() => setUnder('')}
      />
      {under !== '' && <div class="under">{under}</div>}
    </div>
  );
}

interface Layout {
  columns: number;
  cellWidth: number;
  cellHeight: number;
  width: number;
  height: number;
}

function layoutOf(canvas: HTMLCanvasElement, data: HeatmapData): Layout {
  const width = Math.max(1, canvas.clientWidth - LEFT - 8);
  const height = Math.max(1, canvas.clientHeight - BOTTOM - 4);
  // A young run does not fill the whole width with a few large blocks.
  const columns = Math.max(60, data.end - data.first);
  return { columns, cellWidth: width / columns, cellHeight: height / Math.max(1, data.slots.length), width, height };
}

function paint(canvas: HTMLCanvasElement, data: HeatmapData, format: Format): void {
  const context = canvas.getContext('2d');
  const { clientWidth, clientHeight } = canvas;
  if (context === null || clientWidth === 0 || clientHeight === 0) return;
  const scale = devicePixelRatio;
  canvas.width = Math.round(clientWidth * scale);
  canvas.height = Math.round(clientHeight * scale);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  const colors = chartColors(canvas);
  const { columns, cellWidth, cellHeight, width, height } = layoutOf(canvas, data);
  const first = data.end - columns;
  const least = data.slots[0]?.slot ?? 0;
  let most = 1;
  for (let i = 2; i < data.cells.length; i += 3) most = Math.max(most, data.cells[i]!);
  context.fillStyle = colors.lines[0]!;
  for (let i = 0; i < data.cells.length; i += 3) {
    const [bucket, slot, hits] = [data.cells[i]!, data.cells[i + 1]!, data.cells[i + 2]!];
    context.globalAlpha = 0.12 + 0.88 * (Math.log1p(hits) / Math.log1p(most));
    const x = LEFT + (bucket - first) * cellWidth;
    const y = 4 + height - (slot - least + 1) * cellHeight;
    context.fillRect(x, y, Math.max(1, cellWidth), Math.max(1, cellHeight - (cellHeight > 4 ? 1 : 0)));
  }
  context.globalAlpha = 1;
  context.fillStyle = colors.quiet;
  context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const every = Math.max(1, Math.ceil((data.slots.length * 16) / height));
  data.slots.forEach(({ low }, i) => {
    if (i % every === 0) context.fillText(format(low), LEFT - 6, 4 + height - (i + 0.5) * cellHeight);
  });
  const ticks = Math.max(1, Math.floor(width / 110));
  context.textAlign = 'center';
  for (let tick = 0; tick < ticks; tick++) {
    const part = (tick + 0.5) / ticks;
    context.fillText(clock((first + part * columns) * data.width), LEFT + part * width, clientHeight - BOTTOM / 2);
  }
}

function noteAt(canvas: HTMLCanvasElement, event: PointerEvent, data: HeatmapData, format: Format): string {
  const { columns, cellWidth, cellHeight, height } = layoutOf(canvas, data);
  const bucket = data.end - columns + Math.floor((event.offsetX - LEFT) / cellWidth);
  const slot = data.slots[Math.floor((4 + height - event.offsetY) / cellHeight)];
  if (slot === undefined || event.offsetX < LEFT) return '';
  let hits = 0;
  for (let i = 0; i < data.cells.length; i += 3)
    if (data.cells[i] === bucket && data.cells[i + 1] === slot.slot) hits = data.cells[i + 2]!;
  return `${clock(bucket * data.width)}  ${slotText(slot.low, slot.high, format)}: ${count(hits)}`;
}

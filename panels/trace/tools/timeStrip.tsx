import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, rate } from '../../shared/format.ts';
import { IconButton } from '../../shared/iconButton.tsx';
import type { TraceState } from '../state.ts';
import { isLive } from '../status.ts';
import type { TimeRange } from './range.ts';
import type { RowTools } from './rowTools.ts';
import { barsOf, moved, shareOf, timeAt, type RateSeries, type StripMove } from './stripScale.ts';

const HEIGHT = 24;
const ASK_EVERY_MS = 1000;
/** A press that moves less than this share of the strip is no range. */
const LEAST_DRAG = 0.004;
const TABLE_PARTS = 12;

/** Rows a second over all that is kept. A range that is dragged or made with keys filters the rows. */
export function TimeStrip({ state, tools }: { state: TraceState; tools: RowTools }): JSX.Element | null {
  const [zoom, setZoom] = useState<TimeRange | null>(null);
  useRates(state, tools);
  const series = barsOf(tools.rates.value, zoom) ?? barsOf(tools.rates.value, null);
  const range = tools.range.value;
  if (series === null) return null;
  const reset = (): void => {
    setZoom(null);
    if (range !== null) tools.setRange(null);
  };
  return (
    <section class="strip" aria-label="Time range">
      <Brush series={series} tools={tools} zoom={setZoom} reset={reset} />
      <span class="strip-span" aria-hidden="true">
        {clock(series.from)} – {clock(series.to)}
      </span>
      {range !== null && (
        <span class="chip">
          <span>
            {clock(range.from)} – {clock(range.to)}
          </span>
          <button
            type="button"
            title="Show rows of all times (Escape in the strip)"
            onClick={() => tools.setRange(null)}
          >
            <span class="codicon codicon-close" aria-hidden="true" />
            <span class="only-read">Show rows of all times</span>
          </button>
        </span>
      )}
      {range !== null && zoom === null && (
        <IconButton icon="search" label="Zoom to the range" onPress={() => setZoom(range)} />
      )}
      {zoom !== null && <IconButton icon="discard" label="Show all of the time" onPress={() => setZoom(null)} />}
      <RateTable series={series} />
    </section>
  );
}

function useRates(state: TraceState, tools: RowTools): void {
  const stream = state.shownStream.value;
  useEffect(() => {
    if (stream === '') return undefined;
    void tools.refreshRates();
    const timer = setInterval(() => {
      // An ended run has no new rows; while it is still being counted its figures go on.
      const rest = !isLive(state.run.value) && tools.rates.value?.partial === false;
      if (!document.hidden && !rest) void tools.refreshRates();
    }, ASK_EVERY_MS);
    return () => clearInterval(timer);
  }, [stream, state.run.value?.id]);
}

interface BrushProps {
  series: RateSeries;
  tools: RowTools;
  zoom: (range: TimeRange | null) => void;
  reset: () => void;
}

function Brush({ series, tools, zoom, reset }: BrushProps): JSX.Element {
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const range = drag === null ? tools.range.value : rangeOf(series, drag);
  const at = (event: PointerEvent): number => {
    const { left, width } = box.current!.getBoundingClientRect();
    return (event.clientX - left) / Math.max(1, width);
  };
  const release = (): void => {
    if (drag !== null && Math.abs(drag.to - drag.from) > LEAST_DRAG) tools.setRange(rangeOf(series, drag));
    setDrag(null);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = keyMove(event);
    if (move !== null) tools.setRange(moved(tools.range.value, move, series));
    else if (event.key === 'Escape' || event.key === 'Delete') tools.setRange(null);
    else if (event.key === '+' || event.key === '=') zoom(tools.range.value);
    else if (event.key === '-') zoom(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const words =
    range === null ? `all: ${clock(series.from)} to ${clock(series.to)}` : `${clock(range.from)} to ${clock(range.to)}`;
  return (
    <div
      ref={box}
      class="brush"
      role="slider"
      tabIndex={0}
      aria-label="Range of time"
      aria-valuemin={0}
      aria-valuemax={1000}
      aria-valuenow={Math.round(1000 * shareOf(series, range?.from ?? series.from))}
      aria-valuetext={words}
      title="Drag a range, or use the arrow keys (with Shift for its length); + zooms, Escape or a double click shows all"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        box.current!.setPointerCapture(event.pointerId);
        setDrag({ from: at(event), to: at(event) });
      }}
      onPointerMove={(event) => {
        if (drag !== null) setDrag({ from: drag.from, to: at(event) });
      }}
      onPointerUp={release}
      onPointerCancel={() => setDrag(null)}
      onDblClick={reset}
      onKeyDown={onKeyDown}
    >
      <Bars series={series} tools={tools} range={range} />
    </div>
  );
}

function rangeOf(series: RateSeries, { from, to }: { from: number; to: number }): TimeRange {
  const [low, high] = [timeAt(series, Math.min(from, to)), timeAt(series, Math.max(from, to))];
  return { from: low, to: Math.max(high, low + 1) };
}

function keyMove({ key, shiftKey, ctrlKey, metaKey, altKey }: KeyboardEvent): StripMove | null {
  if (ctrlKey || metaKey || altKey) return null;
  if (key === 'ArrowLeft') return shiftKey ? 'shrink' : 'left';
  if (key === 'ArrowRight') return shiftKey ? 'grow' : 'right';
  if (key === 'Home') return 'first';
  return key === 'End' ? 'last' : null;
}

interface BarsProps {
  series: RateSeries;
  tools: RowTools;
  range: TimeRange | null;
}

/** The bars in a box of as many units as there are bars; what has left the store is drawn paler. */
function Bars({ series, tools, range }: BarsProps): JSX.Element {
  const count = series.rates.length;
  const top = Math.max(...series.rates, 1e-9);
  const bars = series.rates
    .map((value, i) =>
      value === 0
        ? ''
        : `M${i} ${HEIGHT}V${(HEIGHT - Math.max(1, (HEIGHT - 1) * (value / top))).toFixed(1)}H${i + 1}V${HEIGHT}Z`,
    )
    .join('');
  const place = (time: number): number => count * shareOf(series, time);
  const gone = tools.oldest.value === null ? 0 : place(tools.oldest.value);
  const marks = tools.bookmarks.value.map(({ time }) => Number(BigInt(time) / 1_000_000n));
  return (
    <svg viewBox={`0 0 ${count} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="bars" d={bars} />
      {gone > 0 && <rect class="gone" x="0" y="0" width={gone} height={HEIGHT} />}
      {range !== null && (
        <rect
          class="range"
          x={place(range.from)}
          y="0"
          width={Math.max(0.2, place(range.to) - place(range.from))}
          height={HEIGHT}
        />
      )}
      {marks
        .filter((time) => time >= series.from && time <= series.to)
        .map((time) => (
          <path key={time} class="mark" d={`M${place(time)} 0V${HEIGHT}`} />
        ))}
    </svg>
  );
}

function RateTable({ series }: { series: RateSeries }): JSX.Element {
  const size = Math.ceil(series.rates.length / TABLE_PARTS);
  const parts = Array.from({ length: Math.ceil(series.rates.length / size) }, (_, i) => {
    const rates = series.rates.slice(i * size, (i + 1) * size);
    return { from: series.from + i * size * series.width, rate: rates.reduce((a, b) => a + b) / rates.length };
  });
  return (
    <table class="only-read">
      <caption>Records per second over all that is kept</caption>
      <tbody>
        {parts.map((part) => (
          <tr key={part.from}>
            <th scope="row">from {clock(part.from)}</th>
            <td>{rate(part.rate)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

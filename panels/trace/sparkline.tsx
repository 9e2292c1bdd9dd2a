import type { JSX } from 'preact';
import { clock, rate } from '../shared/format.ts';
import { ratePath, rateTable, spanOf } from './rates.ts';
import type { TraceState } from './state.ts';

const WIDTH = 300;
const HEIGHT = 20;
const TABLE_PARTS = 10;

/** The rate of the last minutes as a line; as a table for those who do not see it. */
export function SparkLine({ state }: { state: TraceState }): JSX.Element | null {
  const samples = state.rates.value;
  const last = samples.at(-1);
  if (last === undefined) return null;
  const now = last.at;
  const span = spanOf(samples, now);
  const line = ratePath(samples, now, span, WIDTH, HEIGHT);
  const words = span < 60_000 ? `${span / 1000} s` : `${span / 60_000} min`;
  const peak = Math.max(...samples.map((sample) => sample.rate));
  const lowest = Math.min(...samples.map((sample) => sample.rate));
  const summary = `Records per second, last ${words}: now ${rate(last.rate)}, peak ${rate(peak)}, lowest ${rate(lowest)}`;
  return (
    <figure class="spark" title={summary}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 1}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        <path class="base" d={`M0 ${HEIGHT + 0.5}L${WIDTH} ${HEIGHT + 0.5}`} />
        <path class="line" d={line} />
      </svg>
      <span class="peak" aria-hidden="true">
        {words}
        {peak > 0 && `, peak ${rate(peak)}`}
      </span>
      <RateTable now={now} span={span} rates={rateTable(samples, now, span, TABLE_PARTS)} />
    </figure>
  );
}

function RateTable({ now, span, rates }: { now: number; span: number; rates: (number | null)[] }): JSX.Element {
  const part = span / rates.length;
  return (
    <table class="only-read">
      <caption>Average records per second</caption>
      <tbody>
        {rates.map((value, i) => (
          <tr key={i}>
            <th scope="row">from {clock(now - span + i * part)}</th>
            <td>{value === null ? 'unknown' : rate(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

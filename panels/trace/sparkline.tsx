import type { JSX } from 'preact';
import { clock, rate } from '../shared/format.ts';
import { RATE_SPAN_MS, ratePath, rateTable } from './rates.ts';
import type { TraceState } from './state.ts';

const WIDTH = 300;
const HEIGHT = 20;
const TABLE_PARTS = 10;

/** The rate of the last five minutes as a line; as a table for those who do not see it. */
export function SparkLine({ state }: { state: TraceState }): JSX.Element | null {
  const samples = state.rates.value;
  const last = samples.at(-1);
  if (last === undefined) return null;
  const now = last.at;
  const line = ratePath(samples, now, WIDTH, HEIGHT);
  const peak = Math.max(...samples.map((sample) => sample.rate));
  const lowest = Math.min(...samples.map((sample) => sample.rate));
  const summary = `Records per second, last 5 minutes: now ${rate(last.rate)}, peak ${rate(peak)}, lowest ${rate(lowest)}`;
  return (
    <figure class="spark" title={summary}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 1}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        <path class="base" d={`M0 ${HEIGHT + 0.5}L${WIDTH} ${HEIGHT + 0.5}`} />
        <path class="line" d={line} />
      </svg>
      <span class="peak" aria-hidden="true">
        peak {rate(peak)}
      </span>
      <RateTable now={now} rates={rateTable(samples, now, TABLE_PARTS)} />
    </figure>
  );
}

function RateTable({ now, rates }: { now: number; rates: (number | null)[] }): JSX.Element {
  const part = RATE_SPAN_MS / rates.length;
  return (
    <table class="only-read">
      <caption>Average records per second</caption>
      <tbody>
        {rates.map((value, i) => (
          <tr key={i}>
            <th scope="row">from {clock(now - RATE_SPAN_MS + i * part)}</th>
            <td>{value === null ? 'unknown' : rate(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

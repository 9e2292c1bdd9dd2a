import type { MapHistogram } from '@ringside/core/model';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { count, visible } from '../shared/format.ts';
import type { MapsState } from './state.ts';

interface HistogramViewProps {
  state: MapsState;
  openMenu: (opener: HTMLElement, x: number, y: number) => void;
}

/** The histograms that a map holds, as bars that are tables for those who do not see them. */
export function HistogramView({ state, openMenu }: HistogramViewProps): JSX.Element {
  const shape = state.shown.value?.histogram;
  const scale = state.scale.value === '' ? (shape?.scale ?? 'log2') : state.scale.value;
  const answer = state.histograms.value;
  useEffect(() => void state.loadHistograms(), [state.target.value, state.scale.value, state.where.value]);
  const counted = answer?.histograms ?? [];
  const more = answer === null ? 0 : answer.of - counted.length;
  return (
    <section
      class="histograms"
      aria-label="Histograms"
      tabIndex={0}
      onContextMenu={(event) => {
        event.preventDefault();
        // The menu key has no pointer: then it opens at the beginning.
        const box = event.currentTarget.getBoundingClientRect();
        const keyed = event.clientX === 0 && event.clientY === 0;
        openMenu(event.currentTarget, keyed ? box.left + 8 : event.clientX, keyed ? box.top + 8 : event.clientY);
      }}
    >
      <div class="scale" role="radiogroup" aria-label="Slots">
        {(['log2', 'linear'] as const).map((one) => (
          <label key={one}>
            <input type="radio" name="scale" checked={scale === one} onChange={() => state.setScale(one)} />
            {one === 'log2' ? 'powers of two' : 'linear'}
          </label>
        ))}
        <span class="scale-note">Slots are in the unit that the program counts in.</span>
      </div>
      <div class="histogram-list">
        {counted.map((histogram, i) => (
          <Histogram key={`${i} ${histogram.title}`} histogram={histogram} />
        ))}
      </div>
      {answer !== null && counted.length === 0 && <p class="quiet">No histogram is in the map yet.</p>}
      {more > 0 && <p class="quiet">{count(more)} more: filter the entries to see them.</p>}
    </section>
  );
}

function Histogram({ histogram }: { histogram: MapHistogram }): JSX.Element {
  const title = histogram.title === '' ? 'All entries' : visible(histogram.title, 200);
  return (
    <figure class="histogram">
      <table>
        <caption>
          {title}
          <span class="total"> {total(histogram.total)} in total</span>
        </caption>
        <thead class="only-read">
          <tr>
            <th scope="col">from</th>
            <th scope="col">below</th>
            <th scope="col">count</th>
          </tr>
        </thead>
        <tbody>
          {histogram.slots.map(({ from, to, count: counted, share }) => (
            <tr key={from}>
              <th scope="row">{grouped(from)}</th>
              <td class="to">{grouped(to)}</td>
              <td class="number">{total(counted)}</td>
              <td class="bar" aria-hidden="true">
                {share > 0 && <span style={{ width: `${(share * 100).toFixed(2)}%` }} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {histogram.slots.length === 0 && <p class="quiet">Every slot is 0.</p>}
    </figure>
  );
}

const total = (value: number | string): string => grouped(String(value));

/** Digits in threes, also of numbers that no JavaScript number holds. */
function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

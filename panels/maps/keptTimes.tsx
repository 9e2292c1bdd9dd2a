import type { JSX } from 'preact';
import { clock } from '../shared/format.ts';
import type { MapsState } from './state.ts';

/** Of a recording: the time at which its maps are shown, among those at which they were read. */
export function KeptTimes({ state }: { state: MapsState }): JSX.Element | null {
  const kept = state.listing.value?.kept;
  if (kept === undefined) return null;
  const { times, at } = kept;
  const found = times.findLastIndex((time) => time <= at);
  const chosen = Math.max(0, found);
  const words = `${clock(times[chosen]!)}, ${chosen + 1} of ${times.length}`;
  return (
    <label class="kept-times">
      <span>As read at</span>
      <input
        type="range"
        min={0}
        max={times.length - 1}
        value={chosen}
        disabled={times.length === 1}
        aria-valuetext={words}
        onInput={({ currentTarget }) => state.showAt(times[Number(currentTarget.value)]!)}
      />
      <output>{words}</output>
    </label>
  );
}

import type { MapSummary } from '@ringside/core/model';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { visible } from '../shared/format.ts';
import { type MapsState, sameTarget } from './state.ts';
import { bytes, changesWords, entriesWords } from './words.ts';

/** The maps of the run or host: one tab stop, arrows move, the one that is chosen is shown beside it. */
export function MapList({ state }: { state: MapsState }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const listing = state.listing.value;
  const maps = listing?.maps ?? [];
  const hosts = new Set(maps.map(({ host }) => host));
  const chosen = maps.findIndex((map) => sameTarget(map, state.target.value));

  const go = (to: number): void => {
    const map = maps[Math.max(0, Math.min(maps.length - 1, to))];
    if (map === undefined) return;
    state.select(map);
  };
  // Also after a reload, when a map is opened from within another, and when the list gets less room.
  useEffect(() => {
    const list = box.current!;
    const observer = new ResizeObserver(() => list.querySelector('.chosen')?.scrollIntoView({ block: 'nearest' }));
    observer.observe(list);
    return () => observer.disconnect();
  }, [chosen]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, Home: 0, End: maps.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };

  return (
    <nav class="map-list" aria-label="Maps">
      <div
        ref={box}
        class="map-items"
        role="listbox"
        aria-label="Maps"
        tabIndex={0}
        {...(chosen >= 0 ? { 'aria-activedescendant': `map-${chosen}` } : {})}
        onKeyDown={onKeyDown}
      >
        {maps.map((map, i) => (
          <Item
            key={`${map.host} ${map.id}`}
            id={`map-${i}`}
            map={map}
            host={hosts.size > 1}
            live={!state.isAway(map.host)}
            chosen={i === chosen}
            choose={() => state.select(map)}
          />
        ))}
      </div>
      {listing !== null && maps.length === 0 && (
        <p class="map-none">{listing.note === '' ? 'There is no map here.' : visible(listing.note)}</p>
      )}
      {listing === null && state.listError.value === null && <p class="map-none">Looking for maps…</p>}
    </nav>
  );
}

interface ItemProps {
  id: string;
  map: MapSummary;
  host: boolean;
  /** Its figures are of now. */
  live: boolean;
  chosen: boolean;
  choose: () => void;
}

function Item({ id, map, host, live, chosen, choose }: ItemProps): JSX.Element {
  const name = visible(map.name, 100);
  const owner = map.owned
    ? `of the run ${visible(map.owner, 200)}`
    : `held by ${visible(map.owner, 400) || 'nobody who is known'}`;
  const pins = map.pins.length === 0 ? '' : `, pinned at ${map.pins.map((pin) => visible(pin, 200)).join(', ')}`;
  return (
    <div
      id={id}
      role="option"
      aria-selected={chosen}
      class={`map-item ${chosen ? 'chosen' : ''}`}
      title={`${name} (${map.id}): ${map.type}, key ${map.keySize} B, value ${map.valueSize} B; ${owner}${pins}`}
      onClick={choose}
    >
      <span class="map-name">
        {name}
        {map.frozen && (
          <span
            class="codicon codicon-lock"
            role="img"
            aria-label="frozen"
            title="Frozen: user space cannot write it"
          />
        )}
      </span>
      <span class="map-rate">{live ? changesWords(map) : ''}</span>
      <span class="map-type">
        {visible(map.type, 40)}
        {host && ` · ${visible(map.host, 60)}`}
      </span>
      <span class="map-entries">
        {entriesWords(map)} · {bytes(map.memoryBytes)}
      </span>
    </div>
  );
}

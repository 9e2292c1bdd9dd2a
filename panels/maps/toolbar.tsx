import type { MapSummary } from '@ringside/core/model';
import type { JSX } from 'preact';
import { visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import type { MenuItem, MenuRequest } from '../shared/menu.tsx';
import type { MapsActions } from './actions.ts';
import type { MapsState } from './state.ts';

interface ToolbarProps {
  state: MapsState;
  actions: () => MapsActions | null;
  openMenu: (request: MenuRequest) => void;
}

/** What is seen (map, type, whose) and what can be done with it. */
export function Toolbar({ state, actions, openMenu }: ToolbarProps): JSX.Element {
  const map = state.map.value;
  const shown = state.shown.value;
  const { paused, split } = state.look.value;
  const histogram = state.asHistogram.value;
  const of = map === null ? '' : ofWords(map);
  return (
    <header class="map-head">
      <div class="map-what">
        <h1 title={map === null ? '' : `Map ${map.id} of ${visible(map.host, 100)}`}>
          {visible(map?.name ?? '', 100)}
        </h1>
        {map !== null && (
          <span class="map-of" title={of}>
            {of}
          </span>
        )}
        {shown !== null && shown.readOnly !== '' && (
          <span class="map-lock" title={visible(shown.readOnly)}>
            <span class="codicon codicon-lock" aria-hidden="true" />
            <span class="only-read">{visible(shown.readOnly)}</span>
          </span>
        )}
      </div>
      {shown !== null && (
        <span class="map-actions" role="toolbar" aria-label="Map">
          {shown.perCpu > 0 && !histogram && (
            <IconButton
              icon="split-horizontal"
              label={split ? 'Sum over all CPUs' : 'Split by CPU'}
              text={split ? 'Sum' : 'Split by CPU'}
              onPress={() => state.setSplit(!split)}
            />
          )}
          {shown.histogram !== null && (
            <IconButton
              icon={histogram ? 'table' : 'graph'}
              label={histogram ? 'Show as a table' : 'Show as histograms'}
              text={histogram ? 'Table' : 'Histogram'}
              onPress={() => state.setView(histogram ? 'table' : 'histogram')}
            />
          )}
          <IconButton
            icon="graph-line"
            label="Chart this map"
            onPress={(opener) => {
              const { right: x, bottom } = opener.getBoundingClientRect();
              const items = (): MenuItem[] => actions()?.chartItems(state.where.value) ?? [];
              openMenu({ label: 'Charts', items, x, y: bottom + 2, alignRight: true, opener });
            }}
          />
          {shown.canAdd && (
            <IconButton
              icon="add"
              label={shown.access === 'entries' ? 'Add an entry' : 'Put a value in'}
              onPress={() => (state.adding.value = !state.adding.value)}
            />
          )}
          {shown.access === 'next' && shown.canAdd && shown.held > 0 && (
            <IconButton
              icon="arrow-down"
              label="Take the next value out"
              onPress={() => void state.tryChange({ do: 'pop' })}
            />
          )}
          {shown.canDelete && state.selected.value > 0 && !histogram && (
            <IconButton
              icon="trash"
              label="Delete what is selected"
              keys="Delete"
              onPress={() => void actions()?.delete()}
            />
          )}
          {shown.undo > 0 && (
            <IconButton
              icon="discard"
              label="Take the last write back"
              keys="Ctrl+Z"
              onPress={() => void state.tryChange({ do: 'undo' })}
            />
          )}
          <IconButton
            icon={paused ? 'debug-continue' : 'debug-pause'}
            label={paused ? 'Read on' : 'Stand still: nothing new is read'}
            onPress={() => state.setPaused(!paused)}
          />
        </span>
      )}
    </header>
  );
}

/** "hash · held by sshd (812) · web-1" */
const ofWords = ({ type, owned, owner, host }: MapSummary): string =>
  [visible(type, 40), visible(owned ? owner : owner || 'held by nobody who is known', 200), visible(host, 100)].join(
    ' · ',
  );

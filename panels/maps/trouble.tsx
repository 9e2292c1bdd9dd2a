import type { JSX } from 'preact';
import { clock, visible } from '../shared/format.ts';
import type { MapsState } from './state.ts';
import { troubleWords } from './words.ts';

/** Why there is nothing new, or nothing at all: what, why and what to do. */
export function Trouble({ state }: { state: MapsState }): JSX.Element | null {
  const { listing, shown, failure, listError, target } = state;
  const away = listing.value?.away[0];
  const trouble = shown.value?.trouble ?? null;
  const error = trouble?.error ?? failure.value ?? listError.value ?? away?.error ?? null;
  const note = listing.value?.note ?? '';
  const restartable = listing.value?.restartable === true;
  const readAt = shown.value?.readAt ?? null;
  if (error === null) {
    if (note !== '') return <Banner icon="info" text={note} />;
    if (target.value !== null && shown.value !== null && shown.value.look === 0) return <Reading state={state} />;
    return null;
  }
  const refused = trouble?.kind === 'refused';
  const isAway = trouble?.kind === 'away' || away !== undefined;
  const words = troubleWords(isAway ? (target.value?.host ?? away?.host ?? '') : '', error.message);
  const last = readAt === null || refused ? '' : ` Shown is what was read at ${clock(readAt)}.`;
  return (
    // What to do about a host that is away is the button; others' maps are still there, whatever was detached.
    <Banner icon={refused ? 'info' : 'warning'} text={`${words}${last}`} remedy={isAway ? '' : error.remedy}>
      {isAway && (
        <button type="button" class="push-button" onClick={() => state.reconnect()}>
          {restartable ? 'Start Again' : 'Connect'}
        </button>
      )}
    </Banner>
  );
}

function Reading({ state }: { state: MapsState }): JSX.Element {
  const entries = state.map.value?.entries ?? null;
  return (
    <Banner
      icon="loading"
      text={entries === null ? 'Reading the map…' : `Reading ${entries.toLocaleString('en-US')} entries…`}
    />
  );
}

interface BannerProps {
  icon: string;
  text: string;
  remedy?: string;
  children?: JSX.Element | false;
}

function Banner({ icon, text, remedy = '', children }: BannerProps): JSX.Element {
  return (
    <div class="map-banner" role={icon === 'warning' ? 'alert' : 'status'}>
      <span class={`codicon codicon-${icon}`} aria-hidden="true" />
      <span class="banner-words">
        {visible(text)}
        {remedy !== '' && <span class="remedy"> {visible(remedy)}</span>}
      </span>
      {children}
    </div>
  );
}

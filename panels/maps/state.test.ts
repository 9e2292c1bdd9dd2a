/** What the Maps panel keeps when another map is chosen. */
import { expect, it, vi } from 'vitest';
import { MapsState } from './state.ts';

it('says no more of the map before when another one is chosen', () => {
  vi.stubGlobal('document', { hidden: true });
  const state = new MapsState({
    getState: () => undefined,
    setState: () => undefined,
    postMessage: () => undefined,
  });
  state.select({ host: 'web-1', id: 1 });
  state.note('Taken back: value of 3 is 0 again.');
  state.select({ host: 'web-1', id: 1 });
  expect(state.notice.value?.text).toContain('Taken back');
  state.select({ host: 'web-1', id: 2 });
  expect(state.notice.value).toBeNull();
  vi.unstubAllGlobals();
});

it('knows which host is away: from the list, or sooner from the map that is shown', () => {
  vi.stubGlobal('document', { hidden: true });
  const state = new MapsState({ getState: () => undefined, setState: () => undefined, postMessage: () => undefined });
  const error = { code: 'host-lost' as const, message: 'Gone.', remedy: '', detail: '', links: [] };
  const listing = { maps: [], away: [], note: '', runName: '', restartable: false };
  state.select({ host: 'web-1', id: 1 });
  state.listing.value = listing as never;
  expect(['web-1', 'web-2'].map((host) => state.isAway(host))).toEqual([false, false]);
  state.listing.value = { ...listing, away: [{ host: 'web-2', error }] } as never;
  expect(state.isAway('web-2')).toBe(true);
  state.listing.value = listing as never;
  state.shown.value = { trouble: { kind: 'gone', error } } as never;
  expect(['web-1', 'web-2'].map((host) => state.isAway(host))).toEqual([false, false]);
  state.shown.value = { trouble: { kind: 'away', error } } as never;
  expect(['web-1', 'web-2'].map((host) => state.isAway(host))).toEqual([true, false]);
  vi.unstubAllGlobals();
});

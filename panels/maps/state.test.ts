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

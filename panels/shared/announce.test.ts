// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Announcer } from './announce.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('speaks politely, merges what comes together, and says the same thing twice if need be', () => {
  const region = document.createElement('div');
  const announcer = new Announcer(region, 100);
  expect(region.getAttribute('aria-live')).toBe('polite');
  announcer.say('one');
  announcer.say('two');
  vi.advanceTimersByTime(100);
  expect(region.textContent).toBe('two');
  announcer.say('two');
  vi.advanceTimersByTime(100);
  expect(region.textContent).toBe('two\u00a0');
});

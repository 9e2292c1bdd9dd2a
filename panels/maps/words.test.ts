import { expect, it } from 'vitest';
import { clock } from '../shared/format.ts';
import type { Shown } from './state.ts';
import { shownWords, troubleWords } from './words.ts';

const readAt = Date.UTC(2026, 10, 27, 7, 20, 5);
const shown = {
  ...{ access: 'entries', where: '', matching: 3, held: 3, entries: 3, readAt, everyMs: 250, sorting: false },
} as Shown;

it('says how often a map is read, and that what is shown is old when it is not read any more', () => {
  expect(shownWords(shown, 'live')).toBe(`3 entries · read ${clock(readAt)}, every 0.25 s`);
  expect(shownWords(shown, 'paused')).toBe(`3 entries · read ${clock(readAt)}`);
  expect(shownWords(shown, 'old')).toBe(`3 entries · old: as of ${clock(readAt)}`);
  expect(shownWords({ ...shown, readAt: null }, 'old')).toBe('3 entries');
});

it('says on which host something is wrong, once', () => {
  expect(troubleWords('web-1', 'The agent went away.')).toBe('web-1: The agent went away.');
  expect(troubleWords('web-1', 'web-1 is not connected.')).toBe('web-1 is not connected.');
  expect(troubleWords('', 'The map is gone.')).toBe('The map is gone.');
});

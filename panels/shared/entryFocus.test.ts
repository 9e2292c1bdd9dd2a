// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';
import { onEntryFocus } from './entryFocus.ts';

afterEach(() => void vi.restoreAllMocks());
const windowFocus = (): unknown => dispatchEvent(new Event('focus'));

it('puts the keyboard where work begins, unless something has it already', () => {
  document.body.innerHTML = '<div id="rows" tabindex="0"></div><input id="filter">';
  vi.spyOn(document, 'hasFocus').mockReturnValue(false);
  const [rows, filter] = ['rows', 'filter'].map((id) => document.getElementById(id)!);
  const stop = onEntryFocus(() => rows!.focus());
  expect(document.activeElement).toBe(document.body);
  windowFocus();
  expect(document.activeElement).toBe(rows);
  filter!.focus();
  windowFocus();
  expect(document.activeElement).toBe(filter);
  filter!.blur();
  stop();
  windowFocus();
  expect(document.activeElement).toBe(document.body);
});

it('takes it at once when it came while the page was loading', () => {
  vi.spyOn(document, 'hasFocus').mockReturnValue(true);
  const take = vi.fn();
  onEntryFocus(take)();
  expect(take).toHaveBeenCalledOnce();
});

// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';
import { moveFocus, onEntryFocus } from './entryFocus.ts';

afterEach(() => void vi.restoreAllMocks());
const pageHasFocus = (has: boolean): unknown => vi.spyOn(document, 'hasFocus').mockReturnValue(has);
const windowFocus = (): unknown => dispatchEvent(new Event('focus'));

it('puts the keyboard where work begins, unless something has it already', () => {
  document.body.innerHTML = '<div id="rows" tabindex="0"></div><input id="filter">';
  pageHasFocus(false);
  const [rows, filter] = ['rows', 'filter'].map((id) => document.getElementById(id)!);
  const stop = onEntryFocus(() => rows!.focus());
  expect(document.activeElement).toBe(document.body);
  pageHasFocus(true);
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
  pageHasFocus(true);
  const take = vi.fn();
  onEntryFocus(take)();
  expect(take).toHaveBeenCalledOnce();
});

it('does not take the keyboard back when it has left before the page heard that it came', () => {
  document.body.innerHTML = '';
  pageHasFocus(false);
  const take = vi.fn();
  const stop = onEntryFocus(take);
  windowFocus();
  stop();
  expect(take).not.toHaveBeenCalled();
});

it('moves the keyboard within the page only', () => {
  document.body.innerHTML = '<div id="rows" tabindex="0"></div>';
  const rows = document.getElementById('rows')!;
  const focus = vi.spyOn(rows, 'focus');
  pageHasFocus(false);
  moveFocus(rows);
  expect(focus).not.toHaveBeenCalled();
  pageHasFocus(true);
  moveFocus(rows);
  expect(document.activeElement).toBe(rows);
});

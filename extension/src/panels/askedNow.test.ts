import { afterEach, expect, it, vi } from 'vitest';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { askedNow } = await import('./askedNow.ts');

afterEach(() => {
  vi.useRealTimers();
  mock.window.activeTextEditor = undefined;
});

it('a panel that comes soon takes the keyboard, one that took long leaves it where it is', () => {
  vi.useFakeTimers();
  const mayFocus = askedNow();
  vi.advanceTimersByTime(900);
  expect(mayFocus()).toBe(true);
  vi.advanceTimersByTime(200);
  expect(mayFocus()).toBe(false);
});

it('a panel leaves the keyboard where it is when somebody has gone to another editor meanwhile', () => {
  const editor = (path: string) => ({ document: { uri: mock.Uri.file(path) } });
  mock.window.activeTextEditor = editor('/w/a.bpf.c');
  const mayFocus = askedNow();
  expect(mayFocus()).toBe(true);
  mock.window.activeTextEditor = editor('/w/notes.md');
  expect(mayFocus()).toBe(false);
});

// @vitest-environment happy-dom
import { expect, test, vi } from 'vitest';
import { NOT_LOADED, pageLoadScript } from './pageLoad.ts';

test('the page says it once, whatever of it is missing, and what it shows is not taken away', () => {
  const posted: unknown[] = [];
  const api = { postMessage: (message: unknown) => posted.push(message) };
  let acquired = 0;
  Object.assign(globalThis, {
    acquireVsCodeApi: () => (acquired++ === 0 ? api : expect.unreachable('acquired twice')),
  });
  document.body.innerHTML = '<div id="app"></div><script></script><link><img>';
  // As VS Code's page does it: in the page's own scope.
  (0, eval)(pageLoadScript(4000));
  const failed = (name: string): unknown => document.querySelector(name)!.dispatchEvent(new Event('error'));
  failed('img');
  expect(posted).toEqual([]);
  failed('link');
  failed('script');
  expect(posted).toEqual([{ type: NOT_LOADED }]);
  expect(document.getElementById('app')!.textContent).toContain('It is loaded again');
  expect((globalThis as unknown as { acquireVsCodeApi: () => unknown }).acquireVsCodeApi()).toBe(api);
});

test('the page says that its files hang, unless they are all there in time', () => {
  vi.useFakeTimers();
  const posted: unknown[] = [];
  const api = { postMessage: (message: unknown) => posted.push(message) };
  const begin = (): void => {
    Object.assign(globalThis, { acquireVsCodeApi: () => api });
    document.body.innerHTML = '<div id="app"></div>';
    (0, eval)(pageLoadScript(4000));
  };
  begin();
  vi.advanceTimersByTime(3000);
  dispatchEvent(new Event('load'));
  vi.advanceTimersByTime(60_000);
  expect(posted).toEqual([]);
  begin();
  vi.advanceTimersByTime(4000);
  expect(posted).toEqual([{ type: NOT_LOADED }]);
  vi.useRealTimers();
});

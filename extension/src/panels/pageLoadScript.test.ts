// @vitest-environment happy-dom
import { expect, test } from 'vitest';
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
  (0, eval)(pageLoadScript);
  const failed = (name: string): unknown => document.querySelector(name)!.dispatchEvent(new Event('error'));
  failed('img');
  expect(posted).toEqual([]);
  failed('link');
  failed('script');
  expect(posted).toEqual([{ type: NOT_LOADED }]);
  expect(document.getElementById('app')!.textContent).toContain('It is loaded again');
  expect((globalThis as unknown as { acquireVsCodeApi: () => unknown }).acquireVsCodeApi()).toBe(api);
});

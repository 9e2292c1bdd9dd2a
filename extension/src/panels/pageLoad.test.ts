import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakePanel } from '../test/fakePanel.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { NOT_LOADED, PageLoader, saysNotLoaded } = await import('./pageLoad.ts');
const { usePanelPage } = await import('./panelPage.ts');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a page whose files did not come is loaded again, with another nonce', () => {
  const panel = new FakePanel<never>();
  usePanelPage(panel as never, mock.Uri.file('/ext') as never, 'trace', 'Ringside trace');
  const first = panel.webview.html;
  panel.send({ type: NOT_LOADED });
  panel.send({ type: NOT_LOADED });
  expect(panel.webview.html).toBe(first);
  vi.advanceTimersByTime(100);
  expect(panel.webview.html).not.toBe(first);
  expect(panel.webview.html).toContain('https://csp.test/ext/dist/panels/trace.js');
  const second = panel.webview.html;
  panel.send({ type: NOT_LOADED });
  panel.dispose();
  vi.advanceTimersByTime(60_000);
  expect(panel.webview.html).toBe(second);
});

test('it is tried more and more seldom, then left; a page that has worked begins anew', () => {
  let loads = 0;
  const loader = new PageLoader(() => loads++);
  const fail = (): void => {
    loader.receive({ type: NOT_LOADED });
    vi.advanceTimersByTime(30_000);
  };
  for (let i = 0; i < 20; i++) fail();
  expect(loads).toBe(7);
  loader.receive({ type: 'ready' });
  fail();
  expect(loads).toBe(8);
});

test.each([null, 3, 'page-not-loaded', {}, { type: 'ready' }, [NOT_LOADED]])('%j does not say that', (message) =>
  expect(saysNotLoaded(message)).toBe(false),
);

test('each time it is loaded again its files may take twice as long', () => {
  const patience: number[] = [];
  const loader = new PageLoader((ms) => patience.push(ms));
  for (let i = 0; i < 3; i++) {
    loader.receive({ type: NOT_LOADED });
    vi.advanceTimersByTime(30_000);
  }
  expect(patience).toEqual([8000, 16_000, 32_000, 64_000]);
});

// @vitest-environment happy-dom
import { expect, it, vi } from 'vitest';
import { helloUntilInit } from './hello.ts';

it('says that the page is there again when the first answer is lost, and no more once it has come', () => {
  vi.useFakeTimers();
  let lost = 1;
  const say = vi.fn(() => {
    if (lost-- > 0) return;
    dispatchEvent(new MessageEvent('message', { data: { type: 'init' } }));
  });
  helloUntilInit(say);
  expect(say).toHaveBeenCalledTimes(1);
  // Something else that the host says is no answer.
  dispatchEvent(new MessageEvent('message', { data: { type: 'run' } }));
  vi.advanceTimersByTime(10_000);
  expect(say).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});

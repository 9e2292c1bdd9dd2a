// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DoctorState } from '../doctor/state.ts';
import { ExplorerState } from '../explorer/state.ts';
import { VerdictsState } from '../verdicts/state.ts';
import { helloUntilAnswered } from './hello.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const hear = (data: unknown): unknown => dispatchEvent(new MessageEvent('message', { data }));

it('says that the page is there again when the first answer is lost, and no more once it has come', () => {
  let lost = 1;
  const say = vi.fn(() => {
    if (lost-- > 0) return;
    hear({ type: 'init' });
  });
  helloUntilAnswered(say);
  expect(say).toHaveBeenCalledTimes(1);
  // Something else that the host says is no answer.
  hear({ type: 'run' });
  vi.advanceTimersByTime(10_000);
  expect(say).toHaveBeenCalledTimes(2);
});

const failed = { code: 'not-found', message: 'The log is gone.', remedy: '', detail: '', links: [] };

it.each([
  { page: 'doctor', State: DoctorState, answer: { type: 'hosts', title: 'web', hosts: [] } },
  { page: 'verdicts', State: VerdictsState, answer: { type: 'hosts', title: 'a', file: '/w/a.bpf.c', hosts: [] } },
  { page: 'explorer', State: ExplorerState, answer: { type: 'error', error: failed } },
])('the $page page asks again for an answer that was lost, and rests when it has come', ({ State, answer }) => {
  const postMessage = vi.fn();
  new State({ postMessage, getState: () => undefined, setState: () => undefined }).start();
  vi.advanceTimersByTime(2500);
  expect(postMessage.mock.calls).toEqual([[{ type: 'ready' }], [{ type: 'ready' }], [{ type: 'ready' }]]);
  hear(answer);
  vi.advanceTimersByTime(10_000);
  expect(postMessage).toHaveBeenCalledTimes(3);
});

// @vitest-environment happy-dom
/** Where the Explorer page is when its host tells it something twice. */
import { expect, it, vi } from 'vitest';
import type { ExplorationInfo, ExplorerToHost } from '@ringside/core/model';
import { ExplorerState } from './state.ts';

const info: ExplorationInfo = {
  ...{ id: 1, parts: [{ program: 'p', section: 'xdp', verdict: 'rejected' }], part: 0, host: 'h', kernel: '6.1' },
  ...{ file: '/w/a.bpf.c', steps: 9, lines: 12, paths: 2, processed: 1310, limit: 1_000_000, reason: null, end: 8 },
  ...{ sources: [{ name: 'a.bpf.c', steps: 9 }], fromObject: true, recorded: true },
};

it('stays where somebody has gone when the log that it shows is told of again', async () => {
  const sent: ExplorerToHost[] = [];
  const state = new ExplorerState({
    postMessage: (message) => void sent.push(message as ExplorerToHost),
    getState: () => undefined,
    setState: () => undefined,
  });
  state.start();
  const opened = {
    ...{ type: 'opened', title: 'p on h', target: { log: '/l', record: null, program: 'p' }, info, step: -1 },
    ...{ noFix: '', canVerify: true },
  };
  const hear = (data: unknown): unknown => dispatchEvent(new MessageEvent('message', { data }));
  hear(opened);
  const [first] = sent.filter((message) => message.type === 'ask');
  expect(first).toMatchObject({ query: { ask: 'path', step: 8 } });
  hear({ type: 'answer', id: first!.id, value: { leaf: 8, length: 9, index: 8 } });
  await vi.waitFor(() => expect(state.cursor.value.step).toBe(8));
  const asked = sent.length;
  hear(opened);
  await Promise.resolve();
  expect(sent.slice(asked).filter((message) => message.type === 'ask' && message.query.ask === 'path')).toEqual([]);
  expect(state.cursor.value.step).toBe(8);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { HostState } from '../model/index.ts';
import type { Engine } from '../runs/api.ts';
import { defaultSshOptions } from '../ssh/options.ts';
import { startEngine } from './client.ts';

/** A worker that speaks the protocol and answers by rules of its own. */
const WORKER = `
const { parentPort } = require('node:worker_threads');
const state = { name: 'web-1', state: 'ready', info: null, error: null };
const asks = new Map();
const answers = {
  hosts: async () => [{ alias: 'web-1' }],
  doctor: (m) => new Promise((_, reject) => { aborts.set(m.id, () => reject({ code: 'cancelled', message: 'Cancelled.', remedy: '', detail: '', links: [] })); }),
  connect: async (m) => {
    if (m.progress) parentPort.postMessage({ type: 'progress', id: m.id, step: { step: 'Connecting' } });
    parentPort.postMessage({ type: 'event', name: 'host', args: [state] });
    const answer = await new Promise((resolve) => {
      asks.set(1, resolve);
      parentPort.postMessage({ type: 'ask', id: 1, kind: 'secret', question: { kind: 'password', host: 'web-1', prompt: 'Password', echo: false, attempt: 1 } });
    });
    return { ...state, name: answer };
  },
  detach: () => Promise.reject({ code: 'usage', message: 'There is no such run any more.', remedy: 'Attach again.', detail: '', links: [] }),
  runs: () => { process.exit(3); },
  dispose: async () => undefined,
};
const aborts = new Map();
parentPort.on('message', (m) => {
  if (m.type === 'abort') return aborts.get(m.id)?.();
  if (m.type === 'answered') return asks.get(m.id)?.(m.answer);
  Promise.resolve(answers[m.method](m)).then(
    (value) => parentPort.postMessage({ type: 'result', id: m.id, value }),
    (error) => parentPort.postMessage({ type: 'error', id: m.id, error }),
  );
});
`;

let dir: string;
let engine: Engine;
const secret = vi.fn(() => Promise.resolve<string | undefined>('from a person'));

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ringside-rpc-'));
  const workerPath = join(dir, 'worker.cjs');
  writeFileSync(workerPath, WORKER);
  engine = await startEngine({
    workerPath,
    resourceDir: '',
    cacheDir: '',
    compilerPath: '',
    ssh: defaultSshOptions,
    prompter: { confirmHostKey: () => Promise.resolve('no'), secret },
  });
});
afterEach(async () => {
  await engine.dispose();
  rmSync(dir, { recursive: true, force: true });
});

it('passes calls, progress, events and questions in both directions', async () => {
  const steps: string[] = [];
  const states: HostState[] = [];
  engine.on('host', (state) => states.push(state));
  const connected = await engine.connect('web-1', { progress: ({ step }) => steps.push(step) });
  expect(connected.name).toBe('from a person');
  expect(steps).toEqual(['Connecting']);
  expect(states.map((s) => s.state)).toEqual(['ready']);
  expect(secret).toHaveBeenCalledWith(expect.objectContaining({ prompt: 'Password' }), expect.anything());
});

it('gives errors back as what they were, with code and remedy', async () => {
  await expect(engine.detach('gone')).rejects.toMatchObject({
    name: 'RingsideError',
    code: 'usage',
    remedy: 'Attach again.',
  });
});

it('cancels a call in the worker', async () => {
  const abort = new AbortController();
  const call = engine.doctor('web-1', { signal: abort.signal });
  abort.abort();
  await expect(call).rejects.toMatchObject({ code: 'cancelled' });
});

it('rejects what is open, and what comes after, when the worker dies', async () => {
  const logged: string[] = [];
  engine.on('log', (_level, message) => logged.push(message));
  const open = engine.doctor('web-1');
  await expect(engine.runs()).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringContaining('status 3') as string,
  });
  await expect(open).rejects.toMatchObject({ code: 'internal' });
  await expect(engine.hosts()).rejects.toMatchObject({ code: 'internal' });
  expect(logged).toHaveLength(1);
});

/** Entry of the engine's worker thread (dist/engine-worker.js): the engine in process, spoken to by messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { RingsideError } from '../errors.ts';
import type { CallOptions } from '../progress.ts';
import type { HostKeyAnswer, Prompter } from '../prompt.ts';
import type { EngineEvents } from '../runs/api.ts';
import { createEngine } from '../runs/engine.ts';
import { reconnectTimes } from '../runs/reconnect.ts';
import { callOptionsAt, type EngineMethod, type FromWorker, type ToWorker, type WorkerStart } from './messages.ts';
import { reportMemory } from './workerMemory.ts';

const port = parentPort;
if (!port) throw new Error('This file is the entry of a worker thread.');
const post = (message: FromWorker): void => port.postMessage(message, handedOver(message));

/** Large texts change hands instead of being copied: nobody here uses them any more. */
function handedOver(message: FromWorker): ArrayBuffer[] {
  if (message.type !== 'result' || typeof message.value !== 'object' || message.value === null) return [];
  const lines: unknown = 'lines' in message.value ? message.value.lines : undefined;
  return lines instanceof Uint8Array && lines.buffer instanceof ArrayBuffer ? [lines.buffer] : [];
}

let nextAsk = 1;
const answers = new Map<number, (answer: string | undefined) => void>();

function ask(
  question: Extract<FromWorker, { type: 'ask' }>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const { id } = question;
    answers.set(id, resolve);
    signal?.addEventListener('abort', () => post({ type: 'ask-abort', id }), { once: true });
    post(question);
  });
}

const prompter: Prompter = {
  confirmHostKey: async (question, signal) =>
    ((await ask({ type: 'ask', id: nextAsk++, kind: 'host-key', question }, signal)) ?? 'no') as HostKeyAnswer,
  confirmGuard: async (question, signal) =>
    (await ask({ type: 'ask', id: nextAsk++, kind: 'guard', question }, signal)) === 'yes',
  secret: (question, signal) => ask({ type: 'ask', id: nextAsk++, kind: 'secret', question }, signal),
};

const start = workerData as WorkerStart;
const engine = createEngine({ ...start, prompter, keepSpare: true, reconnect: reconnectTimes });
const forwarded: (keyof EngineEvents)[] = ['host', 'run', 'runEvents', 'log'];
for (const name of forwarded) engine.on(name, (...args: unknown[]) => post({ type: 'event', name, args }));

reportMemory();

const aborts = new Map<number, AbortController>();

async function call(message: Extract<ToWorker, { type: 'call' }>): Promise<void> {
  const { id, method } = message;
  const args = [...message.args];
  const at = callOptionsAt[method];
  if (at !== undefined) {
    const abort = new AbortController();
    aborts.set(id, abort);
    const options: CallOptions = { signal: abort.signal };
    if (message.progress) options.progress = (step) => post({ type: 'progress', id, step });
    args[at] = options;
  }
  try {
    const methods = engine as unknown as Record<EngineMethod, (...args: unknown[]) => Promise<unknown>>;
    post({ type: 'result', id, value: await methods[method](...args) });
  } catch (error) {
    post({ type: 'error', id, error: RingsideError.from(error).toData() });
  } finally {
    aborts.delete(id);
  }
}

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'call':
      void call(message);
      break;
    case 'abort':
      aborts.get(message.id)?.abort();
      break;
    case 'answered':
      answers.get(message.id)?.(message.answer);
      answers.delete(message.id);
      break;
  }
});

/**
 * The engine in a worker thread, seen from the extension host: the same interface as the engine in process. Nothing
 * here decodes, encrypts or parses; it only passes messages on.
 */
import { Worker } from 'node:worker_threads';
import { RingsideError } from '../errors.ts';
import type { CallOptions } from '../progress.ts';
import type { Prompter } from '../prompt.ts';
import type { Engine, EngineEvents } from '../runs/api.ts';
import {
  callOptionsAt,
  engineMethods,
  type EngineMethod,
  type FromWorker,
  type ToWorker,
  type WorkerStart,
} from './messages.ts';

export { RingsideError } from '../errors.ts';
export type * from '../runs/api.ts';
export type { CallOptions, ProgressStep, ReportProgress } from '../progress.ts';
export type { CreatedProgram, Template } from '../gallery.ts';
export type { ErrorCode, ErrorData, GuardFinding } from '../errors.ts';
export type { GuardQuestion, HostKeyAnswer, HostKeyQuestion, Prompter, SecretQuestion } from '../prompt.ts';
export type { SshOptions } from '../ssh/options.ts';
export type { LogLevel } from '../log.ts';
export { listCode, type CodeListing, type CodeView } from '../code/listing.ts';
export { defaultSshOptions, isReadOnly, matchesHost } from '../ssh/options.ts';
export { takeableLink } from '../maps/takeAway.ts';
export { limitNames, limitsText } from '../runs/limitsText.ts';
export { durationText, longestKeptSeconds, parseDuration, timeLeft } from '../runs/times.ts';

export interface EngineWorkerOptions extends WorkerStart {
  /** The bundle dist/engine-worker.js. */
  workerPath: string;
  prompter: Prompter;
}

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: RingsideError): void;
  progress: CallOptions['progress'];
}

/** Starts the worker. Errors of the worker itself (a crash) reject every open call with `internal`. */
export function startEngine(options: EngineWorkerOptions): Promise<Engine> {
  const { workerPath, prompter, ...start } = options;
  return Promise.resolve(
    new EngineClient(new Worker(workerPath, { workerData: start, name: 'ringside-engine' }), prompter).engine,
  );
}

class EngineClient {
  private readonly calls = new Map<number, PendingCall>();
  private readonly asks = new Map<number, AbortController>();
  private readonly listeners = new Map<keyof EngineEvents, Set<(...args: unknown[]) => void>>();
  private nextId = 1;
  private broken: RingsideError | undefined;
  private disposing = false;
  readonly engine: Engine;

  constructor(
    private readonly worker: Worker,
    private readonly prompter: Prompter,
  ) {
    worker.on('message', (message: FromWorker) => this.onMessage(message));
    worker.on('error', (error) => this.onBroken(error));
    worker.on('exit', (code) => this.onBroken(new Error(`The engine's thread ended with status ${code}.`)));
    this.engine = this.makeEngine();
  }

  private makeEngine(): Engine {
    const methods = Object.keys(engineMethods) as EngineMethod[];
    const calls = methods.map((method) => [method, (...args: unknown[]) => this.call(method, args)] as const);
    return {
      ...Object.fromEntries(calls),
      on: (event: keyof EngineEvents, listener: never) => this.on(event, listener),
    } as unknown as Engine;
  }

  private on(event: keyof EngineEvents, listener: (...args: unknown[]) => void): () => void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  private async call(method: EngineMethod, args: unknown[]): Promise<unknown> {
    if (this.broken) {
      if (method === 'dispose') return undefined;
      throw this.broken;
    }
    const at = callOptionsAt[method];
    const options = at === undefined ? undefined : (args[at] as CallOptions | undefined);
    const id = this.nextId++;
    const sent = at === undefined ? args : args.slice(0, at);
    if (method === 'dispose') this.disposing = true;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.calls.set(id, { resolve, reject, progress: options?.progress });
    });
    const onAbort = (): void => this.post({ type: 'abort', id });
    options?.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      this.post({ type: 'call', id, method, args: sent, progress: options?.progress !== undefined });
      if (options?.signal?.aborted) onAbort();
      return await answer;
    } finally {
      this.calls.delete(id);
      options?.signal?.removeEventListener('abort', onAbort);
      if (method === 'dispose') await this.worker.terminate();
    }
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private onMessage(message: FromWorker): void {
    switch (message.type) {
      case 'result':
        this.calls.get(message.id)?.resolve(message.value);
        break;
      case 'error':
        this.calls.get(message.id)?.reject(RingsideError.fromData(message.error));
        break;
      case 'progress':
        this.calls.get(message.id)?.progress?.(message.step);
        break;
      case 'event':
        for (const listener of this.listeners.get(message.name) ?? []) listener(...message.args);
        break;
      case 'ask':
        void this.ask(message);
        break;
      case 'ask-abort':
        this.asks.get(message.id)?.abort();
        break;
    }
  }

  private async ask(message: Extract<FromWorker, { type: 'ask' }>): Promise<void> {
    const abort = new AbortController();
    this.asks.set(message.id, abort);
    let answer: string | undefined;
    try {
      answer = await this.answer(message, abort.signal);
    } catch {
      answer = message.kind === 'host-key' ? 'no' : undefined; // a closed dialog is a no
    } finally {
      this.asks.delete(message.id);
    }
    this.post({ type: 'answered', id: message.id, answer });
  }

  private async answer(
    message: Extract<FromWorker, { type: 'ask' }>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    switch (message.kind) {
      case 'host-key':
        return this.prompter.confirmHostKey(message.question, signal);
      case 'secret':
        return this.prompter.secret(message.question, signal);
      case 'guard':
        return (await this.prompter.confirmGuard?.(message.question, signal)) === true ? 'yes' : 'no';
    }
  }

  private onBroken(error: Error): void {
    if (this.broken) return;
    this.broken = new RingsideError('internal', `The engine stopped: ${error.message}`, {
      remedy: 'Reload the window. The hosts detach everything by themselves when the connection is gone.',
      detail: error.stack ?? '',
    });
    if (!this.disposing) {
      for (const listener of this.listeners.get('log') ?? [])
        listener('error', `${this.broken.message}\n${this.broken.detail}`);
    }
    for (const pending of [...this.calls.values()]) pending.reject(this.broken);
  }
}

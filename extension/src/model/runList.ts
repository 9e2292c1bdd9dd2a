import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import { ContextKey } from '../contributions.ts';
import { setContextKey } from '../contextKeys.ts';
import { isLive } from '../format.ts';

/** A change of one run, or (`structure`) of which runs there are and their order. */
export interface RunChange {
  run: RunSummary;
  structure: boolean;
}

/** The runs of this window, as the engine last told them. */
export class RunList implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<RunChange>();
  readonly onDidChange = this.#changed.event;
  readonly #runs = new Map<string, RunSummary>();
  readonly #engine: Engine;
  readonly #unsubscribe: () => void;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#unsubscribe = engine.on('run', (run) => this.update(run));
  }

  /** Also called with the result of attach and detach, which may come before the event. */
  update(run: RunSummary): void {
    const before = this.#runs.get(run.id);
    // A summary that was under way when the run ended must not bring it back to life.
    if (before !== undefined && !isLive(before) && isLive(run)) return;
    this.#runs.set(run.id, run);
    this.#publish(run, before?.state !== run.state || before.kept.length !== run.kept.length);
  }

  forget(id: string): void {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    this.#runs.delete(id);
    this.#publish(run, true);
  }

  /** The engine keeps a few ended runs only; those that it let go of leave the list too. */
  async dropForgotten(): Promise<void> {
    const kept = new Set((await this.#engine.runs()).map((run) => run.id));
    for (const run of this.all()) if (!kept.has(run.id) && !isLive(run)) this.forget(run.id);
  }

  get(id: string): RunSummary | undefined {
    return this.#runs.get(id);
  }

  /** Running first, then the newest. */
  all(): RunSummary[] {
    return [...this.#runs.values()].sort((a, b) => Number(isLive(b)) - Number(isLive(a)) || b.startedAt - a.startedAt);
  }

  /** Attached to a host, or about to be: recordings are not. */
  live(): RunSummary[] {
    return this.all().filter((run) => isLive(run) && run.replay === undefined);
  }

  #publish(run: RunSummary, structure: boolean): void {
    const live = this.live();
    setContextKey(ContextKey.running, live.length > 0);
    setContextKey(
      ContextKey.keeping,
      live.some((one) => one.kept.length > 0),
    );
    this.#changed.fire({ run, structure });
  }

  dispose(): void {
    this.#unsubscribe();
    this.#changed.dispose();
  }
}

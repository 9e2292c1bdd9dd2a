import * as vscode from 'vscode';
import type { AttachSpec, RunSummary } from '@ringside/core/model';
import type { HostList } from './hostList.ts';
import type { KeptRun, KeptRuns } from './keptRuns.ts';
import type { RunList } from './runList.ts';

export interface LostRunsParts {
  hosts: HostList;
  runs: RunList;
  kept: KeptRuns;
  attacher: {
    specOf(runId: string): AttachSpec | undefined;
    onDidReplace: vscode.Event<{ before: string; run: RunSummary | null }>;
  };
}

/** The connection's loss reaches runs and hosts one after the other: a host is not back because it is not known to be lost yet. */
const settleMs = 1000;

/** Its hosts are connected again: what still goes on on them, host by host; the rest ended with the connection. */
export interface RunIsBack {
  run: RunSummary;
  kept: KeptRun[];
}

/** Runs that ended because the connection was lost, until they are on again or forgotten. */
export class LostRuns implements vscode.Disposable {
  readonly #parts: LostRunsParts;
  /** Lost runs whose hosts have not all come back since, or of which nobody knows yet what is kept. */
  readonly #waiting = new Set<string>();
  readonly #replaced = new Set<string>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #back = new vscode.EventEmitter<RunIsBack>();
  /** Fires once for each loss, when every host of the run is connected again and has told what it keeps. */
  readonly onDidComeBack = this.#back.event;
  readonly #changed = new vscode.EventEmitter<RunSummary>();
  /** A lost run is not lost any more: another has taken its place. */
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(parts: LostRunsParts) {
    this.#parts = parts;
    this.#subscriptions = [
      parts.runs.onDidChange(({ run, structure }) => {
        if (!structure || run.endReason !== 'host-lost' || parts.runs.get(run.id) === undefined) return;
        this.#noticeSoon(run.id);
      }),
      parts.hosts.onDidChange(() => this.#look()),
      parts.kept.onDidList((host) => this.#look(host)),
      parts.attacher.onDidReplace(({ before, run }) => {
        if (run !== null) this.replaced(before);
      }),
    ];
  }

  /** Whether it can be started again as it was; what is kept goes on by itself. */
  isLost(run: RunSummary): boolean {
    return (
      run.endReason === 'host-lost' &&
      !this.#replaced.has(run.id) &&
      this.#parts.attacher.specOf(run.id) !== undefined &&
      this.#parts.kept.leftOf(run).length === 0
    );
  }

  /** Another run has taken its place. */
  replaced(runId: string): void {
    const run = this.#parts.runs.get(runId);
    this.#waiting.delete(runId);
    this.#replaced.add(runId);
    if (run !== undefined) this.#changed.fire(run);
  }

  #noticeSoon(runId: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#waiting.add(runId);
      this.#look();
    }, settleMs);
    this.#timers.add(timer);
  }

  /** `listed`: this host has just told what it keeps. Of runs that were kept there is nothing to say before that. */
  #look(listed?: string): void {
    const { hosts, runs, kept } = this.#parts;
    for (const id of this.#waiting) {
      const run = runs.get(id);
      if (run === undefined) {
        this.#waiting.delete(id);
        continue;
      }
      const connected = run.hosts.every((host) => hosts.get(host)?.state.state === 'ready');
      const told = run.kept.length === 0 || run.kept.some(({ host }) => host === listed);
      if (!connected || !told) continue;
      this.#waiting.delete(id);
      this.#back.fire({ run, kept: kept.leftOf(run) });
    }
  }

  dispose(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#back.dispose();
    this.#changed.dispose();
  }
}

import type * as vscode from 'vscode';
import type { KeptOn, RunSummary } from '@ringside/core/model';
import { isLive } from '../format.ts';

const key = 'ringside.kept';
const maxKept = 50;

/** A kept run as the window that keeps it remembers it: enough to find it again before its host is connected. */
export interface RememberedKept extends KeptOn {
  name: string;
  /** The run of the engine that kept it: a panel that comes back after a reload names it. */
  runId: string;
}

/** What this workspace keeps on hosts, over window reloads. */
export class KeptMemory {
  readonly #memory: vscode.Memento;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  /** Those whose time is not over. */
  all(): RememberedKept[] {
    return this.#memory.get<RememberedKept[]>(key, []).filter((one) => !isOver(one));
  }

  /** Follows a run of this window: what is kept is noted at once, for nothing can be written any more when a window dies. */
  async follow(run: RunSummary): Promise<void> {
    // A run that was left is in its host's hands: what becomes of it there, its last summary does not know.
    if (!isLive(run) && run.kept.length > 0) return;
    const before = this.all();
    const now = run.kept.map((on): RememberedKept => ({ ...on, name: run.name, runId: run.id }));
    const others = before.filter((one) => one.runId !== run.id && !now.some((on) => isSame(on, one)));
    // A run that has not come to its keeping yet says nothing about an earlier one.
    if (now.length === 0 && others.length === before.length) return;
    const next = [...now, ...others].slice(0, maxKept);
    if (JSON.stringify(next) !== JSON.stringify(before)) await this.#memory.update(key, next);
  }

  async forget(on: KeptOn): Promise<void> {
    await this.#memory.update(
      key,
      this.all().filter((one) => !isSame(one, on)),
    );
  }

  /** Of one host, what its own list does not hold is gone. */
  async settle(host: string, listed: readonly KeptOn[]): Promise<void> {
    const before = this.all();
    const next = before.filter((one) => one.host !== host || listed.some((on) => isSame(on, one)));
    if (next.length !== before.length) await this.#memory.update(key, next);
  }
}

/** One kept run, for sets and maps. */
export const keptKey = ({ host, run }: KeptOn): string => `${host} ${run}`;

export const isSame = (a: KeptOn, b: KeptOn): boolean => a.host === b.host && a.run === b.run;

export const isOver = ({ expires }: KeptOn, now = Date.now()): boolean => BigInt(expires) / 1_000_000n <= BigInt(now);

/** Whether a run of this window is on it now, so that it is no run of its own in any list. */
export const isHeldBy = (on: KeptOn, run: RunSummary): boolean => isLive(run) && run.kept.some((k) => isSame(k, on));

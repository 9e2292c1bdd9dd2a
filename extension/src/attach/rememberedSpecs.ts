import type * as vscode from 'vscode';
import type { AttachSpec } from '@ringside/core/model';

const key = 'ringside.specs';
const maxSpecs = 50;
/** Longer than a window takes from ending its debug sessions to ending its extensions. */
const settleMs = 3000;

interface Remembered {
  spec: AttachSpec;
  /** The run was attached when the window was last seen. */
  live: boolean;
}

/**
 * The specs of runs, kept with the workspace so that a panel attaches again after a window reload. A panel's saved state
 * comes from a webview, which may name a spec but never invent one: it counts only if it stands here too.
 */
export class RememberedSpecs {
  readonly #memory: vscode.Memento;
  #frozen = false;
  readonly #taken = new Set<string>();
  readonly #pending = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  /** From now on nothing is forgotten: the runs that end because the window closes are to come back. */
  freeze(): void {
    this.#frozen = true;
    for (const timer of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }

  /**
   * The run ended by what may be the window's end: VS Code ends debug sessions before it tells extensions that the
   * window reloads. It counts as ended only if the window is still there a moment later.
   */
  endedUnlessClosing(spec: AttachSpec): void {
    if (this.#frozen) return;
    const id = specKey(spec);
    clearTimeout(this.#pending.get(id));
    const settle = (): void => {
      this.#pending.delete(id);
      void this.set(spec, false);
    };
    this.#pending.set(id, setTimeout(settle, settleMs));
  }

  async set(spec: AttachSpec, live: boolean): Promise<void> {
    if (this.#frozen) return;
    const id = specKey(spec);
    clearTimeout(this.#pending.get(id));
    this.#pending.delete(id);
    const before = this.#all()[id];
    if (before !== undefined && before.live === live) return;
    const others = Object.entries(this.#all()).filter(([other]) => other !== id);
    await this.#memory.update(key, Object.fromEntries([[id, { spec, live }] as const, ...others].slice(0, maxSpecs)));
  }

  /** Our own copy of a spec that someone claims to know; undefined when we never used it. */
  find(claimed: AttachSpec): Remembered | undefined {
    return this.#all()[specKey(claimed)];
  }

  /**
   * For a panel that comes back: our copy of its spec, and whether it is to attach it. Of several panels with one spec
   * only the first is, for there was one run.
   */
  take(claimed: AttachSpec): Remembered | undefined {
    const remembered = this.find(claimed);
    const id = specKey(claimed);
    if (remembered === undefined || this.#taken.has(id)) return remembered && { ...remembered, live: false };
    this.#taken.add(id);
    return remembered;
  }

  #all(): Record<string, Remembered> {
    return this.#memory.get<Record<string, Remembered>>(key, {});
  }
}

/** The same text for the same spec, whatever the order of its properties. */
export function specKey(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

import type * as vscode from 'vscode';
import type { PanelState } from '@ringside/core/model';
import { isFields } from './guardParts.ts';
import { parsePanelState } from './panelGuards.ts';

const KEY = 'ringside.traceLayouts';
const MOST_PROGRAMS = 50;

/** What a person chose about the table of a program's rows. */
export type RememberedLayout = Pick<PanelState, 'hidden' | 'widths' | 'layout'>;

/** The layout of each program's trace, kept with the workspace: the next run of it begins so. */
export class TraceLayouts {
  readonly #memory: Pick<vscode.Memento, 'get' | 'update'>;

  constructor(memory: Pick<vscode.Memento, 'get' | 'update'>) {
    this.#memory = memory;
  }

  /** Null for a program whose table nobody has changed. */
  of(file: string): RememberedLayout | null {
    const all = this.#all();
    const state = Object.hasOwn(all, file) ? parsePanelState({ ...EMPTY, ...(all[file] as object) }) : null;
    if (state?.layout === undefined) return null;
    return { hidden: state.hidden, widths: state.widths, layout: state.layout };
  }

  set(file: string, layout: RememberedLayout): void {
    const all = this.#all();
    if (Object.hasOwn(all, file) && JSON.stringify(all[file]) === JSON.stringify(layout)) return;
    const others = Object.entries(all).filter(([other]) => other !== file);
    void this.#memory.update(KEY, Object.fromEntries([...others.slice(-MOST_PROGRAMS + 1), [file, layout]]));
  }

  /** The program's table is as it came again. */
  forget(file: string): void {
    const all = this.#all();
    if (!Object.hasOwn(all, file)) return;
    void this.#memory.update(KEY, Object.fromEntries(Object.entries(all).filter(([other]) => other !== file)));
  }

  #all(): Record<string, unknown> {
    const stored = this.#memory.get<unknown>(KEY);
    return isFields(stored) ? stored : {};
  }
}

const EMPTY = { runId: '', stream: '', where: '', spec: null };

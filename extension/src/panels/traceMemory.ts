import type { Memento } from 'vscode';
import type { Bookmark, ColourRule, PanelState, RunSummary } from '@ringside/core/model';
import { isFields } from './guardParts.ts';
import { known, parseBookmark, parseColourRule, rowCaps } from './rowToolGuards.ts';

const coloursKey = 'ringside.trace.colours';
const bookmarksKey = 'ringside.trace.bookmarks';
/** Programs and recordings that are remembered, the last ones. */
const mostFiles = 50;

/** The colour rules of programs and the bookmarks of recordings, by file. Bookmarks of a live run go with its rows. */
export class TraceMemory {
  readonly #memory: Pick<Memento, 'get' | 'update'>;

  constructor(memory: Pick<Memento, 'get' | 'update'>) {
    this.#memory = memory;
  }

  of({ file, replay }: Pick<RunSummary, 'file' | 'replay'>): { colours: ColourRule[]; bookmarks: Bookmark[] } {
    return {
      colours: known(this.#list(coloursKey, file), rowCaps.rules, parseColourRule),
      bookmarks: replay ? known(this.#list(bookmarksKey, replay.file), rowCaps.bookmarks, parseBookmark) : [],
    };
  }

  /** Keeps what a panel says of its run; what has not changed is not written again. */
  keep(run: Pick<RunSummary, 'file' | 'replay'> | undefined, state: Pick<PanelState, 'colours' | 'bookmarks'>): void {
    if (run === undefined) return;
    if (state.colours !== undefined) this.#keep(coloursKey, run.file, state.colours);
    if (run.replay && state.bookmarks !== undefined) this.#keep(bookmarksKey, run.replay.file, state.bookmarks);
  }

  #keep(key: string, file: string, list: readonly unknown[]): void {
    if (JSON.stringify(this.#list(key, file)) === JSON.stringify(list)) return;
    const others = Object.entries(this.#all(key)).filter(([name]) => name !== file);
    const entries = list.length === 0 ? others : [...others.slice(1 - mostFiles), [file, list] as const];
    void this.#memory.update(key, Object.fromEntries(entries));
  }

  #list(key: string, file: string): unknown[] {
    const list = this.#all(key)[file];
    return Array.isArray(list) ? list : [];
  }

  #all(key: string): Record<string, unknown> {
    const stored = this.#memory.get<unknown>(key);
    return isFields(stored) ? stored : {};
  }
}

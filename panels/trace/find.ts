import { batch, signal } from '@preact/signals';
import type { ErrorData, FindAsk, FoundRows, RowFind } from '@ringside/core/model';
import { RequestError } from '../shared/rpc.ts';

export interface FindHost {
  ask(find: RowFind, place: Pick<FindAsk, 'from' | 'evicted' | 'direction'>): Promise<FoundRows>;
  /** Where the keyboard stands, or the first row in view. */
  place(): { from: number; evicted: number };
  /** Columns in which a text is looked for. */
  columns(): string[];
  /** Goes to a row, counted when `evicted` had left. */
  goTo(row: NonNullable<FoundRows['row']>): void;
  /** What is searched for is another: the rows that show it are to be marked anew. */
  changed(): void;
  later(run: () => void, ms: number): () => void;
}

/** While rows are still to be looked at, the search is asked again so often. */
const AGAIN_MS = 120;
/** Typing searches after this pause. */
const PAUSE_MS = 200;

/** The search over the rows of the view: they stay, and the keyboard goes from match to match. */
export class FindState {
  readonly open = signal(false);
  readonly text = signal('');
  readonly by = signal<RowFind['by']>('text');
  readonly result = signal<FoundRows | null>(null);
  readonly error = signal<ErrorData | null>(null);
  readonly #host: FindHost;
  #generation = 0;
  #cancel: (() => void) | null = null;

  constructor(host: FindHost) {
    this.#host = host;
  }

  /** What is searched for; null while nothing is. */
  get find(): RowFind | null {
    if (!this.open.value || this.text.value.trim() === '') return null;
    return { text: this.text.value, by: this.by.value, columns: this.by.value === 'text' ? this.#host.columns() : [] };
  }

  show(): void {
    if (this.open.value) return;
    this.open.value = true;
    this.#changed();
  }

  close(): void {
    this.#stop();
    batch(() => {
      this.open.value = false;
      this.result.value = null;
      this.error.value = null;
    });
    this.#host.changed();
  }

  type(text: string): void {
    this.text.value = text;
    this.#stop();
    this.#cancel = this.#host.later(() => this.#changed(), PAUSE_MS);
  }

  searchBy(by: RowFind['by']): void {
    this.by.value = by;
    this.#changed();
  }

  /** Goes to the next match, or back to the one before. */
  step(direction: -1 | 1): void {
    if (this.find !== null) this.#ask(direction);
  }

  /** The view is another one: what was found in the old one means nothing. */
  viewChanged(): void {
    this.result.value = null;
    if (this.find !== null) this.#ask(0, false);
  }

  #changed(): void {
    this.result.value = null;
    this.error.value = null;
    this.#host.changed();
    if (this.find !== null) this.#ask(0);
  }

  #stop(): void {
    this.#generation++;
    this.#cancel?.();
    this.#cancel = null;
  }

  #ask(direction: -1 | 0 | 1, go = true): void {
    this.#stop();
    const place = this.#host.place();
    void this.#look(this.#generation, { ...place, direction }, go);
  }

  /** Asks until a row is found or all rows have been looked at. The count goes on growing for as long as it is partial. */
  async #look(generation: number, place: Pick<FindAsk, 'from' | 'evicted' | 'direction'>, go: boolean): Promise<void> {
    const { find } = this;
    if (find === null) return;
    try {
      const result = await this.#host.ask(find, place);
      if (generation !== this.#generation) return;
      this.error.value = null;
      // Without a row the ordinal of the one before still holds.
      this.result.value = result;
      const arrived = go && result.row !== null;
      if (arrived) this.#host.goTo(result.row!);
      if (result.partial) {
        const next = arrived ? { from: result.row!.index, evicted: result.row!.evicted, direction: 0 as const } : place;
        this.#cancel = this.#host.later(() => void this.#look(generation, next, go && !arrived), AGAIN_MS);
      }
    } catch (error) {
      if (generation !== this.#generation) return;
      this.error.value = error instanceof RequestError ? error.data : null;
    }
  }
}

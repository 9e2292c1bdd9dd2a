import type { RowsPage, RowsQuery } from '@ringside/core/model';
import type { Want } from '../shared/grid/pageWindow.ts';
import { RequestError } from '../shared/rpc.ts';

/** Which run, stream and filter the rows come from, in which order they stand and how they are written. */
export type View = Omit<RowsQuery, 'first' | 'count' | 'evicted'>;

export interface PumpHost {
  request(query: RowsQuery): Promise<RowsPage>;
  /** Runs once before the next paint. */
  nextFrame(run: () => void): void;
  later(run: () => void, ms: number): () => void;
  page(page: RowsPage, want: Want): void;
  failed(error: RequestError): void;
}

/**
 * Pulls rows: at most one request a frame and one on its way; while one is on its way only the newest wish is kept.
 * Pages of a view that is no longer shown are dropped, whenever they come.
 */
export class RowPump {
  readonly #host: PumpHost;
  #view: View | null = null;
  #want: Want | null = null;
  #generation = 0;
  #due = false;
  #inFlight = false;
  #frameAsked = false;
  #cancelPoll: (() => void) | null = null;

  constructor(host: PumpHost) {
    this.#host = host;
  }

  get view(): View | null {
    return this.#view;
  }

  /** Turns to another run, stream or filter. What is on its way no longer counts. */
  show(view: View | null): void {
    this.#generation++;
    this.#view = view;
    this.#inFlight = false;
    this.stopPolling();
    this.refresh();
  }

  want(want: Want): void {
    this.#want = want;
    this.refresh();
  }

  /** Asks again for what is wanted. */
  refresh(): void {
    this.#due = true;
    this.#askFrame();
  }

  /** Asks again after a while, unless something else asks before. */
  pollIn(ms: number): void {
    this.stopPolling();
    this.#cancelPoll = this.#host.later(() => {
      this.#cancelPoll = null;
      this.refresh();
    }, ms);
  }

  stopPolling(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = null;
  }

  #askFrame(): void {
    if (this.#frameAsked || this.#inFlight) return;
    this.#frameAsked = true;
    this.#host.nextFrame(() => {
      this.#frameAsked = false;
      this.#send();
    });
  }

  #send(): void {
    const view = this.#view;
    const want = this.#want;
    if (!this.#due || this.#inFlight || view === null || want === null || want.count <= 0) return;
    this.#due = false;
    this.#inFlight = true;
    this.stopPolling();
    const generation = this.#generation;
    const { first, count, evicted } = want;
    this.#host.request({ ...view, first, count, ...(first < 0 ? {} : { evicted }) }).then(
      (page) => {
        if (generation !== this.#generation) return;
        this.#inFlight = false;
        if (belongsTo(page, view)) this.#host.page(page, want);
        if (this.#due) this.#askFrame();
      },
      (error: unknown) => {
        if (generation !== this.#generation) return;
        this.#inFlight = false;
        const reason = error instanceof RequestError ? error : new RequestError('failed', String(error));
        if (reason.why !== 'disposed') this.#host.failed(reason);
        if (this.#due) this.#askFrame();
      },
    );
  }
}

/** A page names its stream by its full name even when the query asked for "" (the run's first stream). */
function belongsTo(page: RowsPage, view: View): boolean {
  return page.runId === view.runId && page.where === view.where && (view.stream === '' || page.stream === view.stream);
}

/** Least time between two polls while following: 30 a second at most. */
export const FASTEST_POLL_MS = 34;
/** Longest time that a quiet stream waits for its next row to be noticed. */
export const SLOWEST_POLL_MS = 250;

/** Polls faster while rows come, slower while nothing happens. */
export class PollPace {
  #delay = FASTEST_POLL_MS;

  get delay(): number {
    return this.#delay;
  }

  /** @param grew whether the last page brought anything new. */
  next(grew: boolean): number {
    this.#delay = grew ? FASTEST_POLL_MS : Math.min(SLOWEST_POLL_MS, Math.round(this.#delay * 1.5));
    return this.#delay;
  }

  hurry(): void {
    this.#delay = FASTEST_POLL_MS;
  }
}

import { RingsideError } from '../../errors.ts';
import type { SummaryPage, SummaryQuery, SummarySpec } from '../../model/index.ts';
import { compileExpr } from '../expr/compile.ts';
import type { RunViews } from '../runViews.ts';
import { Summary } from './summary.ts';

/** Summaries kept per run: a page of charts and a group. What is asked for last stays. */
const SUMMARY_LIMIT = 32;
/** How long one summary may hold the thread before another gets its turn. */
const SLICE_MS = 6;
/** Summaries follow the rows even while nobody asks, so that none leaves the store uncounted… */
const KEEP_UP_MS = 250;
/** …for as long as somebody has asked within this time: a panel that is closed says nothing. */
export const FORGOTTEN_AFTER_MS = 600_000;

interface Kept {
  summary: Summary;
  askedAt: number;
}

/** The summaries of one run: made as they are asked for, kept up to date in the background. */
export class RunSummaries {
  readonly #views: Pick<RunViews, 'decoder'>;
  readonly #now: () => number;
  /** By stream, expression and spec, the least recently asked first. */
  readonly #kept = new Map<string, Kept>();
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(views: Pick<RunViews, 'decoder'>, now: () => number = Date.now) {
    this.#views = views;
    this.#now = now;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Answers a question; one that does not fit the records comes back with its `error`, without data. */
  page(query: Omit<SummaryQuery, 'runId'>): SummaryPage {
    try {
      const { summary, fresh } = this.#summary(query);
      if (!summary.advance(SLICE_MS)) this.#goOn();
      return summary.page(fresh ? 0 : query.since, query.spec);
    } catch (error) {
      if (!(error instanceof RingsideError)) throw error;
      const { name } = this.#views.decoder(query.stream).stream;
      const none = { state: 1, whole: true, data: null, counted: 0, missed: 0, partial: false };
      return { stream: name, where: query.where, ...none, error: error.toData() };
    }
  }

  /** Stops all work in the background. */
  dispose(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#soon);
    this.#timer = this.#soon = undefined;
    this.#kept.clear();
  }

  #summary({ stream, where, spec }: Omit<SummaryQuery, 'runId'>): { summary: Summary; fresh: boolean } {
    const decoder = this.#views.decoder(stream);
    const key = JSON.stringify([decoder.stream.name, where, counted(spec)]);
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    // After a redeploy the records may be others: what was counted of the old ones is another figure.
    const fresh = known?.summary.decoder !== decoder;
    const summary = fresh ? new Summary(decoder, compileExpr(where, decoder.schema), spec) : known.summary;
    this.#kept.set(key, { summary, askedAt: this.#now() });
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= SUMMARY_LIMIT) break;
      this.#kept.delete(old);
    }
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#keepUp(), KEEP_UP_MS);
      this.#timer.unref();
    }
    return { summary, fresh };
  }

  #keepUp(): void {
    const oldest = this.#now() - FORGOTTEN_AFTER_MS;
    for (const [key, { askedAt }] of this.#kept) if (askedAt < oldest) this.#kept.delete(key);
    if (this.#kept.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if ([...this.#kept.values()].some(({ summary }) => summary.behind)) this.#goOn();
  }

  /** Works in slices between which frames and answers come. */
  #goOn(): void {
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined;
      let left = false;
      for (const { summary } of this.#kept.values()) {
        if (summary.behind && !summary.advance(SLICE_MS)) left = true;
      }
      if (left) this.#goOn();
    });
  }
}

/** What of a question must be counted anew when it changes: not which groups are shown first. */
function counted(spec: SummarySpec): unknown {
  return spec.kind === 'groups' ? { kind: spec.kind, by: spec.by, measures: spec.measures } : spec;
}

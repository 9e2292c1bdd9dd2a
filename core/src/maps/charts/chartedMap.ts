/** A map that charts show: looked at as often as its size allows, each look taken into the figures of all its charts. */
import type { AgentClient } from '../../agent/client.ts';
import { RingsideError } from '../../errors.ts';
import { compileExpr, type Filter } from '../../events/index.ts';
import type { MapSummarySpec, SummaryPage } from '../../model/index.ts';
import { notShown } from '../view/access.ts';
import { everyMsAfter, LEAST_EVERY_MS, openFeed, type Feed } from '../view/feed.ts';
import type { RowLayout } from '../view/layout.ts';
import type { LiveMapOf } from '../view/liveMap.ts';
import { orderRows } from '../view/order.ts';
import { MapTable } from '../view/table.ts';
import { figuresOf, type Figures } from './figures.ts';

/** A map as it can be reached now. */
export interface ChartedMapOf extends Omit<LiveMapOf, 'target' | 'agent' | 'readOnly'> {
  agent: AgentClient;
}

/** The figures of one chart. */
interface Charted {
  where: string;
  spec: MapSummarySpec;
  figures: Figures;
  filter: Filter | null;
  looks: number;
  error: RingsideError | null;
}

/** Faults that another look does not mend. */
const LASTING = new Set(['unknown-field', 'bad-value', 'map-access', 'unknown-map']);
const NUMBERS = new Set<string>(['int', 'uint', 'bool', 'float', 'enum', 'array']);
/** A look that came later than this many usual ones leaves a gap. */
const LATE = 3;

export class ChartedMap {
  readonly #charted = new Map<string, Charted>();
  readonly #reach: () => Promise<ChartedMapOf>;
  readonly #field: string;
  #open: { feed: Feed; of: ChartedMapOf; table: MapTable } | null = null;
  #looking: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #everyMs = LEAST_EVERY_MS;
  #readAt: number | null = null;
  #error: RingsideError | null = null;
  #closed = false;

  /** `field`: the member that is drawn; "" = the first that counts. */
  constructor(reach: () => Promise<ChartedMapOf>, field: string) {
    this.#reach = reach;
    this.#field = field;
  }

  /** What a chart shows, without what has not changed since the state `since`. Waits a moment for the first look. */
  async page(
    where: string,
    spec: MapSummarySpec,
    since: number,
    patienceMs: number,
  ): Promise<Omit<SummaryPage, 'stream'>> {
    const key = JSON.stringify([where, spec]);
    let charted = this.#charted.get(key);
    const fresh = charted === undefined;
    if (charted === undefined) {
      charted = { where, spec, figures: figuresOf(spec), filter: null, looks: 0, error: null };
      this.#charted.set(key, charted);
    }
    // One that came later than the others is not looked for: the next look is near.
    if (this.#timer === undefined) this.#look();
    if (charted.looks === 0 && this.#looking !== null) await within(this.#looking, patienceMs);
    const { figures, looks } = charted;
    const read = figures.read(fresh ? 0 : since);
    const error = charted.error ?? (read === null ? this.#error : null);
    return {
      where,
      state: figures.state,
      whole: read?.whole ?? true,
      data: error === null ? (read?.data ?? null) : null,
      counted: looks,
      missed: 0,
      partial: error === null && read === null,
      error: error?.toData() ?? null,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await this.#letGo();
  }

  #look(): void {
    this.#looking ??= this.#read().finally(() => {
      this.#looking = null;
      if (this.#closed || (this.#error !== null && LASTING.has(this.#error.code))) return;
      this.#timer = setTimeout(() => this.#look(), this.#everyMs);
      this.#timer.unref();
    });
  }

  async #read(): Promise<void> {
    const began = performance.now();
    try {
      const { feed, of, table } = (this.#open ??= await this.#opened());
      const polled = await feed.poll({});
      table.apply(polled);
      const at = Number(polled.time / 1_000_000n);
      const gap = this.#readAt === null || at - this.#readAt > LATE * this.#everyMs + LEAST_EVERY_MS;
      const before = gap ? null : this.#readAt;
      for (const charted of this.#charted.values()) await this.#take(charted, of, table, at, before);
      this.#readAt = at;
      this.#error = null;
      this.#everyMs = everyMsAfter(performance.now() - began);
    } catch (error) {
      this.#error = RingsideError.from(error);
      await this.#letGo();
    }
  }

  async #take(charted: Charted, of: ChartedMapOf, table: MapTable, at: number, before: number | null): Promise<void> {
    if (charted.error !== null) return;
    try {
      charted.filter ??= compileExpr(charted.where, { stream: of.name, records: [table.layout.record] });
      const { spec } = charted;
      if (spec.kind !== 'heatmap' && table.rateOf === '') throw countsNothing(of.name);
      const figure = spec.kind !== 'heatmap' && spec.of === 'value' ? table.rateOf : 'rate';
      const sort = spec.kind === 'heatmap' ? { column: '', descending: false } : { column: figure, descending: true };
      const rows = await orderRows(table, charted.filter, sort, () => !this.#closed);
      if (rows === null) return;
      charted.figures.take({ table, map: of, rows, at, before: charted.looks === 0 ? null : before });
      charted.looks++;
    } catch (error) {
      charted.error = RingsideError.from(error);
    }
  }

  async #opened(): Promise<{ feed: Feed; of: ChartedMapOf; table: MapTable }> {
    const of = await this.#reach();
    if (of.access === 'member' || of.access === 'pages' || of.access === 'nothing') throw notShown(of);
    const feed = await openFeed({ ...of, editable: false }, of.access, {});
    try {
      return { feed, of, table: new MapTable(feed.layout, this.#counted(feed.layout, of.name)) };
    } catch (error) {
      await feed.close();
      throw error;
    }
  }

  /** @throws RingsideError `unknown-field` */
  #counted(layout: RowLayout, name: string): string {
    const { counters } = layout;
    const wanted = this.#field === '' ? (counters[0] ?? '') : this.#field;
    if (wanted === '' || NUMBERS.has(layout.field(wanted)?.kind ?? '')) return wanted;
    throw new RingsideError('unknown-field', `"${wanted}" is no member of the values of ${name}.`, {
      remedy: counters.length === 0 ? 'None of its members counts.' : `Those that count: ${counters.join(', ')}.`,
    });
  }

  async #letGo(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.feed.close().catch(() => undefined);
  }
}

function countsNothing(name: string): RingsideError {
  return new RingsideError('bad-value', `The values of ${name} have no number that counts.`, {
    remedy: 'The Maps panel shows its entries.',
  });
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const quiet = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work, quiet]);
  clearTimeout(timer);
}

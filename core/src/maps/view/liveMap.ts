/** One map that is looked at: read as often as its size allows while somebody asks, and shown in windows of rows. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentClient } from '../../agent/client.ts';
import { RingsideError } from '../../errors.ts';
import { compileExpr, compileReader, hexDump, renderCell, type Filter } from '../../events/index.ts';
import type {
  FieldValue,
  HistogramScale,
  MapAccess,
  MapChange,
  MapChanged,
  MapEntryDetail,
  MapHistograms,
  MapLook,
  MapRow,
  MapRowsPage,
  MapTarget,
  MapTrouble,
} from '../../model/index.ts';
import type { MapTyping } from '../hostTypes.ts';
import { canAdd, canDelete, isOfMaps, notShown, whyReadOnly } from './access.ts';
import { MapEdits } from './edits.ts';
import { everyMsAfter, LEAST_EVERY_MS, openFeed, type Feed, type Ref } from './feed.ts';
import { histograms, histogramShape } from './histogram.ts';
import { MapHistory } from './history.ts';
import type { RowLayout } from './layout.ts';
import { orderRows } from './order.ts';
import { MapTable } from './table.ts';
import { templateOf } from './template.ts';

/** How long a question waits for what is on its way before it is answered with what there is. */
const PATIENCE_MS = 400;
/** Tables up to this size are sorted before the answer, larger ones beside it. */
const SORTED_AT_ONCE = 20_000;
const TREND_LOOKS = 32;
const MOST_ROWS = 1000;
const MOST_HISTOGRAMS = 100;

export interface LiveMapOf {
  target: MapTarget;
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  access: MapAccess;
  typing: MapTyping;
  ref: Ref;
  agent: () => AgentClient;
  /** Why nothing can be written; "" = nothing speaks against it. */
  readOnly: string;
}

interface Order {
  key: string;
  keysVersion: number;
  looks: number;
  rows: Uint32Array;
}

type CellList = ReturnType<RowLayout['cells']>;

export class LiveMap {
  readonly #of: LiveMapOf;
  readonly #edits: MapEdits;
  readonly #history = new MapHistory();
  readonly #readOnly: string;
  #feed: Feed | null = null;
  #feedAgent: AgentClient | null = null;
  #table: MapTable | null = null;
  #polling: Promise<void> | null = null;
  #ordering: Promise<void> | null = null;
  #order: Order | null = null;
  #wanted = '';
  #filter: { where: string; filter: Filter } | null = null;
  #cells: { key: string; list: CellList } | null = null;
  #nextAt = 0;
  #everyMs = LEAST_EVERY_MS;
  #readAt: number | null = null;
  #entries: number | null = null;
  #changesPerSecond: number | null = null;
  #trouble: MapTrouble | null = null;
  #closed = false;

  constructor(of: LiveMapOf) {
    this.#of = of;
    this.#edits = new MapEdits({ agent: of.agent, ref: of.ref, name: of.name, type: of.type });
    this.#readOnly = of.readOnly === '' ? whyReadOnly(of) : of.readOnly;
    if (of.access === 'member' || of.access === 'pages' || of.access === 'nothing')
      this.#trouble = { kind: 'refused', error: notShown(of).toData() };
  }

  get target(): MapTarget {
    return this.#of.target;
  }

  /** Its agent has ended: the host comes back with another one. */
  get agentClosed(): boolean {
    return this.#feedAgent?.closed === true;
  }

  /** What the list of maps says of it. */
  get figures(): { entries: number | null; changesPerSecond: number | null } {
    return { entries: this.#entries, changesPerSecond: this.#changesPerSecond };
  }

  get trouble(): MapTrouble | null {
    return this.#trouble;
  }

  /** It is not to be read any more; what was read stays. */
  async end(trouble: MapTrouble): Promise<void> {
    this.#trouble = trouble;
    await this.letGo();
  }

  /** Gives up what keeps the map alive in the kernel; the next look opens it again. */
  async letGo(): Promise<void> {
    await this.#polling?.catch(() => undefined);
    const feed = this.#feed;
    this.#feed = null;
    await feed?.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.letGo();
  }

  // --- looking ------------------------------------------------------------------------------------------------------

  /** Reads the map if it is time, and says when that is done. */
  #look(rateOf: string): Promise<void> {
    this.#polling ??= this.#read(rateOf).finally(() => (this.#polling = null));
    return this.#polling;
  }

  async #read(rateOf: string): Promise<void> {
    const began = performance.now();
    try {
      const feed = await this.#opened();
      const polled = await feed.poll({});
      const took = performance.now() - began;
      // Rows keep their places as long as they are being sorted.
      while (this.#ordering !== null) await this.#ordering;
      if (this.#closed) return;
      const table = this.#tableOf(feed, rateOf);
      const whole = table.looks === 0;
      const before = this.#readAt;
      const count = table.count;
      table.apply(polled);
      this.#readAt = Number(polled.time / 1_000_000n);
      this.#history.add(this.#readAt, table.lastChanges, whole);
      this.#entries = polled.entries;
      const changes = table.lastChanges.rows.length + deletedOf(table, count);
      const seconds = before === null ? 0 : (this.#readAt - before) / 1000;
      this.#changesPerSecond = whole || seconds <= 0 ? null : changes / seconds;
      this.#everyMs = everyMsAfter(took);
      this.#trouble = null;
    } catch (error) {
      this.#fail(RingsideError.from(error));
    }
    this.#nextAt = performance.now() + this.#everyMs;
  }

  async #opened(): Promise<Feed> {
    if (this.#feed !== null) return this.#feed;
    const { typing, ref, name, keySize, valueSize, access } = this.#of;
    this.#feedAgent = this.#of.agent();
    const of = { agent: this.#feedAgent, ref, name, typing, keySize, valueSize, editable: this.#readOnly === '' };
    const feed = await openFeed(of, access, {});
    // What it tells first is everything: it begins anew.
    this.#table = null;
    this.#feed = feed;
    return feed;
  }

  #tableOf(feed: Feed, rateOf: string): MapTable {
    if (this.#table === null) {
      this.#table = new MapTable(feed.layout, followed(feed.layout, rateOf));
      this.#history.clear();
      this.#order = null;
      this.#cells = null;
    }
    return this.#table;
  }

  #fail(error: RingsideError): void {
    const away = new Set(['host-lost', 'agent-exited', 'host-unreachable', 'cancelled']);
    const kind = error.code === 'unknown-map' ? 'gone' : away.has(error.code) ? 'away' : 'refused';
    this.#trouble = { kind, error: error.toData() };
    this.#feed = null;
    this.#everyMs = Math.max(this.#everyMs, LEAST_EVERY_MS * 2);
  }

  /** Follows another member where that is asked for. */
  #follow(table: MapTable, rateOf: string): void {
    const wanted = followed(table.layout, rateOf);
    if (wanted === table.rateOf) return;
    table.follow(wanted);
    this.#history.clear();
    this.#order = null;
  }

  // --- windows of rows ----------------------------------------------------------------------------------------------

  async page(look: MapLook, first: number, count: number): Promise<MapRowsPage> {
    const refused = this.#trouble?.kind === 'refused' && this.#table === null && this.#nextAt === 0;
    const ended = this.#trouble?.kind === 'gone' && this.#feed === null;
    const due = !refused && !ended && performance.now() >= this.#nextAt && (!look.paused || this.#table === null);
    if (due) void this.#look(look.rateOf);
    if (this.#table === null && this.#polling) await within(this.#polling, PATIENCE_MS);
    const table = this.#table;
    if (table === null) return this.#empty(look);
    this.#follow(table, look.rateOf);
    const { filter, error, at } = this.#filterOf(table, look.where);
    const sorted = look.sort.column === '' ? { ...look, sort: byKey(table) } : look;
    const sorting = filter === null ? false : await this.#arrange(table, filter, sorted);
    const rows = filter === null ? new Uint32Array(0) : (this.#order?.rows ?? new Uint32Array(0));
    const cells = this.#cellsOf(table, look);
    const from = Math.max(0, Math.min(first, rows.length));
    const shown = rows.subarray(from, from + Math.min(count, MOST_ROWS));
    return {
      ...this.#frame(look, table, cells),
      first: from,
      rows: Array.from(shown, (row) => this.#row(table, row, cells)),
      matching: rows.length,
      sorting,
      filterError: error,
      ...(at === undefined ? {} : { filterErrorAt: at }),
    };
  }

  #empty(look: MapLook): MapRowsPage {
    return { ...this.#frame(look, null, []), first: 0, rows: [], matching: 0, sorting: false, filterError: null };
  }

  #frame(look: MapLook, table: MapTable | null, cells: CellList) {
    const { target, access, type } = this.#of;
    const layout = table?.layout;
    return {
      target,
      where: look.where,
      columns: cells.map(({ column }) => column),
      held: table?.count ?? 0,
      entries: this.#entries,
      look: table?.looks ?? 0,
      readAt: this.#readAt,
      everyMs: this.#everyMs,
      access,
      perCpu: this.#of.typing.perCpu,
      counters: layout?.counters ?? [],
      rateOf: table?.rateOf ?? '',
      histogram: layout ? histogramShape(layout, this.#of) : null,
      ofMaps: isOfMaps(type),
      readOnly: this.#readOnly,
      canAdd: this.#of.readOnly === '' && canAdd(type),
      canDelete: this.#of.readOnly === '' && canDelete(type),
      template: templateOf(this.#of),
      undo: this.#edits.depth,
      trouble: this.#trouble,
    };
  }

  #cellsOf(table: MapTable, look: MapLook): CellList {
    const key = `${look.split} ${table.rateOf}`;
    if (this.#cells?.key !== key) this.#cells = { key, list: table.layout.cells(look.split, table.rateOf) };
    return this.#cells.list;
  }

  #filterOf(table: MapTable, where: string): { filter: Filter | null; error: MapRowsPage['filterError']; at?: number } {
    try {
      if (this.#filter?.where !== where) {
        const schema = { stream: this.#of.name, records: [table.layout.record] };
        this.#filter = { where, filter: compileExpr(where, schema) };
      }
      return { filter: this.#filter.filter, error: null };
    } catch (thrown) {
      const error = RingsideError.from(thrown).toData();
      const at = error.detail.split('\n').at(-1)?.indexOf('^') ?? -1;
      return { filter: null, error, ...(at < 0 ? {} : { at }) };
    }
  }

  /** Brings the order up to date. Says whether that goes on. */
  async #arrange(table: MapTable, filter: Filter, look: MapLook): Promise<boolean> {
    const key = JSON.stringify([look.where, look.sort]);
    const changed = key !== this.#order?.key;
    if (!changed && this.#isFresh(this.#order!, table, look)) return false;
    this.#wanted = key;
    this.#ordering ??= this.#sort(table, filter, look, key).finally(() => (this.#ordering = null));
    const ordering = this.#ordering;
    if (this.#order === null) this.#order = asTheyAre(table);
    if (table.count <= SORTED_AT_ONCE) await ordering;
    else if (changed) await within(ordering, PATIENCE_MS);
    return this.#order.key !== key;
  }

  /** Keys stay where they are: only what is sorted or filtered by something else moves with every look. */
  #isFresh(order: Order, table: MapTable, look: MapLook): boolean {
    if (order.looks === table.looks) return true;
    const byKey = /^key\b/.test(look.sort.column) && !/\b(value|rate|cpu)\b/.test(look.where);
    return order.keysVersion === table.keysVersion && (byKey || table.lastChanges.rows.length === 0);
  }

  async #sort(table: MapTable, filter: Filter, { sort }: MapLook, key: string): Promise<void> {
    const { keysVersion, looks } = table;
    const rows = await orderRows(table, filter, sort, () => !this.#closed && this.#wanted === key);
    if (rows !== null && this.#table === table) this.#order = { key, keysVersion, looks, rows };
  }

  #row(table: MapTable, row: number, cells: CellList): MapRow {
    if (table.alive[row] !== 1) return { seq: row, cells: cells.map(() => ''), marks: [] };
    const base = table.base(row);
    const texts = cells.map((cell) => {
      if (cell.column.role === 'rate') return rateText(table.rateAt(row));
      if (cell.column.role === 'trend') return this.#trend(table, row);
      return table.layout.text(cell, table.view, base);
    });
    return { seq: row, cells: texts, marks: this.#marks(table, row, cells) };
  }

  /** The change a second at the last looks, as numbers; what is not known is left out. */
  #trend(table: MapTable, row: number): string {
    const samples = this.#history.samples(row, table.counterOf(row), TREND_LOOKS + 1);
    return samples.flatMap(({ rate }) => (rate === null || Number.isNaN(rate) ? [] : [round(rate)])).join(',');
  }

  #marks(table: MapTable, row: number, cells: CellList): number[] {
    if (table.looks < 2 || table.changedAt[row] !== table.looks) return [];
    const every = cells.map((_, i) => i);
    if (table.bornAt[row] === table.looks) return every.filter((i) => cells[i]!.column.role === 'key');
    const values = every.filter((i) => cells[i]!.column.role === 'value');
    const earlier = table.earlier.get(row);
    // So much changes that the earlier bytes are not kept: what is followed stands for the rest.
    if (earlier === undefined) return values.filter((i) => cells[i]!.column.id === table.rateOf);
    const view = new DataView(earlier.buffer, earlier.byteOffset, earlier.byteLength);
    const base = table.base(row);
    return values.filter(
      (i) => table.layout.text(cells[i]!, view, 0) !== table.layout.text(cells[i]!, table.view, base),
    );
  }

  // --- one entry, histograms, writes ----------------------------------------------------------------------------------

  entry(seq: number): MapEntryDetail | null {
    const table = this.#table;
    if (table?.alive[seq] !== 1) return null;
    const { layout } = table;
    const base = table.base(seq);
    const read = (path: string): FieldValue => {
      const field = layout.field(path);
      return field ? compileReader(field)(table.view, base, base + layout.stride) : null;
    };
    const cpus = layout.typing.perCpu > 0 ? read('cpu') : null;
    const cells = layout.cells(false, '').filter(({ column }) => column.role === 'key' || column.role === 'value');
    return {
      seq,
      key: layout.keySize > 0 ? JSON.stringify(read('key')) : '',
      value: JSON.stringify(Array.isArray(cpus) ? { perCpu: cpus } : read('value')),
      fields: cells.map((cell) => ({
        path: cell.column.id,
        type: cell.column.field?.type ?? '',
        text: layout.text(cell, table.view, base),
      })),
      perCpu: Array.isArray(cpus) ? cpus.map((one) => renderCell(layout.typing.value, one)) : [],
      hex: hexDump(table.value(seq), 0, layout.valueBytes),
      history: this.#history
        .samples(seq, table.counterOf(seq))
        .map(({ at, value, rate }) => ({ at, value, rate }))
        .filter(({ value }) => !Number.isNaN(value)),
    };
  }

  async histograms(scale: HistogramScale | '', first: number, count: number): Promise<MapHistograms> {
    const table = this.#table;
    if (table === null) return { look: 0, histograms: [], of: 0 };
    while (this.#ordering !== null) await this.#ordering;
    const order = this.#order?.rows ?? asTheyAre(table).rows;
    const alive = order.filter((row) => table.alive[row] === 1);
    const wanted = { scale, first, count: Math.min(count, MOST_HISTOGRAMS) };
    return { look: table.looks, ...histograms(table, this.#of, alive, wanted) };
  }

  /** Errors: see MapEdits.change. */
  async change(change: MapChange): Promise<MapChanged> {
    if (this.#of.readOnly !== '') throw new RingsideError('map-access', this.#of.readOnly);
    await this.#polling;
    const table = this.#table;
    if (table === null) throw new RingsideError('map-access', `${this.#of.name} has not been read yet.`);
    const done = await this.#edits.change(table, change);
    // Seen at once, whatever the size.
    this.#nextAt = 0;
    if (table.count <= SORTED_AT_ONCE) await this.#look(table.rateOf);
    return done;
  }
}

/** Until somebody wants another order. */
function byKey({ layout }: MapTable): MapLook['sort'] {
  return { column: layout.cells(false, '')[0]?.column.id ?? '', descending: false };
}

function followed(layout: RowLayout, wanted: string): string {
  return layout.counters.includes(wanted) ? wanted : (layout.counters[0] ?? '');
}

function deletedOf(table: MapTable, before: number): number {
  const born = table.lastChanges.rows.reduce((sum, row) => sum + (table.bornAt[row] === table.looks ? 1 : 0), 0);
  return Math.max(0, before + born - table.count);
}

function asTheyAre(table: MapTable): Order {
  const rows = Uint32Array.from({ length: table.rows }, (_, row) => row).filter((row) => table.alive[row] === 1);
  return { key: '', keysVersion: table.keysVersion, looks: table.looks, rows };
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const timer = new AbortController();
  const quiet = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([work.catch(() => undefined), quiet]);
  timer.abort();
}

/** Few digits that keep their place: whole numbers from a hundred on. */
function rateText(rate: number): string {
  return Number.isNaN(rate) ? '' : String(round(rate));
}

function round(rate: number): number {
  return Math.abs(rate) >= 100 ? Math.round(rate) : Math.round(rate * 10) / 10;
}

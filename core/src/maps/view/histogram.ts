/** Histograms that are kept in maps: recognised by shape and name, and cut to the slots that count. */
import { compileReader, jsonInteger, leaves, renderCell } from '../../events/index.ts';
import type {
  FieldValue,
  HistogramScale,
  HistogramShape,
  MapHistogram,
  MapHistograms,
  RecordField,
} from '../../model/index.ts';
import type { RowLayout } from './layout.ts';
import type { MapTable } from './table.ts';

const NAMES = /(^|_)(slots?|hists?|histogram|buckets?|dist|latency|lat|bins?)(_|$)/i;
const LINEAR = /lin(ear)?(_|$)/i;
const SLOT_KEY = /(^|[._])(slot|bucket|bin)$/i;
/** Numbers of slots that log2 histograms have: up to one for each bit. */
const MOST_LOG2 = 65;
const [LEAST_SLOTS, MOST_SLOTS] = [8, 1024];

interface Place {
  shape: HistogramShape;
  /** The array of slots, the number that counts, the slot in the key. */
  slots: string;
  slot: string;
}

export function histogramShape(
  layout: RowLayout,
  map: { name: string; type: string; maxEntries: number },
): HistogramShape | null {
  return placeOf(layout, map)?.shape ?? null;
}

function placeOf(layout: RowLayout, map: { name: string; type: string; maxEntries: number }): Place | null {
  const whole = layout.field('value');
  if (whole === undefined) return null;
  const members = leaves({ ...whole, name: 'value' }, '');
  return inValue(members, map.name) ?? inEntries(layout, members, map) ?? inKey(layout, members, map.name);
}

const scaleOf = (name: string, slots: number): HistogramScale =>
  LINEAR.test(name) || slots > MOST_LOG2 ? 'linear' : 'log2';

/** struct hist { __u32 slots[MAX_SLOTS]; } of libbpf's tools, or an array alone. */
function inValue(members: { path: string; field: RecordField }[], name: string): Place | null {
  const arrays = members.filter(({ field }) => countsSlots(field));
  const named = arrays.find(({ field, path }) => NAMES.test(field.name) && path !== 'value');
  const found = named ?? (arrays.length === 1 ? arrays[0] : undefined);
  if (found === undefined) return null;
  const count = found.field.count!;
  const sure = named !== undefined || NAMES.test(name);
  const scale = scaleOf(`${name} ${found.field.name}`, count);
  return { shape: { in: 'value', scale, sure }, slots: found.path, slot: '' };
}

function countsSlots({ kind, element, count }: RecordField): boolean {
  const number = element?.kind === 'int' || element?.kind === 'uint';
  return kind === 'array' && number && count !== undefined && count >= LEAST_SLOTS && count <= MOST_SLOTS;
}

/** An array map whose index is the slot. */
function inEntries(
  layout: RowLayout,
  members: { path: string; field: RecordField }[],
  { name, type, maxEntries }: { name: string; type: string; maxEntries: number },
): Place | null {
  const array = (type === 'array' || type === 'percpu_array') && maxEntries >= LEAST_SLOTS && maxEntries <= MOST_SLOTS;
  const only = members.length === 1 && layout.counters.length === 1;
  if (!array || !only || members[0]!.field.kind === 'float') return null;
  const shape: HistogramShape = { in: 'entries', scale: scaleOf(name, maxEntries), sure: NAMES.test(name) };
  return { shape, slots: members[0]!.path, slot: 'key' };
}

/** A slot as a part of the key, as bcc and bpftrace keep them. */
function inKey(layout: RowLayout, members: { path: string; field: RecordField }[], name: string): Place | null {
  const key = layout.field('key');
  if (key?.kind !== 'struct' || members.length !== 1 || layout.counters.length !== 1) return null;
  const slot = leaves({ ...key, name: 'key' }, '').find(
    ({ path, field }) => SLOT_KEY.test(path) && (field.kind === 'uint' || field.kind === 'int'),
  );
  if (slot === undefined) return null;
  return {
    shape: { in: 'key', scale: scaleOf(name, MOST_LOG2), sure: true },
    slots: members[0]!.path,
    slot: slot.path,
  };
}

/** The histograms of the rows, in their order. */
export function histograms(
  table: MapTable,
  map: { name: string; type: string; maxEntries: number },
  order: Uint32Array,
  { scale, first, count }: { scale: HistogramScale | ''; first: number; count: number },
): Omit<MapHistograms, 'look'> {
  const place = placeOf(table.layout, map);
  if (place === null) return { histograms: [], of: 0 };
  const by = scale === '' ? place.shape.scale : scale;
  const groups = place.shape.in === 'value' ? null : grouped(table, place, order);
  const of = groups?.size ?? order.length;
  const read = reader(table, place.slots);
  const list = groups
    ? [...groups].slice(first, first + count).map(([title, slots]) => histogram(title, filled(slots), by))
    : Array.from(order.subarray(first, first + count), (row) => {
        const value = read(row);
        return histogram(keyText(table, row), Array.isArray(value) ? value.map(whole) : [], by);
      });
  return { histograms: list, of };
}

/** What each slot has in all these rows together, and how wide slots are; null = the map holds no histogram. */
export function slotTotals(
  table: MapTable,
  map: { name: string; type: string; maxEntries: number },
  rows: Uint32Array,
): { scale: HistogramScale; totals: number[] } | null {
  const place = placeOf(table.layout, map);
  if (place === null) return null;
  const totals: number[] = [];
  const add = (slot: number, hits: bigint): void => {
    while (totals.length <= slot) totals.push(0);
    totals[slot]! += Number(hits);
  };
  const slots = reader(table, place.slots);
  if (place.shape.in === 'value') {
    for (const row of rows) {
      const value = slots(row);
      if (Array.isArray(value)) value.forEach((hits, slot) => add(slot, whole(hits)));
    }
  } else for (const group of grouped(table, place, rows).values()) for (const [slot, hits] of group) add(slot, hits);
  return { scale: place.shape.scale, totals };
}

function reader(table: MapTable, path: string): (row: number) => FieldValue {
  const field = table.layout.field(path);
  const read = field && compileReader(field);
  return (row) => (read ? read(table.view, table.base(row), table.base(row) + table.layout.stride) : null);
}

/** Slots of entries that belong together: those whose key is the same but for the slot. */
function grouped(table: MapTable, place: Place, order: Uint32Array): Map<string, Map<number, bigint>> {
  const slot = reader(table, place.slot);
  const count = reader(table, place.slots);
  const key = table.layout.field('key');
  const others =
    key && place.slot !== 'key' ? leaves({ ...key, name: 'key' }, '').filter((l) => l.path !== place.slot) : [];
  const titles = others.map(({ path, field }) => ({ path, field, read: reader(table, path) }));
  const groups = new Map<string, Map<number, bigint>>();
  for (const row of order) {
    const title = titles.map(({ path, field, read }) => `${path.slice(4)} ${renderCell(field, read(row))}`).join(', ');
    const slots = groups.get(title) ?? new Map<number, bigint>();
    groups.set(title, slots);
    const at = Number(slot(row));
    if (Number.isInteger(at) && at >= 0 && at < MOST_SLOTS) slots.set(at, (slots.get(at) ?? 0n) + whole(count(row)));
  }
  return groups;
}

function filled(slots: ReadonlyMap<number, bigint>): bigint[] {
  const last = Math.max(-1, ...slots.keys());
  return Array.from({ length: last + 1 }, (_, i) => slots.get(i) ?? 0n);
}

const whole = (value: FieldValue): bigint =>
  typeof value === 'number' && Number.isInteger(value)
    ? BigInt(value)
    : typeof value === 'string' && /^-?\d+$/.test(value)
      ? BigInt(value)
      : 0n;

function keyText(table: MapTable, row: number): string {
  const { layout } = table;
  const field = layout.field('key');
  if (field === undefined) return '';
  const value = compileReader(field)(table.view, table.base(row), table.base(row) + layout.stride);
  return `key ${renderCell(field, value)}`;
}

function histogram(title: string, slots: bigint[], scale: HistogramScale): MapHistogram {
  const first = slots.findIndex((count) => count !== 0n);
  const last = slots.findLastIndex((count) => count !== 0n);
  const most = slots.reduce((m, count) => (count > m ? count : m), 0n);
  const total = slots.reduce((sum, count) => sum + count, 0n);
  const shown = first < 0 ? [] : slots.slice(first, last + 1);
  return {
    title,
    total: jsonInteger(total),
    slots: shown.map((count, i) => ({
      ...slotBounds(first + i, scale),
      count: jsonInteger(count),
      share: most > 0n && count > 0n ? Number((count * 10_000n) / most) / 10_000 : 0,
    })),
  };
}

/** Slot 0 of a log2 histogram holds 0 and 1: what has no higher bit. */
export function slotBounds(slot: number, scale: HistogramScale): { from: string; to: string } {
  if (scale === 'linear') return { from: String(slot), to: String(slot + 1) };
  const from = slot === 0 ? 0n : 1n << BigInt(slot);
  return { from: from.toString(), to: (1n << BigInt(slot + 1)).toString() };
}

/** The places of an object's code where records are sent, each with what is known of what it sends. */
import { byteOf, isOrigin, sameValue, type FlowState, type Mark, type Value } from './flowState.ts';
import type { MapDefinition } from './maps.ts';
import type { BpfFunction } from './object.ts';

/** An instruction of a function; the chain of them leads from a program to the helper call. */
export interface CodePlace {
  function: BpfFunction;
  /** Byte offset in the function's section. */
  offset: number;
}

/** One place where a program sends (or, from a user ring, reads) a record. */
export interface RecordCall {
  map: MapDefinition;
  /** Outermost caller first, the helper call last. */
  chain: CodePlace[];
  /** Constant size; null when it is computed. */
  size: number | null;
  /** "reserve": the program writes into the buffer itself; "output": it sends what lies elsewhere; "read": it reads. */
  how: 'reserve' | 'output' | 'read';
  data: Value;
  /** Constant bytes known to stand in the record, by offset; -1 where several constants are stored. */
  bytes: Map<number, number>;
  /** Numbers of known origin that stand in it, by offset. */
  marks: Map<number, Mark>;
  /** A closer look showed that no way leads there like that. */
  gone?: boolean;
}

/** A visit of a call: where, on which way there, and with what. */
export interface Visit {
  map: MapDefinition;
  chain: CodePlace[];
  /** Tells apart the ways that lead there with different constants. */
  way: string;
  how: RecordCall['how'];
  data: Value;
  size: Value;
  /** The state of the function whose stack holds the data; undefined when it lies elsewhere. */
  stack: FlowState | undefined;
}

export class RecordCalls {
  readonly all: RecordCall[] = [];
  /** Which call a way through a place makes. */
  readonly #byWay = new Map<string, RecordCall>();
  /** What was stored in values of maps and in global variables, by "mapValue 3" or "global 5", then offset. */
  readonly #elsewhere = new Map<string, Map<number, Mark>>();

  /**
   * Notes the call. The same way again knows less than before and so replaces what it thought to know; another way with the
   * same size and data is the same call.
   */
  note(visit: Visit): number {
    const place = visit.chain.map((p) => `${p.function.section.index}:${p.offset}`).join(' ');
    const way = `${place} ${visit.way}`;
    const size = visit.size?.kind === 'const' && visit.size.value >= 0 ? visit.size.value : null;
    const { map, chain, how, data } = visit;
    const next: RecordCall = { map, chain, size, how, data, bytes: new Map(), marks: new Map() };
    takeStack(next, visit.stack, 0);
    if (data?.kind === 'record') next.bytes = this.all[data.call]!.bytes;
    const known = this.#byWay.get(way);
    const twin = this.all.find((call) => call !== known && samePlace(call.chain, chain) && sameCall(call, next));
    if (twin) {
      if (known && ![...this.#byWay].some(([other, call]) => call === known && other !== way)) known.gone = true;
      this.#byWay.set(way, twin);
      return this.all.indexOf(twin);
    }
    const shared = known && [...this.#byWay].some(([other, call]) => call === known && other !== way);
    if (known && !shared) {
      if (how !== 'output') [next.bytes, next.marks] = [known.bytes, known.marks];
      Object.assign(known, next);
      return this.all.indexOf(known);
    }
    this.#byWay.set(way, next);
    return this.all.push(next) - 1;
  }

  /** A store into a record that lies in its buffer. */
  storeRecord(index: number, offset: number, size: number, value: Value): void {
    const call = this.all[index]!;
    noteStore(call.bytes, offset, size, value);
    if (isOrigin(value)) call.marks.set(offset, { size, origin: value });
  }

  /** What is read back from a record, when its origin is known. */
  loadRecord(index: number, offset: number, size: number): Value {
    const mark = this.all[index]!.marks.get(offset);
    return mark?.size === size ? mark.origin : null;
  }

  /** A store into a map's value or a global variable, which may be sent from there. */
  storeElsewhere(to: Value, offset: number, size: number, value: Value): void {
    const place = placeOf(to);
    if (place === null || !isOrigin(value)) return;
    let marks = this.#elsewhere.get(place);
    if (!marks) this.#elsewhere.set(place, (marks = new Map<number, Mark>()));
    marks.set(offset, { size, origin: value });
  }

  /** A part of a record that was reserved as a dynptr is written; when it is the whole, that is what is sent. */
  writeDynptr(index: number, offset: Value, visit: Pick<Visit, 'chain' | 'data' | 'size' | 'stack'>): void {
    const call = this.all[index]!;
    if (offset?.kind !== 'const') return;
    if (offset.value === 0 && visit.size?.kind === 'const' && visit.size.value === call.size)
      [call.how, call.data, call.chain] = ['output', visit.data, visit.chain];
    takeStack(call, visit.stack, offset.value, visit.data);
  }

  /** After the last store: what is sent from elsewhere holds what was stored there. */
  finished(): RecordCall[] {
    const calls = this.all.filter((call) => !call.gone);
    for (const call of calls) {
      const data = call.data;
      const start = data && 'offset' in data ? data.offset : 0;
      for (const [offset, mark] of this.#elsewhere.get(placeOf(data) ?? '') ?? [])
        if (offset >= start) call.marks.set(offset - start, mark);
    }
    return calls;
  }
}

function placeOf(value: Value): string | null {
  if (value?.kind === 'mapValue') return `mapValue ${value.map}`;
  return value?.kind === 'global' ? `global ${value.section}` : null;
}

/** Constants and marks of the stack from where the data lies. */
function takeStack(call: RecordCall, stack: FlowState | undefined, at: number, data = call.data): void {
  if (data?.kind !== 'stack' || !stack) return;
  const end = call.size === null ? Infinity : call.size;
  for (const [offset, byte] of stack.bytes)
    if (offset >= data.offset && offset - data.offset + at < end) call.bytes.set(offset - data.offset + at, byte);
  for (const [offset, mark] of stack.marks)
    if (offset >= data.offset && offset - data.offset + at < end) call.marks.set(offset - data.offset + at, mark);
}

function samePlace(a: CodePlace[], b: CodePlace[]): boolean {
  return a.length === b.length && a.every((p, i) => p.function === b[i]!.function && p.offset === b[i]!.offset);
}

/** What is reserved gets its constants later; what is output has them already. */
function sameCall(a: RecordCall, b: RecordCall): boolean {
  if (a.gone || a.map !== b.map || a.how !== b.how || a.size !== b.size || !sameValue(a.data, b.data)) return false;
  if (b.how !== 'output') return true;
  return a.bytes.size === b.bytes.size && [...a.bytes].every(([offset, byte]) => b.bytes.get(offset) === byte);
}

/** Zeroing before the real store is common; two different non-zero constants are not one record's tag. */
function noteStore(bytes: Map<number, number>, offset: number, size: number, value: Value): void {
  for (let i = 0; i < size; i++) {
    const byte = value?.kind === 'const' ? byteOf(value.value, i) : -1;
    const known = bytes.get(offset + i);
    bytes.set(offset + i, known === undefined || known === 0 || known === byte ? byte : byte === 0 ? known : -1);
  }
}

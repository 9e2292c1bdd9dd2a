/**
 * Constant propagation over an object's functions, for one question: which records go to which ring or perf buffer, of
 * what size, from where, and which constants stand in them. It follows calls between functions, so that a reserve or
 * output wrapped in a function of its own is seen with the caller's constants.
 */
import { CodeLinks } from './codeLinks.ts';
import { FlowState, byteOf, sameValue, type Value } from './flowState.ts';
import { Helper } from './helpers.ts';
import { accessSize, CallKind, decodeInsns, InsnClass, jumpTarget, Opcode, INSN_BYTES, type Insn } from './insns.ts';
import { isGlobalSection, type MapDefinition } from './maps.ts';
import type { BpfFunction, BpfObject } from './object.ts';

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
}

/** Work that one object may cost, in instructions, and how deep calls are followed. */
const MAX_STEPS = 1_000_000;
const MAX_CALL_DEPTH = 8;

interface Frame {
  function: BpfFunction;
  chain: CodePlace[];
  /** The states of the callers, for what lies in their stacks. */
  callers: FlowState[];
}

export class RecordFlow {
  readonly calls: RecordCall[] = [];
  readonly #object: BpfObject;
  readonly #maps: readonly MapDefinition[];
  readonly #code = new Map<BpfFunction, Insn[]>();
  readonly #mapsByPlace = new Map<string, number>();
  readonly #callsByPlace = new Map<string, number>();
  readonly #links: CodeLinks;
  #steps = 0;

  constructor(object: BpfObject, maps: readonly MapDefinition[]) {
    this.#object = object;
    this.#links = new CodeLinks(object);
    this.#maps = maps;
    maps.forEach((map, i) => {
      if (!map.internal) this.#mapsByPlace.set(`${map.section.index}:${map.offset}`, i);
    });
    for (const program of object.functions) if (program.program) this.#run(program, [], [], []);
    // Callbacks and functions that nothing reached so far.
    const reached = new Set(this.#code.keys());
    for (const other of object.functions) if (!reached.has(other)) this.#run(other, [], [], []);
  }

  /** The calls that send to (or read from) a map. */
  callsTo(map: MapDefinition): RecordCall[] {
    return this.calls.filter((call) => call.map === map);
  }

  /** Analyses a function for these arguments; gives what it returns. */
  #run(fn: BpfFunction, args: Value[], chain: CodePlace[], callers: FlowState[]): Value {
    const insns = this.#decode(fn);
    const byIndex = new Map(insns.map((insn, i) => [insn.index, i]));
    const frame: Frame = { function: fn, chain, callers };
    const states = new Map<number, FlowState>([[0, FlowState.entry(args, callers.length)]]);
    const leaders = new Set(insns.map(jumpTarget).filter((t) => t !== null));
    const work = [0];
    let returns: Value | undefined;
    for (let at = work.pop(); at !== undefined; at = work.pop()) {
      const start = states.get(at);
      if (!start) continue;
      const state = start.copy();
      for (let i = byIndex.get(at); i !== undefined && i < insns.length; i++) {
        if (++this.#steps > MAX_STEPS) return null;
        const insn = insns[i]!;
        if (insn.index !== at && leaders.has(insn.index)) {
          enter(states, work, insn.index, state);
          break;
        }
        if (insn.code === Opcode.exit) {
          const value = state.get(0);
          returns = returns === undefined || sameValue(returns, value) ? value : null;
          break;
        }
        const target = jumpTarget(insn);
        if (target !== null) {
          this.#steps += state.bytes.size >> 4; // what copying the state costs
          enter(states, work, target, state);
          if (insn.code === Opcode.ja || insn.code === Opcode.jaLong) break;
        } else {
          this.#step(frame, state, insn);
        }
      }
    }
    return returns ?? null;
  }

  #decode(fn: BpfFunction): Insn[] {
    let insns = this.#code.get(fn);
    if (!insns) {
      this.#steps += fn.size / INSN_BYTES;
      if (this.#steps > MAX_STEPS) return [];
      insns = decodeInsns(fn.section.data.subarray(fn.offset, fn.offset + fn.size));
      this.#code.set(fn, insns);
    }
    return insns;
  }

  #step(frame: Frame, state: FlowState, insn: Insn): void {
    const cls = insn.code & 7;
    if (insn.imm64 !== null) {
      state.registers[insn.dst] = this.#loadImm64(frame, insn);
    } else if (cls === InsnClass.alu || cls === InsnClass.alu64) {
      state.registers[insn.dst] = arithmetic(state, insn);
    } else if (cls === InsnClass.ldx) {
      const from = state.get(insn.src);
      const own = from?.kind === 'stack' && from.depth === frame.callers.length;
      state.registers[insn.dst] = own ? state.load(from.offset + insn.off, accessSize(insn)) : null;
    } else if (cls === InsnClass.st || cls === InsnClass.stx) {
      this.#store(frame, state, insn);
    } else if (insn.code === Opcode.call) {
      const result = this.#call(frame, state, insn);
      for (let register = 1; register <= 5; register++) state.registers[register] = null;
      state.registers[0] = result;
    } else {
      state.registers[0] = null; // legacy packet loads
    }
  }

  #loadImm64(frame: Frame, insn: Insn): Value {
    const relocation = this.#links.relocation(frame.function, insn);
    if (!relocation) {
      const value = insn.imm64!;
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? { kind: 'const', value: Number(value) } : null;
    }
    const section = this.#object.elf.sections[relocation.symbol.section];
    if (!section) return null;
    const offset = relocation.symbol.value + insn.imm;
    const map = this.#mapsByPlace.get(`${section.index}:${offset}`);
    if (map !== undefined) return { kind: 'map', map };
    if (isGlobalSection(section.name)) return { kind: 'global', section: section.index, offset };
    const fn = this.#object.functionStartingAt(section.index, offset);
    return fn ? { kind: 'function', fn } : null;
  }

  #store(frame: Frame, state: FlowState, insn: Insn): void {
    const size = accessSize(insn);
    const to = state.get(insn.dst);
    const atomic = (insn.code & 7) === InsnClass.stx && (insn.code & 0xe0) === 0xc0;
    const immediate = (insn.code & 7) === InsnClass.st;
    const value: Value = atomic ? null : immediate ? { kind: 'const', value: insn.imm } : state.get(insn.src);
    if (to?.kind === 'stack' && to.depth === frame.callers.length) state.store(to.offset + insn.off, size, value);
    else if (to?.kind === 'record') noteStore(this.calls[to.call]!.bytes, to.offset + insn.off, size, value);
  }

  #call(frame: Frame, state: FlowState, insn: Insn): Value {
    const args = [1, 2, 3, 4, 5].map((register) => state.get(register));
    if (insn.src === CallKind.local) return this.#callFunction(frame, state, insn, args);
    const result = insn.src === CallKind.helper ? this.#callHelper(frame, state, insn, args) : null;
    for (const arg of args) {
      if (arg?.kind === 'stack' && arg.depth === frame.callers.length && writesMemory(insn)) state.forget(arg.offset);
    }
    return result;
  }

  #callFunction(frame: Frame, state: FlowState, insn: Insn, args: Value[]): Value {
    const callee = this.#links.callee(frame.function, insn);
    if (!callee || frame.callers.length >= MAX_CALL_DEPTH) return null;
    return this.#run(callee, args, [...frame.chain, place(frame.function, insn)], [...frame.callers, state]);
  }

  #callHelper(frame: Frame, state: FlowState, insn: Insn, [r1, r2, r3, r4, r5]: Value[]): Value {
    const note = (map: Value | undefined, how: RecordCall['how'], data: Value | undefined, size: Value | undefined) =>
      this.#note(frame, state, insn, map ?? null, how, data ?? null, size ?? null);
    switch (insn.imm) {
      case Helper.mapLookupElem:
      case Helper.mapLookupPercpuElem:
        return r1?.kind === 'map' ? { kind: 'mapValue', map: r1.map, offset: 0 } : null;
      case Helper.ringbufReserve:
        return note(r1, 'reserve', null, r2);
      case Helper.ringbufReserveDynptr:
        note(r1, 'reserve', null, r2);
        return null;
      case Helper.ringbufOutput:
        note(r1, 'output', r2, r3);
        return null;
      case Helper.perfEventOutput:
      case Helper.skbOutput:
      case Helper.xdpOutput:
        note(r2, 'output', r4, r5);
        return null;
      case Helper.userRingbufDrain:
        this.#drain(frame, state, insn, r1 ?? null, r2 ?? null, r3 ?? null);
        return null;
      case Helper.dynptrRead:
        if (r3?.kind === 'userDynptr') note(r3, 'read', r1, r2);
        return null;
      case Helper.dynptrData:
        return r1?.kind === 'userDynptr' ? note(r1, 'read', null, r3) : null;
      default:
        return null;
    }
  }

  /** The callback of a drain is called with the dynptr of one record. */
  #drain(frame: Frame, state: FlowState, insn: Insn, map: Value, callback: Value, context: Value): void {
    const fn = callback?.kind === 'function' ? callback.fn : null;
    if (map?.kind !== 'map' || !fn || frame.callers.length >= MAX_CALL_DEPTH) return;
    const args: Value[] = [{ kind: 'userDynptr', map: map.map }, context];
    this.#run(fn, args, [...frame.chain, place(frame.function, insn)], [...frame.callers, state]);
  }

  /** Records the call once per chain; a later visit knows less and so replaces what the earlier one thought to know. */
  #note(
    frame: Frame,
    state: FlowState,
    insn: Insn,
    to: Value,
    how: RecordCall['how'],
    data: Value,
    size: Value,
  ): Value {
    if (to?.kind !== 'map' && to?.kind !== 'userDynptr') return null;
    const map = this.#maps[to.map]!;
    const chain = [...frame.chain, place(frame.function, insn)];
    const key = chain.map((p) => `${p.function.section.index}:${p.offset}`).join(' ');
    let index = this.#callsByPlace.get(key);
    if (index === undefined) {
      index = this.calls.length;
      this.#callsByPlace.set(key, index);
      this.calls.push({ map, chain, size: null, how, data, bytes: new Map() });
    }
    const call = this.calls[index]!;
    call.data = data;
    call.size = size?.kind === 'const' && size.value >= 0 ? size.value : null;
    if (data?.kind === 'stack') {
      const owner = data.depth === frame.callers.length ? state : frame.callers[data.depth];
      call.bytes = new Map();
      for (const [offset, byte] of owner?.bytes ?? [])
        if (offset >= data.offset) call.bytes.set(offset - data.offset, byte);
    } else if (data?.kind === 'record') {
      call.bytes = this.calls[data.call]!.bytes;
    }
    return how === 'output' ? null : { kind: 'record', call: index, offset: 0 };
  }
}

function place(fn: BpfFunction, insn: Insn): CodePlace {
  return { function: fn, offset: fn.offset + insn.index * INSN_BYTES };
}

function enter(states: Map<number, FlowState>, work: number[], at: number, state: FlowState): void {
  const known = states.get(at);
  if (!known) states.set(at, state.copy());
  else if (!known.meet(state)) return;
  work.push(at);
}

/** Outputs and lookups only read what they are given. */
function writesMemory(insn: Insn): boolean {
  const readers: readonly number[] = [
    Helper.ringbufOutput,
    Helper.perfEventOutput,
    Helper.skbOutput,
    Helper.xdpOutput,
    Helper.mapLookupElem,
  ];
  const updates = [2, 3]; // map update and delete
  return !(insn.src === CallKind.helper && (readers.includes(insn.imm) || updates.includes(insn.imm)));
}

/** Zeroing before the real store is common; two different non-zero constants are not one record's tag. */
function noteStore(bytes: Map<number, number>, offset: number, size: number, value: Value): void {
  for (let i = 0; i < size; i++) {
    const byte = value?.kind === 'const' ? byteOf(value.value, i) : -1;
    const known = bytes.get(offset + i);
    bytes.set(offset + i, known === undefined || known === 0 || known === byte ? byte : byte === 0 ? known : -1);
  }
}

/** Moves, additions to addresses, and arithmetic on constants. */
function arithmetic(state: FlowState, insn: Insn): Value {
  const operation = insn.code >> 4;
  const wide = (insn.code & 7) === InsnClass.alu64;
  const right: Value = (insn.code & 8) !== 0 ? state.get(insn.src) : { kind: 'const', value: insn.imm };
  const left = state.get(insn.dst);
  const signExtends = insn.off !== 0;
  if (operation === 0xb) {
    if (signExtends) return null;
    return wide || right?.kind !== 'const' ? (wide ? right : null) : { kind: 'const', value: right.value >>> 0 };
  }
  if (right?.kind !== 'const' || left === null) return null;
  if (left.kind !== 'const') {
    const moved = operation === 0 ? right.value : operation === 1 ? -right.value : null;
    return wide && moved !== null && 'offset' in left ? { ...left, offset: left.offset + moved } : null;
  }
  const result = signExtends ? null : constantResult(operation, BigInt(left.value), BigInt(right.value), wide);
  if (result === null) return null;
  const bounded = BigInt.asUintN(wide ? 64 : 32, result);
  const signed = wide ? BigInt.asIntN(64, bounded) : bounded;
  const exact = signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER);
  return exact ? { kind: 'const', value: Number(signed) } : null;
}

function constantResult(operation: number, a: bigint, b: bigint, wide: boolean): bigint | null {
  const width = wide ? 64 : 32;
  const unsigned = BigInt.asUintN(width, a);
  const shift = b & BigInt(width - 1);
  switch (operation) {
    case 0x0:
      return a + b;
    case 0x1:
      return a - b;
    case 0x2:
      return a * b;
    case 0x4:
      return a | b;
    case 0x5:
      return a & b;
    case 0x6:
      return unsigned << shift;
    case 0x7:
      return unsigned >> shift;
    case 0xa:
      return a ^ b;
    case 0xc:
      return BigInt.asIntN(width, a) >> shift;
    default:
      return null;
  }
}

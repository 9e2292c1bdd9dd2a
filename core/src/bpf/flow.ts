/**
 * Constant propagation over an object's functions, for one question: which records go to which ring or perf buffer, of
 * what size, from where, and which constants stand in them. It follows calls between functions, so that a reserve or
 * output wrapped in a function of its own is seen with the caller's constants.
 */
import { CodeLinks } from './codeLinks.ts';
import { arithmetic } from './flowArithmetic.ts';
import { FlowState, sameValue, type Value } from './flowState.ts';
import { Helper } from './helpers.ts';
import { accessSize, CallKind, decodeInsns, InsnClass, jumpTarget, Opcode, INSN_BYTES, type Insn } from './insns.ts';
import { isGlobalSection, type MapDefinition } from './maps.ts';
import type { BpfFunction, BpfObject } from './object.ts';
import { RecordCalls, type CodePlace, type RecordCall } from './recordCalls.ts';

/** Work that one object may cost, in instructions, and how deep calls are followed. */
const MAX_STEPS = 1_000_000;
const MAX_CALL_DEPTH = 8;
/**
 * Ways to one instruction that are kept apart when they bring different constants: compilers make one call of two that send
 * different records. What takes too many steps like that is done again with all ways in one.
 */
const MOST_WAYS = 4;
/** bpf_get_stackid's flag for the stack in user space. */
const USER_STACK = 0x100;

interface Frame {
  function: BpfFunction;
  chain: CodePlace[];
  /** The states of the callers, for what lies in their stacks. */
  callers: FlowState[];
  /** The way that leads to where the function is now. */
  way: string;
}

export class RecordFlow {
  readonly calls: readonly RecordCall[];
  readonly #object: BpfObject;
  readonly #maps: readonly MapDefinition[];
  readonly #code = new Map<BpfFunction, Insn[]>();
  readonly #mapsByPlace = new Map<string, number>();
  readonly #links: CodeLinks;
  #notes = new RecordCalls();
  #ways = MOST_WAYS;
  #steps = 0;

  constructor(object: BpfObject, maps: readonly MapDefinition[]) {
    this.#object = object;
    this.#links = new CodeLinks(object);
    this.#maps = maps;
    maps.forEach((map, i) => {
      if (!map.internal) this.#mapsByPlace.set(`${map.section.index}:${map.offset}`, i);
    });
    this.#follow();
    if (this.#steps > MAX_STEPS) {
      [this.#ways, this.#steps, this.#notes] = [1, 0, new RecordCalls()];
      this.#code.clear();
      this.#follow();
    }
    this.calls = this.#notes.finished();
  }

  #follow(): void {
    const { functions } = this.#object;
    for (const program of functions) if (program.program) this.#run(program, [], [], [], '');
    // Callbacks and functions that nothing reached so far.
    const reached = new Set(this.#code.keys());
    for (const other of functions) if (!reached.has(other)) this.#run(other, [], [], [], '');
  }

  /** The calls that send to (or read from) a map. */
  callsTo(map: MapDefinition): RecordCall[] {
    return this.calls.filter((call) => call.map === map);
  }

  /** Analyses a function for these arguments; gives what it returns. */
  #run(fn: BpfFunction, args: Value[], chain: CodePlace[], callers: FlowState[], way: string): Value {
    const insns = this.#decode(fn);
    const byIndex = new Map(insns.map((insn, i) => [insn.index, i]));
    const states: States = new Map([[0, [FlowState.entry(args, callers.length)]]]);
    const leaders = new Set(insns.map(jumpTarget).filter((t) => t !== null));
    const work: Work = [{ at: 0, way: 0 }];
    let returns: Value | undefined;
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      const { at } = block;
      const state = states.get(at)![block.way]!.copy();
      const frame: Frame = { function: fn, chain, callers, way: `${way}/${block.way}` };
      for (let i = byIndex.get(at); i !== undefined && i < insns.length; i++) {
        if (++this.#steps > MAX_STEPS) return null;
        const insn = insns[i]!;
        if (insn.index !== at && leaders.has(insn.index)) {
          this.#enter(states, work, insn.index, state);
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
          this.#enter(states, work, target, state);
          if (insn.code === Opcode.ja || insn.code === Opcode.jaLong) break;
        } else {
          this.#step(frame, state, insn);
        }
      }
    }
    return returns ?? null;
  }

  #enter(states: States, work: Work, at: number, state: FlowState): void {
    const known = states.get(at);
    if (!known) states.set(at, [state.copy()]);
    const alike = known?.findIndex((other) => !other.differs(state)) ?? 0;
    if (known && alike < 0 && known.length < this.#ways) {
      work.push({ at, way: known.push(state.copy()) - 1 });
      return;
    }
    const way = alike < 0 ? known!.length - 1 : alike;
    if (!known || known[way]!.meet(state)) work.push({ at, way });
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
      const recorded = from?.kind === 'record' ? from : null;
      state.registers[insn.dst] = own
        ? state.load(from.offset + insn.off, accessSize(insn))
        : recorded && this.#notes.loadRecord(recorded.call, recorded.offset + insn.off, accessSize(insn));
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
    else if (to?.kind === 'record') this.#notes.storeRecord(to.call, to.offset + insn.off, size, value);
    else if (to?.kind === 'mapValue' || to?.kind === 'global')
      this.#notes.storeElsewhere(to, to.offset + insn.off, size, value);
  }

  #call(frame: Frame, state: FlowState, insn: Insn): Value {
    const args = [1, 2, 3, 4, 5].map((register) => state.get(register));
    if (insn.src === CallKind.local) return this.#callFunction(frame, state, insn, args);
    const result = insn.src === CallKind.helper ? this.#callHelper(frame, state, insn, args) : null;
    for (const arg of args) {
      if (arg?.kind === 'stack' && arg.depth === frame.callers.length && writesMemory(insn)) state.forget(arg.offset);
    }
    if (insn.src === CallKind.helper && insn.imm === Helper.ringbufReserveDynptr)
      this.#keepDynptr(frame, state, args, result);
    return result;
  }

  #callFunction(frame: Frame, state: FlowState, insn: Insn, args: Value[]): Value {
    const callee = this.#links.callee(frame.function, insn);
    if (!callee || frame.callers.length >= MAX_CALL_DEPTH) return null;
    return this.#run(callee, args, [...frame.chain, place(frame.function, insn)], [...frame.callers, state], frame.way);
  }

  /** What the fourth argument of bpf_ringbuf_reserve_dynptr points to is the record from then on. */
  #keepDynptr(frame: Frame, state: FlowState, args: Value[], record: Value): void {
    const at = args[3];
    if (record?.kind !== 'record' || at?.kind !== 'stack' || at.depth !== frame.callers.length) return;
    state.spills.set(at.offset, { kind: 'dynptr', call: record.call });
  }

  /** The record that a dynptr on the stack stands for. */
  #dynptr(frame: Frame, state: FlowState, at: Value | undefined): number | null {
    if (at?.kind !== 'stack' || at.depth !== frame.callers.length) return null;
    const value = state.spills.get(at.offset);
    return value?.kind === 'dynptr' ? value.call : null;
  }

  #callHelper(frame: Frame, state: FlowState, insn: Insn, [r1, r2, r3, r4, r5]: Value[]): Value {
    const note = (map: Value | undefined, how: RecordCall['how'], data: Value | undefined, size: Value | undefined) =>
      this.#note(frame, state, insn, map ?? null, how, data ?? null, size ?? null);
    switch (insn.imm) {
      case Helper.mapLookupElem:
      case Helper.mapLookupPercpuElem:
        return r1?.kind === 'map' ? { kind: 'mapValue', map: r1.map, offset: 0 } : null;
      case Helper.ktimeGetNs:
      case Helper.ktimeGetBootNs:
      case Helper.ktimeGetCoarseNs:
      case Helper.ktimeGetTaiNs:
        return { kind: 'clock' };
      case Helper.getCurrentUidGid:
        return { kind: 'ids', part: 'both' };
      case Helper.getStackid: {
        const user = r3?.kind === 'const' && (r3.value & USER_STACK) !== 0;
        return r2?.kind === 'map' ? { kind: 'stackId', map: r2.map, user } : null;
      }
      case Helper.ringbufReserve:
      case Helper.ringbufReserveDynptr:
        return note(r1, 'reserve', null, r2);
      case Helper.dynptrWrite: {
        const call = this.#dynptr(frame, state, r1);
        const [data, size] = [r3 ?? null, r4 ?? null];
        if (call !== null)
          this.#notes.writeDynptr(call, r2 ?? null, {
            ...{ chain: [...frame.chain, place(frame.function, insn)], data, size },
            stack: this.#stackOf(frame, state, data),
          });
        return null;
      }
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
      case Helper.dynptrData: {
        if (r1?.kind === 'userDynptr') return note(r1, 'read', null, r3);
        const call = this.#dynptr(frame, state, r1);
        return call !== null && r2?.kind === 'const' ? { kind: 'record', call, offset: r2.value } : null;
      }
      default:
        return null;
    }
  }

  /** The callback of a drain is called with the dynptr of one record. */
  #drain(frame: Frame, state: FlowState, insn: Insn, map: Value, callback: Value, context: Value): void {
    const fn = callback?.kind === 'function' ? callback.fn : null;
    if (map?.kind !== 'map' || !fn || frame.callers.length >= MAX_CALL_DEPTH) return;
    const args: Value[] = [{ kind: 'userDynptr', map: map.map }, context];
    this.#run(fn, args, [...frame.chain, place(frame.function, insn)], [...frame.callers, state], frame.way);
  }

  #stackOf(frame: Frame, state: FlowState, data: Value): FlowState | undefined {
    if (data?.kind !== 'stack') return undefined;
    return data.depth === frame.callers.length ? state : frame.callers[data.depth];
  }

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
    const call = this.#notes.note({
      ...{ map: this.#maps[to.map]!, chain: [...frame.chain, place(frame.function, insn)], way: frame.way },
      ...{ how, data, size, stack: this.#stackOf(frame, state, data) },
    });
    return how === 'output' ? null : { kind: 'record', call, offset: 0 };
  }
}

/** By instruction, what is known there on each way. */
type States = Map<number, FlowState[]>;
type Work = { at: number; way: number }[];

function place(fn: BpfFunction, insn: Insn): CodePlace {
  return { function: fn, offset: fn.offset + insn.index * INSN_BYTES };
}

/** Outputs and lookups only read what they are given. */
function writesMemory(insn: Insn): boolean {
  const readers: readonly number[] = [
    Helper.ringbufOutput,
    Helper.perfEventOutput,
    Helper.skbOutput,
    Helper.xdpOutput,
    Helper.mapLookupElem,
    Helper.getStackid,
    Helper.dynptrWrite,
    Helper.dynptrData,
    Helper.ringbufSubmitDynptr,
    Helper.ringbufDiscardDynptr,
  ];
  const updates = [2, 3]; // map update and delete
  return !(insn.src === CallKind.helper && (readers.includes(insn.imm) || updates.includes(insn.imm)));
}

/** One program's log, opened to be walked through: every answer is computed when it is asked for, from indices of numbers. */
import { BpfObject } from '../../bpf/index.ts';
import type {
  Comparison,
  ExplorationInfo,
  Found,
  LogLine,
  LogPart,
  PathPlace,
  SourceView,
  StateFrame,
  StateView,
  StepPair,
  StepRow,
  Term,
  TreeRow,
  VerdictReason,
  Visit,
} from '../../model/index.ts';
import { explainRejection } from '../explain/explain.ts';
import { Program, type ProgramSource } from '../explain/program.ts';
import {
  LineKind,
  parseRegister,
  parseStackSlot,
  type FrameState,
  type PathState,
  type VerifierLog,
} from '../log/index.ts';
import { lastNotAbove } from '../log/logText.ts';
import { align, instructionKey, type Side } from './compare.ts';
import { Route, Stretches } from './paths.ts';
import { sourceOnDisk, type VerificationRecord } from './record.ts';
import { nextMatch, search, type Matches } from './search.ts';
import { Sources } from './sources.ts';
import { StateCache } from './stateCache.ts';
import { slotTerm, termOf } from './terms.ts';
import { branchesOf, type Branch } from './tree.ts';
import { effectsOf, setBefore } from './writes.ts';

/** Answers are pages: a larger one is cut. */
export const MOST_ROWS = 2_000;

export class Exploration {
  readonly log: VerifierLog;
  readonly stretches: Stretches;
  readonly sources: Sources;
  readonly rejected: boolean;
  readonly #part: LogPart;
  readonly #record: VerificationRecord | null;
  readonly #program: Program;
  readonly #states: StateCache;
  #route: Route | null = null;
  #tree: Branch[] | null = null;
  #matches: Matches | null = null;
  #reason: VerdictReason | null | undefined;
  #heat: { steps: Uint32Array; branches: Uint32Array; insns: Uint32Array } | null = null;
  readonly #visits = new Map<number, number[]>();
  readonly #names = new Map<string, { variable: string; type: string }>();
  readonly #registerWords = new Words((raw) => termOf(parseRegister(raw)));
  readonly #slotWords = new Words((raw) => slotTerm(parseStackSlot(raw)));
  readonly #comparisons = new WeakMap<Exploration, Aligned>();

  constructor(log: VerifierLog, part: LogPart, record: VerificationRecord | null) {
    this.log = log;
    this.#part = part;
    this.#record = record;
    this.rejected = part.verdict === 'rejected' || (part.verdict === 'unknown' && log.stepCount > 0 && saysNo(log));
    this.#program = new Program(log, this.#programSource());
    this.stretches = new Stretches(log);
    this.sources = new Sources(log, this.#program);
    this.#states = new StateCache(log, this.stretches);
  }

  #programSource(): ProgramSource | null {
    const record = this.#record;
    if (record === null) return null;
    const { program, section } = this.#part;
    const readSource = (name: string) => record.sources[name] ?? null;
    try {
      return { object: BpfObject.parse(record.object), program, section, readSource };
    } catch {
      return null;
    }
  }

  info(id: number, parts: readonly LogPart[]): ExplorationInfo {
    const { log } = this;
    const counts = new Float64Array(this.sources.files.length);
    const { steps } = this.#heats();
    this.sources.lines.forEach(({ file }, at) => {
      if (file >= 0) counts[file]! += steps[at]!;
    });
    return {
      ...{ id, parts: parts.map(({ program, section, verdict }) => ({ program, section, verdict })) },
      part: parts.indexOf(this.#part),
      ...{ host: this.#record?.host ?? '', kernel: this.#record?.kernel ?? '', file: this.#record?.file ?? '' },
      ...{ steps: log.stepCount, lines: log.lineCount, paths: this.stretches.length },
      ...{ processed: log.stats.processed, limit: log.stats.limit, reason: this.reason, end: this.end },
      sources: this.sources.files.map((name, at) => ({ name, steps: counts[at]! })),
      fromObject: this.sources.fromObject,
      recorded: this.#record !== null,
    };
  }

  /** The last step: for a rejected program the one that failed. -1 = there is none. */
  get end(): number {
    return this.log.stepCount - 1;
  }

  get reason(): VerdictReason | null {
    if (this.#reason === undefined) {
      const known = this.#record?.programs.find(({ name }) => name === this.#part.program);
      if (known) this.#reason = known.reason;
      else this.#reason = this.rejected ? explainRejection(this.log, this.#program.source) : null;
    }
    return this.#reason;
  }

  /** The path of a step: `leaf`'s when the step is on it, else on to the end of what was walked first from there. */
  path(step: number, leaf: number): PathPlace {
    const last = this.end;
    if (last < 0) return { leaf: -1, length: 0, index: -1 };
    const at = Math.min(Math.max(0, step), last);
    const wanted = leaf >= 0 && leaf <= last ? this.#routeTo(leaf) : null;
    const index = wanted?.indexOf(at) ?? -1;
    if (wanted && index >= 0) return { leaf, length: wanted.length, index };
    const route = this.#routeTo(this.stretches.at(this.stretches.of(at)).last);
    return { leaf: route.leaf, length: route.length, index: route.indexOf(at) };
  }

  #routeTo(leaf: number): Route {
    if (this.#route?.leaf !== leaf) this.#route = new Route(this.stretches, leaf);
    return this.#route;
  }

  rows(leaf: number, from: number, count: number): StepRow[] {
    if (leaf < 0 || leaf > this.end) return [];
    const route = this.#routeTo(leaf);
    const rows: StepRow[] = [];
    for (let i = Math.max(0, from); i < Math.min(route.length, from + Math.min(count, MOST_ROWS)); i++)
      rows.push(this.row(route.stepAt(i)));
    return rows;
  }

  /**
   * An instruction's text. A comment that some kernels put behind it is the source column's, and the address of a map is
   * its name where the log says it.
   */
  text(step: number): string {
    const text = this.log.stepText(step).replace(/\s+; .* @ \S+:\d+$/, '');
    const load = /^\(18\) r(\d+) = 0x[0-9a-f]+$/.exec(text)?.[1];
    if (load === undefined) return text;
    const map = /\bR(\d+)(?:_\w+)?=map_ptr\(map=([^,)]+)/.exec(this.log.line(this.log.stepLine(step)));
    return map?.[1] === load ? `(18) r${load} = map[${map[2]!}]` : text;
  }

  row(step: number): StepRow {
    const { file, line } = this.sources.at(step);
    return {
      ...{ step, insn: this.log.stepInsn(step), text: this.text(step), file, line },
      depth: this.#functionDepth(this.log.stepInsn(step)),
      branches: this.stretches.branchesAt(step),
    };
  }

  /** 0 in the program itself, 1 in a function that it calls: which of several levels does not show in a row. */
  #functionDepth(insn: number): number {
    const { layout } = this.#program;
    return layout.length > 1 && insn >= layout[1]!.start ? 1 : 0;
  }

  /** Makes the state before any step quick to tell, a little at a time. */
  readAhead(): Generator<void> {
    return this.#states.readAhead();
  }

  /** Goes to a step whose state is far from what is known, with a pause after every few milliseconds. */
  async approach(step: number, pause: () => Promise<void>): Promise<void> {
    for (const stop of this.#states.stops(Math.min(step, this.end))) {
      this.#states.before(stop);
      await pause();
    }
  }

  /** The state before a step, and what the step does with it. Null beyond the steps. */
  state(step: number): StateView | null {
    if (!(step >= 0 && step <= this.end)) return null;
    const previous = this.stretches.previous(step);
    const before = previous < 0 ? null : texts(this.#states.before(previous));
    const state = this.#states.before(step);
    const text = this.text(step);
    const { file, line } = this.sources.at(step);
    const place = this.sources.fromObject ? this.#program.place(this.log.stepInsn(step)) : null;
    return {
      ...{ step, insn: this.log.stepInsn(step), text, line, file },
      frames: this.#frames(state, step, before),
      references: [...state.references],
      ...effectsOf(text),
      ...{ column: place?.column ?? 1, endColumn: place?.endColumn ?? 1, logLine: this.log.stepLine(step) },
      visit: this.#visitOf(step),
    };
  }

  #frames(state: PathState, step: number, before: Texts | null): StateFrame[] {
    const calls = this.#callSites(step, state.frames.length - 1);
    return state.frames
      .map((frame, depth) => {
        const innermost = depth === state.frames.length - 1;
        const insn = innermost ? this.log.stepInsn(step) : (calls[state.frames.length - 2 - depth] ?? -1);
        return this.#frame(frame, insn, before === null ? null : (before.at(depth) ?? new Map()));
      })
      .reverse();
  }

  #frame(frame: FrameState, insn: number, before: ReadonlyMap<string, string> | null): StateFrame {
    const term = (name: string, raw: string, text: string): Term => ({
      ...{ name, ...this.#nameOf(name, insn), text, raw },
      changed: before !== null && before.get(name) !== raw,
    });
    return {
      function: insn < 0 ? '' : this.#program.functionOf(insn),
      callback: frame.callback,
      registers: [...frame.registers]
        .sort((a, b) => a[0] - b[0])
        .map(([r, raw]) => term(`r${r}`, raw, this.#registerWords.of(raw))),
      stack: [...frame.stack]
        .sort((a, b) => b[0] - a[0])
        .map(([at, raw]) => term(`fp${at}`, raw, this.#slotWords.of(raw))),
    };
  }

  /** What C calls a register or slot before an instruction, from the object's debug information. */
  #nameOf(name: string, insn: number): { variable: string; type: string } {
    const none = { variable: '', type: '' };
    if (insn < 0 || this.#program.layout.length === 0) return none;
    const key = `${insn} ${name}`;
    let known = this.#names.get(key);
    if (!known) {
      known = name.startsWith('r')
        ? this.#registerName(Number(name.slice(1)), insn)
        : this.#slotName(Number(name.slice(2)), insn);
      if (this.#names.size > 50_000) this.#names.clear();
      this.#names.set(key, known);
    }
    return known;
  }

  #registerName(register: number, insn: number): { variable: string; type: string } {
    const found = this.#program.variableIn(register, insn);
    return found ? { variable: found.name, type: this.#program.typeName(found.type) } : { variable: '', type: '' };
  }

  #slotName(offset: number, insn: number): { variable: string; type: string } {
    // A variable may begin in the middle of the eight bytes.
    for (let at = offset; at < offset + 8; at += 4) {
      const found = this.#program.variableAt(at, insn);
      if (found)
        return {
          variable: found.into === 0 ? found.name : `${found.name}+${found.into}`,
          type: this.#program.typeName(found.type),
        };
    }
    return { variable: '', type: '' };
  }

  /** Instructions of the calls that are open at a step, the innermost first. */
  #callSites(step: number, count: number): number[] {
    const calls: number[] = [];
    let depth = 0;
    for (
      let at = this.stretches.previous(step), after = step, hops = 0;
      calls.length < count && at >= 0 && hops < 20_000;
      hops++
    ) {
      const text = this.log.stepText(at);
      if (text.startsWith('(95)')) depth++;
      else if (text.startsWith('(85)') && this.log.stepInsn(after) !== this.log.stepInsn(at) + 1) {
        if (depth > 0) depth--;
        else calls.push(this.log.stepInsn(at));
      }
      after = at;
      at = this.stretches.previous(at);
    }
    return calls;
  }

  set(step: number, what: string): { step: number; why: string } {
    return step > this.end ? { step: -1, why: '' } : setBefore(this.log, this.stretches, step, what);
  }

  /** First steps of each visit of a source line: coming from another line. */
  #visitsOf(line: number): number[] {
    let visits = this.#visits.get(line);
    if (!visits) {
      visits = [];
      if (line > 0) {
        for (const step of this.sources.steps(line)) {
          const previous = this.stretches.previous(step);
          // A branch goes on in the line that it leaves: that is a visit of its own path.
          if (previous < 0 || this.sources.lineOf[previous] !== line || previous !== step - 1) visits.push(step);
        }
      }
      if (this.#visits.size > 200) this.#visits.clear();
      this.#visits.set(line, visits);
    }
    return visits;
  }

  #visitOf(step: number): { k: number; n: number } | null {
    const visits = this.#visitsOf(this.sources.lineOf[step]!);
    const at = lastNotAbove(visits, step);
    return at < 0 ? null : { k: at + 1, n: visits.length };
  }

  visit(step: number, file: number, line: number, forward: boolean): { step: number; k: number; n: number } {
    const visits = this.#visitsOf(this.sources.find(file, line));
    const at = lastNotAbove(visits, step);
    if (visits.length === 0) return { step: -1, k: 0, n: 0 };
    const next = forward ? at + 1 : at >= 0 && visits[at] === step ? at - 1 : at;
    const found = (next + visits.length) % visits.length;
    return { step: visits[found]!, k: found + 1, n: visits.length };
  }

  visits(file: number, line: number, from: number, count: number): { visits: Visit[]; n: number } {
    const all = this.#visitsOf(this.sources.find(file, line));
    const page = all.slice(Math.max(0, from), Math.max(0, from) + Math.min(count, MOST_ROWS));
    return {
      visits: page.map((step) => ({ step, insn: this.log.stepInsn(step), path: this.stretches.of(step) })),
      n: all.length,
    };
  }

  tree(from: number, count: number): { rows: TreeRow[]; n: number } {
    this.#tree ??= branchesOf(this.log, this.stretches, this.rejected);
    const page = this.#tree.slice(Math.max(0, from), Math.max(0, from) + Math.min(count, MOST_ROWS));
    const rows = page.map((branch) => ({
      ...branch,
      ...this.sources.at(branch.parent >= 0 ? branch.parent : Math.max(0, branch.first)),
    }));
    return { rows, n: this.#tree.length };
  }

  lines(from: number, count: number): LogLine[] {
    const lines: LogLine[] = [];
    const end = Math.min(this.log.lineCount, from + Math.min(count, MOST_ROWS));
    for (let line = Math.max(0, from); line < end; line++)
      lines.push({ line, text: this.log.line(line), step: this.stepAtLine(line), kind: wordOf(this.log.kind(line)) });
    return lines;
  }

  /** The step that a line belongs to: a state before an instruction to that, everything else to the one above. */
  stepAtLine(line: number): number {
    let [low, high] = [0, this.log.stepCount];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.log.stepLine(middle) <= line) low = middle + 1;
      else high = middle;
    }
    const kind = this.log.kind(line);
    const before = kind === LineKind.state || kind === LineKind.branch || kind === LineKind.source;
    return before && low < this.log.stepCount ? low : low - 1;
  }

  source(file: number): SourceView {
    const name = this.sources.files[file] ?? '';
    const whole = this.#record === null ? null : (this.#record.sources[name] ?? sourceOnDisk(this.#record.file, name));
    const text = name === '' ? null : (whole ?? this.sources.quotedText(file));
    const { steps, branches, insns } = this.#heats();
    const heat: SourceView['heat'] = [];
    this.sources.lines.forEach((line, at) => {
      if (line.file === file && steps[at]! > 0)
        heat.push({ line: line.line, steps: steps[at]!, branches: branches[at]!, insns: insns[at]! });
    });
    return { file, name, text, partial: whole === null, heat };
  }

  #heats() {
    if (!this.#heat) {
      const { lineOf, lines } = this.sources;
      const steps = new Uint32Array(lines.length);
      const branches = new Uint32Array(lines.length);
      const insns = new Uint32Array(lines.length);
      const seen = new Set<number>();
      for (let step = 0; step < lineOf.length; step++) {
        const line = lineOf[step]!;
        steps[line]!++;
        const insn = this.log.stepInsn(step);
        if (!seen.has(insn)) {
          seen.add(insn);
          insns[line]!++;
        }
      }
      for (let at = 0; at < this.stretches.length; at++) {
        const { parent } = this.stretches.at(at);
        if (parent >= 0) branches[lineOf[parent]!]!++;
      }
      this.#heat = { steps, branches, insns };
    }
    return this.#heat;
  }

  async search(text: string, line: number, forward: boolean, pause: () => Promise<void>): Promise<Found> {
    if (this.#matches?.text !== text) this.#matches = await search(this.log, text, pause);
    const matches = this.#matches;
    const at = nextMatch(matches, line, forward);
    if (at < 0) return { step: -1, line: -1, k: 0, n: 0, more: false };
    const found = matches.lines[at]!;
    return { step: this.stepAtLine(found), line: found, k: at + 1, n: matches.lines.length, more: matches.more };
  }

  compare(other: Exploration): Comparison {
    return this.#alignedWith(other).comparison;
  }

  pairs(other: Exploration, from: number, count: number): { pairs: StepPair[]; left: StepRow[]; right: StepRow[] } {
    const pairs = this.#alignedWith(other).pairs.slice(
      Math.max(0, from),
      Math.max(0, from) + Math.min(count, MOST_ROWS),
    );
    return {
      pairs,
      left: pairs.flatMap(([left]) => (left < 0 ? [] : [this.row(left)])),
      right: pairs.flatMap(([, right]) => (right < 0 ? [] : [other.row(right)])),
    };
  }

  pairOf(other: Exploration, step: number): number {
    const { rowOf } = this.#alignedWith(other);
    return rowOf.get(step) ?? -1;
  }

  #alignedWith(other: Exploration): Aligned {
    let known = this.#comparisons.get(other);
    if (!known) this.#comparisons.set(other, (known = aligned(this, other)));
    return known;
  }

  /** The steps to the end, for a comparison. */
  side(): Side & { step(index: number): number } {
    const route = this.end < 0 ? null : new Route(this.stretches, this.end);
    const keys = new Map<number, string>();
    return {
      length: route?.length ?? 0,
      step: (index) => route?.stepAt(index) ?? -1,
      key: (index) => {
        const step = route?.stepAt(index) ?? -1;
        if (step < 0) return '';
        const insn = this.log.stepInsn(step);
        let key = keys.get(insn);
        if (key === undefined) keys.set(insn, (key = instructionKey(this.log.stepText(step))));
        return key;
      },
    };
  }

  /** Registers and slots of the innermost frame in words that are the same on every kernel and in every load. */
  comparable(step: number): Map<string, string> {
    const frame = this.#states.before(step).frames.at(-1)!;
    return new Map([
      ...[...frame.registers.keys()].map((r): [string, string] => [`r${r}`, termOf(frame.register(r)!, false)]),
      ...[...frame.stack.keys()].map((at): [string, string] => [`fp${at}`, slotTerm(frame.slot(at)!, false)]),
    ]);
  }
}

/** Words of values by their spelling in the log: from one step to the next most of them stay what they are. */
class Words {
  readonly #known = new Map<string, string>();
  readonly #make: (raw: string) => string;

  constructor(make: (raw: string) => string) {
    this.#make = make;
  }

  of(raw: string): string {
    let words = this.#known.get(raw);
    if (words === undefined) {
      if (this.#known.size > 20_000) this.#known.clear();
      this.#known.set(raw, (words = this.#make(raw)));
    }
    return words;
  }
}

interface Aligned {
  /** By steps. */
  pairs: StepPair[];
  rowOf: Map<number, number>;
  comparison: Comparison;
}

/** States are put together one after the other; more are not looked through for the first difference. */
const MOST_STATES = 50_000;

function aligned(left: Exploration, right: Exploration): Aligned {
  const [l, r] = [left.side(), right.side()];
  const { pairs: indices, cut } = align(l, r);
  const pairs = indices.map(([a, b]): StepPair => [a < 0 ? -1 : l.step(a), b < 0 ? -1 : r.step(b)]);
  const firstInsn = pairs.findIndex(([a, b]) => a < 0 || b < 0);
  let firstState = -1;
  let registers: string[] = [];
  for (let i = 0; i < Math.min(pairs.length, MOST_STATES); i++) {
    const [a, b] = pairs[i]!;
    if (a < 0 || b < 0) break;
    registers = differing(left.comparable(a), right.comparable(b));
    if (registers.length > 0) {
      firstState = i;
      break;
    }
  }
  const rowOf = new Map<number, number>();
  pairs.forEach(([a], row) => a >= 0 && rowOf.set(a, row));
  return { pairs, rowOf, comparison: { pairs: pairs.length, firstInsn, firstState, registers, cut } };
}

/** What both know and say differently: a kernel that prints less has not decided otherwise. */
function differing(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): string[] {
  return [...left].filter(([name, text]) => right.has(name) && right.get(name) !== text).map(([name]) => name);
}

type Texts = Map<string, string>[];

const texts = (state: PathState): Texts =>
  state.frames.map(
    (frame) =>
      new Map([
        ...[...frame.registers].map(([r, raw]): [string, string] => [`r${r}`, raw]),
        ...[...frame.stack].map(([at, raw]): [string, string] => [`fp${at}`, raw]),
      ]),
  );

const saysNo = (log: VerifierLog): boolean => log.report !== null || log.messageLines.length > 0;

function wordOf(kind: LineKind): LogLine['kind'] {
  switch (kind) {
    case LineKind.insn:
      return 'insn';
    case LineKind.state:
    case LineKind.bareState:
      return 'state';
    case LineKind.source:
      return 'source';
    case LineKind.branch:
    case LineKind.pruned:
    case LineKind.call:
      return 'branch';
    case LineKind.message:
    case LineKind.report:
      return 'message';
    default:
      return 'note';
  }
}

/**
 * Reads the kernel verifier's log (kernel/bpf/verifier.c, kernel/bpf/log.c). It is text for people whose wording changes
 * with every kernel, so lines are recognised by their shape, and what has no known shape is kept as the message.
 * A log can be tens of megabytes: it is read line by line in one pass, and only the state at its end is kept.
 */

/** A "; source text @ file.c:12" comment; before Linux 6.10 it has neither file nor line. */
export interface SourceComment {
  text: string;
  file: string | null;
  line: number | null;
}

export interface LoggedInsn {
  /** Index in the loaded program, functions that it calls included. */
  index: number;
  /** "(7b) *(u64 *)(r0 +0) = r1" */
  text: string;
  source: SourceComment | null;
}

/** The report that Linux 7.3 and newer append to a rejection. */
export interface KernelReport {
  category: string;
  title: string;
  reason: string;
  /** The instruction that it points at; null when it names none. */
  insn: number | null;
  suggestion: string;
}

export interface LogStats {
  processed: number | null;
  limit: number | null;
  totalStates: number | null;
  peakStates: number | null;
  /** Stack bytes of each function, in program order; empty when the log does not say. */
  stackDepths: number[];
  verifyMicros: number | null;
}

export interface VerifierLog {
  stats: LogStats;
  /** The last instruction that was checked; null when none was. */
  last: LoggedInsn | null;
  /** What was said after it that is neither state nor bookkeeping: the error, for a rejected program. */
  messages: string[];
  /** Register states before the last instruction, by name in lower case: "r0", "r10", "fp-8". */
  registers: Map<string, string>;
  /** Where each possibly-null pointer was made, by its id in the register states. */
  nullable: Map<number, LoggedInsn>;
  /** Instructions that messages may point back to, the last one logged per index. */
  insnAt(index: number): LoggedInsn | null;
  report: KernelReport | null;
}

const insnLine = /^(\d+): (\([0-9a-f]{2}\) .*)$/;
const stateLine = /^(\d+): (?:frame\d+: )?((?:R\d+|fp-\d+|refs|cb)[\w-]*=.*|R\d+(?:_[rwD]+)?=.*)$/;
const branchLine = /^from \d+ to \d+(?: \(speculative execution\))?:(.*)$/;
const bareState = /^ ?(?:frame\d+: ?)?(?:R\d+(?:_\w+)?=|fp-\d+)/;
const summaryLine =
  /^processed (\d+) insns(?: \(limit (\d+)\))?(?: max_states_per_insn \d+ total_states (\d+) peak_states (\d+) mark_read \d+)?/;
const invalidInsn = /^(\d+): <invalid (CO-RE|kfunc|BPF map|map)[^>]*>$/;
const argumentRegisters = ['r1', 'r2', 'r3', 'r4', 'r5'];
const bookkeeping = [
  /^(?:func#\d+ @\d+|Live regs before insn:|\s*\d+: [.0-9]{10} \([0-9a-f]{2}\))/,
  /^(?:mark_precise:|parent (?:didn't|already)|last_idx |regs=[0-9a-f]|propagating |SCC (?:enter|exit)|caller:|callee:)/,
  /^(?:returning from callee:|to caller at \d+:|cur state:|old state:|verification time|stack depth|arg#\d+ reference type)/,
  /^(?:\(\d+\) (?:frame|live)|\(\d+,\d+.*\) (?:frame|live)|\d+: safe$|Validating |Func#\d+ |Global function )/,
  /^(?:BEGIN|-- (?:BEGIN|END) PROG LOAD LOG --|reg type unsupported|\[\d+\] )/,
];

/** Reads a whole log, or what is left of one that was cut at either end. */
export function parseVerifierLog(log: string): VerifierLog {
  const reader = new LogReader();
  for (let from = 0; from < log.length;) {
    const end = log.indexOf('\n', from);
    const to = end < 0 ? log.length : end;
    reader.line(log.slice(from, to));
    from = to + 1;
  }
  return reader.finish();
}

class LogReader {
  private readonly stats: LogStats = {
    processed: null,
    limit: null,
    totalStates: null,
    peakStates: null,
    stackDepths: [],
    verifyMicros: null,
  };
  private last: LoggedInsn | null = null;
  private source: SourceComment | null = null;
  private messages: string[] = [];
  private registers = new Map<string, string>();
  /** What the last instruction changed: applied when the next one is reached. */
  private pending = '';
  private readonly nullable = new Map<number, LoggedInsn>();
  private readonly insns = new Map<number, LoggedInsn>();
  /** After "callee:" or "to caller" the next state replaces everything. */
  private replace = false;
  private clobbered = false;
  private reportLines: string[] | null = null;

  line(line: string): void {
    if (this.statistics(line)) return;
    if (this.reportLines) {
      this.reportLines.push(line);
      return;
    }
    if (line.startsWith('Verification failed:')) {
      this.reportLines = [line];
      return;
    }
    if (line === '') return;
    if (line.startsWith('; ')) this.source = sourceComment(line);
    else if (!this.insn(line) && !this.state(line) && !bookkeeping.some((p) => p.test(line))) this.message(line);
  }

  finish(): VerifierLog {
    const { stats, last, messages, registers, nullable, insns } = this;
    const report = this.reportLines ? kernelReport(this.reportLines) : null;
    return { stats, last, messages, registers, nullable, insnAt: (index) => insns.get(index) ?? null, report };
  }

  private statistics(line: string): boolean {
    const summary = summaryLine.exec(line);
    if (summary) {
      const number = (text: string | undefined) => (text === undefined ? null : Number(text));
      this.stats.processed = number(summary[1]);
      this.stats.limit = number(summary[2]);
      this.stats.totalStates = number(summary[3]);
      this.stats.peakStates = number(summary[4]);
      return true;
    }
    const time = /^verification time (\d+) usec/.exec(line);
    if (time) this.stats.verifyMicros = Number(time[1]);
    const stack = /^stack depth ([\d+]+)/.exec(line);
    if (stack) this.stats.stackDepths = stack[1]!.split('+').map(Number);
    return time !== null || stack !== null;
  }

  private insn(line: string): boolean {
    const match = insnLine.exec(line) ?? invalidInsn.exec(line);
    if (!match) return false;
    this.apply(this.pending);
    // The state after the instruction stands behind it: "… = r1   ; R1=1 R10=fp0".
    const [text, after] = splitState(line.slice(match[1]!.length + 2));
    this.last = { index: Number(match[1]), text, source: this.source };
    this.insns.set(this.last.index, this.last);
    this.pending = after;
    this.noteNullable(after);
    // A call leaves nothing usable in the argument registers, which the log does not say again.
    this.clobbered = /^\(85\) call (?!pc)/.test(text);
    this.messages = [];
    return true;
  }

  private state(line: string): boolean {
    const numbered = stateLine.exec(line);
    if (numbered) {
      this.flush(numbered[2]!);
      return true;
    }
    const branch = branchLine.exec(line);
    if (branch) {
      this.pending = '';
      this.registers.clear();
      this.apply(branch[1]!);
      return true;
    }
    if (/^(?:callee:|to caller at \d+:)/.test(line)) {
      this.replace = true;
      return true;
    }
    if (!bareState.test(line)) return false;
    if (this.replace) {
      this.pending = '';
      this.registers.clear();
      this.replace = false;
    }
    this.flush(line);
    return true;
  }

  private flush(state: string): void {
    this.apply(this.pending);
    this.pending = '';
    this.apply(state);
    this.noteNullable(state);
  }

  private apply(state: string): void {
    if (this.clobbered) for (const name of argumentRegisters) this.registers.delete(name);
    this.clobbered = false;
    for (const [name, value] of registerStates(state)) this.registers.set(name, value);
  }

  private noteNullable(state: string): void {
    if (!this.last || !state.includes('_or_null')) return;
    for (const [, value] of registerStates(state)) {
      const id = /_or_null[^ ]*?\bid=(\d+)/.exec(value)?.[1];
      if (id !== undefined && !this.nullable.has(Number(id))) this.nullable.set(Number(id), this.last);
    }
  }

  private message(line: string): void {
    if (this.messages.length < 100) this.messages.push(line);
  }
}

function sourceComment(line: string): SourceComment {
  const match = /^; (.*?)(?: @ ([^@]+):(\d+))?$/.exec(line)!;
  return { text: match[1]!, file: match[2] ?? null, line: match[3] === undefined ? null : Number(match[3]) };
}

function splitState(text: string): [insn: string, after: string] {
  const at = text.search(/\s+; (?:frame\d+: ?)?(?:R\d|fp-|refs)/);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(text.indexOf(';', at) + 1)];
}

/** "R1=ctx() R2_w=fp-4 fp-8=mmmm???? refs=2" → its pairs. A value ends at a space outside parentheses. */
function* registerStates(state: string): Generator<[string, string]> {
  for (const match of state.matchAll(/(?:^|\s)(R\d+|fp-\d+)(?:_[a-zA-Z]+)?=/g)) {
    const from = match.index + match[0].length;
    let depth = 0;
    let to = from;
    for (; to < state.length; to++) {
      const c = state[to];
      if (c === '(') depth++;
      else if (c === ')') depth--;
      else if (c === ' ' && depth <= 0) break;
    }
    yield [match[1]!.toLowerCase(), state.slice(from, to)];
  }
}

/** "Verification failed: Category: Title", then blocks "Reason:", "At:", "Causal path:", "Suggestion:". */
function kernelReport(lines: string[]): KernelReport {
  const [, category = '', title = ''] = /^Verification failed:\s*(?:([^:]*):\s*)?(.*)$/.exec(lines[0]!) ?? [];
  const blocks = new Map<string, string[]>();
  let block: string[] = [];
  for (const line of lines.slice(1)) {
    const head = /^(Reason|At|Causal path|Suggestion):\s*(.*)$/.exec(line);
    if (head) {
      block = head[2] ? [head[2]] : [];
      blocks.set(head[1]!, block);
    } else block.push(line.trim());
  }
  const text = (name: string) => (blocks.get(name) ?? []).filter((line) => line !== '').join(' ');
  const insn = /\binsn (\d+)/.exec(text('At'))?.[1];
  return {
    category,
    title,
    reason: text('Reason'),
    insn: insn === undefined ? null : Number(insn),
    suggestion: text('Suggestion'),
  };
}

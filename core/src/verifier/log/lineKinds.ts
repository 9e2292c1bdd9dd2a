/**
 * What a line of the verifier's log is, by its shape alone: its wording changes with every kernel. Most lines are told by
 * their first characters, without a regular expression, as logs may have a hundred megabytes.
 */

export const LineKind = {
  /** The verifier says something: for a rejected program, the reason. Also whatever is not known. */
  message: 0,
  /** "12: (b7) r1 = 0   ; R1=0" */
  insn: 1,
  /** "12: R1=ctx() R10=fp0": the state before an instruction. */
  state: 2,
  /** "from 12 to 15: R0=0 …": a branch that was put off is taken up with this state. */
  branch: 3,
  /** " frame1: R1=ctx() R10=fp0": a state on a line of its own. */
  bareState: 4,
  /** "; source text @ file.c:12" */
  source: 5,
  /** "callee:", "to caller at 12:": the next state is another function's. */
  call: 6,
  /** "12: safe", "from 12 to 15: safe": pruned, as a state like it was verified before. */
  pruned: 7,
  /** "mark_precise: …", "parent didn't have …": precision backtracking. */
  precision: 8,
  /** Liveness of registers, function and line tables, and other notes that explain no rejection. */
  note: 9,
  /** "processed 12 insns …", "verification time …", "stack depth …", "subprog 0 (on_exec) main … stack 8" */
  statistics: 10,
  /** "Verification failed: …" of Linux 7.3, and what follows: the kernel's report. */
  report: 11,
  empty: 12,
} as const;
export type LineKind = (typeof LineKind)[keyof typeof LineKind];

const digit = (c: number): boolean => c >= 48 && c <= 57;
const notes =
  /^(?:func#\d+ @\d+|Live regs before insn:|[Aa]rg#\d+ (?:reference type|type is not a struct)|func '\w+' arg\d+ has btf_id |Unrecognized arg#\d+ type|Validating |Func#\d+ |Global function |BEGIN|-- (?:BEGIN|END) PROG LOAD LOG --|SCC (?:enter|exit)|reg type unsupported|\[\d+\] |last_idx |\(\d+\) (?:frame|live)|\(\d+,\d+.*\) (?:frame|live)|propagating |max_states_per_insn|(?:cur|old) state:|fastcall |subprog#\d+ |iter \d+|live stack update|async_cb_entry|insn \d+ cannot be patched|backtracking call|stack_off|Processed \d+ insns$)/;
const precision =
  /^(?:mark_precise:|parent (?:didn't|already|state)|last_idx \d+ first_idx|regs=[0-9a-f]+ stack=|propagating r)/;

/** `from` and `to` are the line's place in `text`. */
export function lineKind(text: string, from: number, to: number): LineKind {
  if (from >= to) return LineKind.empty;
  const first = text.charCodeAt(from);
  if (digit(first)) return numbered(text, from, to);
  switch (first) {
    case 59: // ;
      return LineKind.source;
    case 32: // space
      return spaced(text, from, to);
    case 82: // R
      return isRegister(text, from, to) ? LineKind.bareState : LineKind.message;
    case 102: // f
      if (text.startsWith('from ', from)) return branch(text, from, to);
      if (/^(?:frame\d+: |fp-?\d+)/.test(text.slice(from, Math.min(to, from + 24)))) return LineKind.bareState;
      break;
    case 109: // m
      if (text.startsWith('mark_precise', from)) return LineKind.precision;
      break;
    case 99: // c
      if (text.startsWith('callee:', from)) return LineKind.call;
      if (text.startsWith('caller:', from)) return LineKind.note;
      break;
    case 116: // t
      if (text.startsWith('to caller at ', from)) return LineKind.call;
      break;
    case 114: // r
      if (text.startsWith('returning from callee:', from)) return LineKind.note;
      break;
    case 112: // p
      if (text.startsWith('processed ', from) && digit(text.charCodeAt(from + 10))) return LineKind.statistics;
      break;
    case 115: // s
      if (text.startsWith('stack depth ', from)) {
        const at = text.startsWith('max ', from + 12) ? from + 16 : from + 12;
        if (digit(text.charCodeAt(at))) return LineKind.statistics;
      } else if (text.startsWith('subprog ', from) && digit(text.charCodeAt(from + 8))) return LineKind.statistics;
      break;
    case 118: // v
      if (text.startsWith('verification time ', from)) return LineKind.statistics;
      break;
    case 86: // V
      if (text.startsWith('Verification failed:', from)) return LineKind.report;
      break;
  }
  const line = text.slice(from, Math.min(to, from + 200));
  if (precision.test(line)) return LineKind.precision;
  return notes.test(line) ? LineKind.note : LineKind.message;
}

/** "12: …" */
function numbered(text: string, from: number, to: number): LineKind {
  let at = from + 1;
  while (at < to && digit(text.charCodeAt(at))) at++;
  if (text.charCodeAt(at) !== 58) return LineKind.message;
  const next = text.charCodeAt(at + 1) === 32 ? at + 2 : at + 1;
  if (next >= to) return LineKind.note; // a state without registers, or cut
  switch (text.charCodeAt(next)) {
    case 40: // (
      return text.charCodeAt(next + 3) === 41 ? LineKind.insn : LineKind.message;
    case 60: // <invalid CO-RE relocation>
      return LineKind.insn;
    case 82: // R
      return isRegister(text, next, to) ? LineKind.state : LineKind.message;
    case 102: // frame1: or fp-8=
      return /^(?:frame\d+:|fp-?\d+)/.test(text.slice(next, Math.min(to, next + 12)))
        ? LineKind.state
        : LineKind.message;
    case 114: // refs=
      return text.startsWith('refs=', next) ? LineKind.state : LineKind.message;
    case 115: // safe
      return text.startsWith('safe', next) ? LineKind.pruned : LineKind.message;
    case 99: // cb
      return text.startsWith('cb', next) ? LineKind.state : LineKind.message;
    default:
      return LineKind.message;
  }
}

function branch(text: string, from: number, to: number): LineKind {
  const head = text.slice(from, Math.min(to, from + 64));
  const match = /^from \d+ to \d+(?: \(speculative execution\))?:(.*)$/.exec(head);
  if (!match) return LineKind.message;
  return match[1]!.trim() === 'safe' ? LineKind.pruned : LineKind.branch;
}

function spaced(text: string, from: number, to: number): LineKind {
  if (text.charCodeAt(from + 1) === 82 && isRegister(text, from + 1, to)) return LineKind.bareState;
  let at = from + 1;
  while (at < to && text.charCodeAt(at) === 32) at++;
  if (digit(text.charCodeAt(at))) return isLiveness(text, at, to) ? LineKind.note : LineKind.message;
  const line = text.slice(at, Math.min(to, at + 48));
  if (/^(?:frame\d+:|fp-?\d+(?:_\w+)?=|refs=)/.test(line)) return LineKind.bareState;
  return line.trim() === '' ? LineKind.empty : LineKind.message;
}

/** "12: .1........ (b7) …" or "  3  12: .1........ (b7) …" (with its component): which registers are live before it. */
function isLiveness(text: string, at: number, to: number): boolean {
  while (digit(text.charCodeAt(at))) at++;
  if (text.charCodeAt(at) === 32) {
    while (text.charCodeAt(at) === 32) at++;
    if (!digit(text.charCodeAt(at))) return false;
    while (digit(text.charCodeAt(at))) at++;
  }
  if (text.charCodeAt(at) !== 58 || text.charCodeAt(at + 1) !== 32 || at + 14 > to) return false;
  for (let i = at + 2; i < at + 12; i++) {
    const c = text.charCodeAt(i);
    if (c !== 46 && !digit(c)) return false;
  }
  return text.charCodeAt(at + 12) === 32 && text.charCodeAt(at + 13) === 40;
}

/** "R1=", "R1_rw=" and not "R1 invalid mem access". */
function isRegister(text: string, at: number, to: number): boolean {
  if (!digit(text.charCodeAt(at + 1))) return false;
  let end = at + 2;
  if (digit(text.charCodeAt(end))) end++;
  if (text.charCodeAt(end) === 95) while (end < to && text.charCodeAt(end) !== 61 && text.charCodeAt(end) !== 32) end++;
  return end < to && text.charCodeAt(end) === 61;
}

/** Which places of a function run only after a question to the kernel was answered with yes, or with no. */
import { closing, readSpecifier, splitAtCommas } from '../c/declarators.ts';
import { Kind, type Token } from '../c/lexer.ts';

/** What a condition knows about one question. */
export interface Fact<Subject> {
  subject: Subject;
  /** False where the kernel has answered that it has no such thing. */
  there: boolean;
}

/** What is known where a condition holds, and where it does not. */
export interface Truth<Subject> {
  yes: readonly Fact<Subject>[];
  no: readonly Fact<Subject>[];
}

/** Offsets of the source that are reached only with the fact. */
export interface Region<Subject> extends Fact<Subject> {
  start: number;
  end: number;
}

interface Step<Subject> {
  /** Index of the first token behind the statement. */
  next: number;
  /** What follows in its block is not reached through its end. */
  leaves: boolean;
  /** What is known behind it, in its block. */
  after: readonly Fact<Subject>[];
}

const ASSIGNMENTS: ReadonlySet<string> = new Set(['=', '+=', '-=', '*=', '/=', '|=', '&=']);
const PASSED_ON = /^(likely|unlikely|__builtin_expect|barrier_var)$/;
const ZERO = /^(0|false|NULL)$/;
const ONE = /^(1|true)$/;
/** Deeper sources are read to here; nothing is known further in. */
const MAX_DEPTH = 400;

/** Reads functions one after the other: what earlier ones return is known to later ones. */
export class GuardFlow<Subject> {
  readonly regions: Region<Subject>[] = [];
  /** Of the calls that ask. */
  readonly questions: { start: number; end: number }[] = [];
  /** Functions, macros and variables that stand for an answer. */
  private readonly known: Map<string, Truth<Subject>>;
  private locals = new Map<string, Truth<Subject>>();
  private returned: Truth<Subject>[] = [];
  private asked: Fact<Subject>[] = [];
  /** Index behind the function's last token. */
  private end = 0;
  private depth = 0;

  constructor(
    private readonly tokens: readonly Token[],
    /** What is asked for by the call of `name` with the parenthesis at `open`; null where it is no question. */
    private readonly subjectOf: (name: string, open: number, close: number) => Subject | null,
    known: ReadonlyMap<string, Truth<Subject>>,
  ) {
    this.known = new Map(known);
  }

  /** The body between the braces at two tokens. `isLocal`: whether a name is a variable of this function. */
  function(name: string, from: number, to: number, isLocal: (name: string) => boolean): void {
    this.locals = new Map();
    [this.returned, this.asked, this.end, this.depth] = [[], [], to, 0];
    this.block(from + 1, to);
    for (const [variable, truth] of this.locals) if (!isLocal(variable)) this.known.set(variable, truth);
    if (this.asked.length === 0) return;
    // "if (exists) return true; return false;" in any form: it is true only of what is there.
    const only = this.returned.length === 1 && isAnything(this.returned[0]!) ? this.returned[0]! : null;
    this.known.set(name, only ?? { yes: this.asked, no: [] });
  }

  private block(from: number, to: number): boolean {
    let leaves = false;
    for (let at = from; at < to;) {
      const step = this.statement(at, to);
      const next = Math.max(step.next, at + 1);
      this.mark(next, to, step.after);
      leaves = step.leaves;
      at = next;
    }
    return leaves;
  }

  private statement(at: number, to: number): Step<Subject> {
    if (at >= to || this.depth >= MAX_DEPTH) return step(to);
    this.depth++;
    try {
      return this.read(at, to);
    } finally {
      this.depth--;
    }
  }

  private read(at: number, to: number): Step<Subject> {
    const { text } = this.tokens[at]!;
    const hasCondition = this.tokens[at + 1]?.text === '(';
    if (text === ';') return step(at + 1);
    if (text === '{') {
      const close = closing(this.tokens, at, to);
      return { next: close + 1, leaves: this.block(at + 1, close), after: [] };
    }
    if (text === 'if' && hasCondition) return this.branches(at, to);
    if (/^(while|for|switch)$/.test(text) && hasCondition) return this.loop(at, to);
    if (text === 'do' || text === 'else') return step(this.statement(at + 1, to).next);
    const label = this.behindLabel(at, to);
    if (label !== null) return this.statement(label, to);
    return this.plain(at, to, /^(return|goto|break|continue)$/.test(text));
  }

  private branches(at: number, to: number): Step<Subject> {
    const close = closing(this.tokens, at + 1, to);
    const { yes, no } = this.expression(at + 2, close);
    const then = this.statement(close + 1, to);
    this.mark(close + 1, then.next, yes);
    if (this.tokens[then.next]?.text !== 'else' || then.next >= to) {
      return { next: then.next, leaves: false, after: then.leaves ? no : [] };
    }
    const other = this.statement(then.next + 1, to);
    this.mark(then.next + 1, other.next, no);
    const after = [...(then.leaves ? no : []), ...(other.leaves ? yes : [])];
    return { next: other.next, leaves: then.leaves && other.leaves, after };
  }

  private loop(at: number, to: number): Step<Subject> {
    const close = closing(this.tokens, at + 1, to);
    const parts = this.split(at + 2, close, ';').map(([from, until]) => this.expression(from, until));
    const isFor = this.tokens[at]!.text === 'for';
    const condition = isFor ? parts[1] : parts[0];
    const body = this.statement(close + 1, to);
    if (this.tokens[at]!.text === 'switch') this.drop(condition);
    else this.mark(close + 1, body.next, condition?.yes ?? []);
    return step(body.next);
  }

  /** Index behind "name:", "default:" or "case VALUE:"; null where none stands. */
  private behindLabel(at: number, to: number): number | null {
    const { kind, text } = this.tokens[at]!;
    if (text === 'case') {
      for (let i = at + 1; i < to && !/^[;{}]$/.test(this.tokens[i]!.text); i++) {
        if (this.tokens[i]!.text === ':') return i + 1;
      }
      return null;
    }
    return kind === Kind.identifier && this.tokens[at + 1]?.text === ':' ? at + 2 : null;
  }

  /** Up to its semicolon; a macro that begins a loop (bpf_for) goes on with its body. */
  private plain(at: number, to: number, leaves: boolean): Step<Subject> {
    let end = at;
    for (; end < to && this.tokens[end]!.text !== ';'; end++) {
      const { text } = this.tokens[end]!;
      if (text === '{' && this.tokens[end - 1]?.text === ')') break;
      if (/^[([{]$/.test(text)) end = closing(this.tokens, end, to);
    }
    const truth = this.expression(leaves ? at + 1 : at, Math.min(end, to));
    if (this.tokens[at]!.text === 'return') this.returned.push(truth);
    if (this.tokens[end]?.text !== '{' || end >= to) return { next: end + 1, leaves, after: [] };
    const body = this.statement(end, to);
    return { next: this.tokens[body.next]?.text === ';' ? body.next + 1 : body.next, leaves, after: [] };
  }

  /** What is known where the expression of tokens [from, to) is not zero, and where it is. */
  private expression(from: number, to: number): Truth<Subject> {
    if (from >= to || this.depth >= MAX_DEPTH) return nothing;
    this.depth++;
    try {
      return this.operators(from, to);
    } finally {
      this.depth--;
    }
  }

  private operators(from: number, to: number): Truth<Subject> {
    const parts = this.split(from, to, ',');
    if (parts.length > 1) return parts.map(([start, end]) => this.expression(start, end)).at(-1)!;
    const assigned = this.find(from, to, (text) => ASSIGNMENTS.has(text));
    if (assigned !== null) return this.assignment(from, assigned, to);
    const question = this.find(from, to, (text) => text === '?');
    if (question !== null) return this.conditional(from, question, to);
    for (const operator of ['||', '&&'] as const) {
      const operands = this.split(from, to, operator);
      if (operands.length > 1) return this.logical(operands, operator);
    }
    const comparison = this.find(from, to, (text) => /^([<>]|[=!<>]=)$/.test(text));
    if (comparison !== null) return this.compared(from, comparison, to);
    if (this.tokens[from]!.text === '!') return swapped(this.expression(from + 1, to));
    return this.operand(from, to);
  }

  private assignment(from: number, at: number, to: number): Truth<Subject> {
    const truth = this.expression(at + 1, to);
    this.inside(from, at);
    const name = this.tokens[at - 1]!;
    const isVariable = this.tokens.slice(from, at).every(({ kind, text }) => kind === Kind.identifier || text === '*');
    if (isVariable && name.kind === Kind.identifier && this.tokens[at]!.text === '=') {
      if (isAnything(truth)) this.locals.set(name.text, truth);
      else this.locals.delete(name.text);
    } else this.drop(truth);
    return truth;
  }

  private conditional(from: number, question: number, to: number): Truth<Subject> {
    const truth = this.expression(from, question);
    let depth = 0;
    const colon = this.find(question + 1, to, (text) => {
      if (text === '?') depth++;
      return text === ':' && depth-- === 0;
    });
    if (colon === null) return nothing;
    this.mark(question + 1, colon, truth.yes);
    this.mark(colon + 1, to, truth.no);
    this.expression(question + 1, colon);
    this.expression(colon + 1, to);
    const only = (at: number, end: number, wanted: RegExp): boolean =>
      end - at === 1 && wanted.test(this.tokens[at]!.text);
    return only(question + 1, colon, ONE) && only(colon + 1, to, ZERO) ? truth : nothing;
  }

  /** Each operand is read only where those before it have not decided. */
  private logical(operands: readonly [number, number][], operator: '||' | '&&'): Truth<Subject> {
    const facts: Fact<Subject>[] = [];
    for (const [from, to] of operands) {
      this.mark(from, to, facts);
      const truth = this.expression(from, to);
      facts.push(...(operator === '&&' ? truth.yes : truth.no));
    }
    return operator === '&&' ? { yes: facts, no: [] } : { yes: [], no: facts };
  }

  private compared(from: number, at: number, to: number): Truth<Subject> {
    const truth = this.expression(from, at);
    const right = to - at === 2 ? this.tokens[at + 1]!.text : '';
    const operator = this.tokens[at]!.text;
    if ((operator === '==' && ONE.test(right)) || (/^(!=|>)$/.test(operator) && ZERO.test(right))) return truth;
    if ((operator === '==' && ZERO.test(right)) || (operator === '!=' && ONE.test(right))) return swapped(truth);
    this.drop(truth);
    this.drop(this.expression(at + 1, to));
    return nothing;
  }

  private operand(from: number, to: number): Truth<Subject> {
    const { kind, text, start } = this.tokens[from]!;
    if (to - from === 1) return this.locals.get(text) ?? this.known.get(text) ?? nothing;
    const open = kind === Kind.identifier ? from + 1 : from;
    const close = this.tokens[open]!.text === '(' ? closing(this.tokens, open, to) : -1;
    const isCast = open === from && close >= 0 && close < to - 1 && this.isType(from + 1, close);
    if (isCast) return this.expression(close + 1, to);
    if (close !== to - 1) return this.inside(from, to);
    if (open === from) return this.parenthesised(open, close);
    const subject = this.subjectOf(text, open, close);
    if (subject !== null) {
      this.questions.push({ start, end: this.tokens[close]!.end });
      const yes = [{ subject, there: true }];
      this.asked.push(...yes);
      return { yes, no: [{ subject, there: false }] };
    }
    const parts = splitAtCommas(this.tokens, open + 1, close).map(([at, end]) => this.expression(at, end));
    if (PASSED_ON.test(text)) return parts[0] ?? nothing;
    parts.forEach((truth) => this.drop(truth));
    return this.known.get(text) ?? nothing;
  }

  private isType(from: number, to: number): boolean {
    const specifier = readSpecifier(this.tokens, from, to);
    return specifier !== null && this.tokens.slice(specifier.next, to).every(({ text }) => text === '*');
  }

  /** "(a)", or statements that are an expression: "({ … })". */
  private parenthesised(open: number, close: number): Truth<Subject> {
    if (this.tokens[open + 1]?.text !== '{') return this.expression(open + 1, close);
    this.block(open + 2, closing(this.tokens, open + 1, close));
    return nothing;
  }

  /** Calls and parentheses among other things, whose answers go where nobody follows them. */
  private inside(from: number, to: number): Truth<Subject> {
    for (let at = from; at < to; at++) {
      if (!/^[([{]$/.test(this.tokens[at]!.text)) continue;
      const close = closing(this.tokens, at, to);
      const isCall = this.tokens[at]!.text === '(' && at > from && this.tokens[at - 1]!.kind === Kind.identifier;
      if (this.tokens[at]!.text !== '(') this.drop(this.expression(at + 1, close));
      else this.drop(isCall ? this.operand(at - 1, close + 1) : this.parenthesised(at, close));
      at = close;
    }
    return nothing;
  }

  /** An answer that is kept in a way that is not followed: then the rest of the function may rely on it. */
  private drop(truth: Truth<Subject> | undefined): void {
    for (const { subject } of truth === undefined ? [] : [...truth.yes, ...truth.no]) {
      const from = this.questions.at(-1)?.end ?? 0;
      this.regions.push({ subject, there: true, start: from, end: this.tokens[this.end - 1]?.end ?? from });
    }
  }

  private mark(from: number, to: number, facts: readonly Fact<Subject>[]): void {
    if (from >= to || facts.length === 0) return;
    const [start, end] = [this.tokens[from]!.start, this.tokens[Math.min(to, this.tokens.length) - 1]!.end];
    for (const fact of facts) this.regions.push({ ...fact, start, end });
  }

  /** Ranges between the operator, outside of any parentheses. */
  private split(from: number, to: number, operator: string): [number, number][] {
    const parts: [number, number][] = [];
    let start = from;
    for (let at = from; at < to; at++) {
      const { kind, text } = this.tokens[at]!;
      if (kind !== Kind.punctuation) continue;
      if (text === operator) {
        parts.push([start, at]);
        start = at + 1;
      } else if (/^[([{]$/.test(text)) at = closing(this.tokens, at, to);
    }
    return [...parts, [start, to]];
  }

  /** The first such operator outside of any parentheses. */
  private find(from: number, to: number, wanted: (text: string) => boolean): number | null {
    for (let at = from; at < to; at++) {
      const { kind, text } = this.tokens[at]!;
      if (kind !== Kind.punctuation) continue;
      if (wanted(text)) return at;
      if (/^[([{]$/.test(text)) at = closing(this.tokens, at, to);
    }
    return null;
  }
}

const nothing: { yes: readonly never[]; no: readonly never[] } = { yes: [], no: [] };
const step = (next: number): Step<never> => ({ next, leaves: false, after: [] });
const swapped = <Subject>({ yes, no }: Truth<Subject>): Truth<Subject> => ({ yes: no, no: yes });
const isAnything = ({ yes, no }: Truth<unknown>): boolean => yes.length + no.length > 0;

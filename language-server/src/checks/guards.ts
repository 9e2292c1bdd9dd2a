/**
 * What a program asks the kernel about before it uses it: a host that has no such thing never comes to where the answer was
 * yes, and one that has it never to where it was no. Nothing is said of a host at a place that it does not come to.
 */
import type { Analysis } from '../analysis.ts';
import { closing, readSpecifier, splitAtCommas } from '../c/declarators.ts';
import { Kind, lex, type Token } from '../c/lexer.ts';
import { memberAt } from '../c/members.ts';
import type { CFunction } from '../c/model.ts';
import { tokenBefore } from '../c/place.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { factsOf, type TypeFacts } from '../kernel/others.ts';
import { GuardFlow, type Fact, type Region, type Truth } from './guardFlow.ts';

/** A kernel as far as it is asked. */
export interface AskedKernel {
  type(name: string): TypeFacts | null;
  hasFunction(name: string): boolean;
  /** Whether anything in its types has the name. */
  hasName(name: string): boolean;
}

/** The first host's kernel, asked as the others are. */
export function askedKernel(kernel: Kernel): AskedKernel {
  const known = new Map<string, TypeFacts | null>();
  return {
    type: (name) => {
      let facts = known.get(name);
      if (facts === undefined) {
        const id = kernel.find(name);
        facts = id === null ? null : factsOf(kernel, id);
        known.set(name, facts);
      }
      return facts;
    },
    hasFunction: (name) => kernel.functions.has(name),
    hasName: (name) => kernel.btf.hasName(name),
  };
}

interface Subject {
  kind: 'field' | 'type' | 'value' | 'symbol';
  /** "struct task_struct", "enum bpf_func_id"; null where it is not known: then only the name counts. */
  owner: string | null;
  name: string;
}

const questions = /^bpf_(core_(field|type|enum_value)_(exists|matches)|ksym_exists)$/;
const anyQuestion = /\bbpf_(core_(field|type|enum_value)_(exists|matches)|ksym_exists)\s*\(/;
const versions = /\b(LINUX_KERNEL_VERSION|LINUX_HAS_\w+|KERNEL_VERSION)\b/;

export class Guards {
  /** It knows kernels by their version: then nobody else can tell what runs where. */
  readonly version: boolean;
  private readonly regions: readonly Region<Subject>[];
  private readonly questions: readonly { start: number; end: number }[];
  /** For each kernel the functions that it comes to. */
  private readonly runs = new Map<AskedKernel, ReadonlySet<CFunction>>();
  private mentioned: Map<CFunction, { at: number; of: CFunction }[]> | null = null;

  constructor(private readonly analysis: Analysis) {
    const { text } = analysis.source;
    this.version = versions.test(text);
    const flow = anyQuestion.test(text) ? readFlow(analysis) : null;
    this.regions = flow?.regions ?? [];
    this.questions = flow?.questions ?? [];
  }

  /** Whether the place is within a question: what is asked for is no use of it. */
  isQuestion(at: number): boolean {
    return this.questions.some(({ start, end }) => start <= at && at < end);
  }

  /** Whether a host with the kernel comes to the place, where `name` is used. */
  mayRun(kernel: AskedKernel, at: number, name: string): boolean {
    if (this.regions.length === 0) return true;
    if (!this.comesTo(kernel, at, name)) return false;
    const around = this.functionAt(at);
    return around === null || this.functionsOf(kernel).has(around);
  }

  private comesTo(kernel: AskedKernel, at: number, name: string | null): boolean {
    return this.regions.every(({ start, end, subject, there }) => {
      if (at < start || at >= end) return true;
      const has = hasSubject(kernel, subject);
      return has === null ? !(there && isAbout(subject, name)) : has === there;
    });
  }

  private functionAt(at: number): CFunction | null {
    const { functions } = this.analysis.source.model;
    return functions.find((each) => each.bodyStart <= at && at < each.bodyEnd) ?? null;
  }

  /** Programs, functions that nobody here names, and what those call where the kernel comes to the call. */
  private functionsOf(kernel: AskedKernel): ReadonlySet<CFunction> {
    const known = this.runs.get(kernel);
    if (known) return known;
    const mentions = (this.mentioned ??= this.readMentions());
    const named = new Set(
      [...mentions].flatMap(([from, each]) => each.map(({ of }) => of).filter((of) => of !== from)),
    );
    const found = new Set(this.analysis.source.model.functions.filter((each) => each.section || !named.has(each)));
    for (const each of found) {
      for (const { at, of } of mentions.get(each) ?? []) if (this.comesTo(kernel, at, null)) found.add(of);
    }
    this.runs.set(kernel, found);
    return found;
  }

  /** Where the functions name each other: calls, and callbacks too. */
  private readMentions(): Map<CFunction, { at: number; of: CFunction }[]> {
    const { model, tokens } = this.analysis.source;
    const bodies = model.functions.filter((each) => each.bodyEnd > each.bodyStart);
    const byName = new Map(bodies.map((each) => [each.name, each]));
    return new Map(
      bodies.map((each) => {
        const mentions: { at: number; of: CFunction }[] = [];
        for (let at = tokenBefore(tokens, each.bodyStart) + 1; (tokens[at]?.end ?? Infinity) <= each.bodyEnd; at++) {
          const { kind, text, start } = tokens[at]!;
          const of = kind === Kind.identifier ? byName.get(text) : undefined;
          if (of) mentions.push({ at: start, of });
        }
        return [each, mentions];
      }),
    );
  }
}

const isAbout = (subject: Subject, name: string | null): boolean =>
  name !== null && subject.name.replace(/^\w+ /, '') === name.replace(/^\w+ /, '');

/** Whether the kernel has it; null where that cannot be told. */
function hasSubject(kernel: AskedKernel, { kind, owner, name }: Subject): boolean | null {
  if (owner === null) return null;
  if (kind === 'type') return kernel.type(name) !== null;
  if (kind === 'symbol') return kernel.hasFunction(name);
  const type = kernel.type(owner);
  if (kind === 'value') return type && type.values.size > 0 ? type.values.has(name) : kernel.hasName(name);
  if (type === null) return false;
  return type.fields.size > 0 ? type.fields.has(name) : null;
}

function readFlow(analysis: Analysis): GuardFlow<Subject> {
  const { model, tokens, text } = analysis.source;
  const macros = new Set<string>();
  const known = new Map<string, Truth<Subject>>();
  for (const { name, value, hasParameters, start, end } of model.defines.values()) {
    if (hasParameters && anyQuestion.test(text.slice(start, end))) macros.add(name);
    const truth = hasParameters ? null : truthOf(value);
    if (truth) known.set(name, truth);
  }
  const subjectOf = (name: string, open: number, close: number): Subject | null => {
    if (questions.test(name)) return readSubject(name, tokens, open, close, analysis);
    return macros.has(name) ? { kind: 'field', owner: null, name: lastWord(tokens, open, close) } : null;
  };
  const flow = new GuardFlow(tokens, subjectOf, known);
  for (const each of model.functions) {
    if (each.bodyEnd <= each.bodyStart) continue;
    const from = tokenBefore(tokens, each.bodyStart + 1);
    const to = tokenBefore(tokens, each.bodyEnd);
    const isLocal = (name: string): boolean => each.locals.some((local) => local.name === name);
    flow.function(each.name, from, to, isLocal);
  }
  return flow;
}

/** Of a constant that is a question: "#define HAS_X bpf_core_type_exists(struct x)". */
function truthOf(value: string): Truth<Subject> | null {
  const { tokens } = lex(value);
  const at = tokens.findIndex(({ text }, index) => questions.test(text) && tokens[index + 1]?.text === '(');
  if (at < 0) return null;
  const close = closing(tokens, at + 1, tokens.length);
  const subject = readSubject(tokens[at]!.text, tokens, at + 1, close, null);
  const [there, missing] = [true, false].map((each) => [{ subject, there: each }]) as [
    Fact<Subject>[],
    Fact<Subject>[],
  ];
  const before = tokens.slice(0, at).map(({ text }) => text);
  // Of one that asks more than that only what is asked for is taken.
  if (!before.every((text) => text === '(' || text === '!')) return { yes: there, no: [] };
  const isNegated = before.filter((text) => text === '!').length % 2 === 1;
  return isNegated ? { yes: missing, no: there } : { yes: there, no: missing };
}

/** A name with a suffix of three underscores is CO-RE's for the kernel's own. */
const plainName = (name: string): string => name.replace(/___\w*$/, '');

function lastWord(tokens: readonly Token[], open: number, close: number): string {
  const words = tokens.slice(open + 1, close).filter(({ kind }) => kind === Kind.identifier);
  return plainName(words.at(-1)?.text ?? '');
}

/** `analysis`: what the tokens are part of; null for those of a macro. */
function readSubject(
  question: string,
  tokens: readonly Token[],
  open: number,
  close: number,
  analysis: Analysis | null,
): Subject {
  const [first, second] = splitAtCommas(tokens, open + 1, close);
  const named = first ? readSpecifier(tokens, first[0], first[1]) : null;
  const base = named && named.next === first![1] ? plainName(named.base) : null;
  const last = lastWord(tokens, open, close);
  if (question.includes('_type_')) return { kind: 'type', owner: base, name: base ?? last };
  if (question.includes('_enum_value_')) return { kind: 'value', owner: base, name: last };
  if (question === 'bpf_ksym_exists') {
    // Of a variable of the kernel nothing is known here.
    return { kind: 'symbol', owner: analysis?.world.kernel?.kfuncs.has(last) ? '' : null, name: last };
  }
  if (second) return { kind: 'field', owner: second[1] - second[0] === 1 ? base : null, name: last };
  const member = analysis && memberAt(analysis.source, analysis.types, close - 1);
  return { kind: 'field', owner: member ? plainName(member.owner) : null, name: last };
}

/** Selected statements become a function of their own: one that only this file sees, or a global one, checked once. */
import type { Analysis } from '../../analysis.ts';
import { closing, isBuiltin, isKeyword } from '../../c/declarators.ts';
import { Kind, type Token } from '../../c/lexer.ts';
import type { CFunction, CType } from '../../c/model.ts';
import { tokenBefore } from '../../c/place.ts';
import { declarationOf } from '../../c/types.ts';
import {
  declarationStart,
  eolOf,
  freeName,
  functionAround,
  lineStart,
  stepOf,
  type Action,
  type Where,
} from './place.ts';

/** What a BPF function can be given. */
const MOST_ARGUMENTS = 5;

export function extractFunction({ analysis, from, to }: Where): Action[] {
  const { text } = analysis.source;
  if (text.slice(from, to).trim() === '') return [];
  const inside = functionAround(analysis, from);
  if (inside === null || from <= inside.bodyStart || to >= inside.bodyEnd) return [];
  const range = wholeStatements(analysis, inside, from, to);
  if (range === null) return [];
  const parts = new Extraction(analysis, inside, range);
  return [
    action('Extract to a function', parts, parts.refusal(), false),
    action(
      'Extract to a global function, which is verified once',
      parts,
      parts.refusal() ?? parts.globalRefusal(),
      true,
    ),
  ];
}

function action(title: string, parts: Extraction, refusal: string | null, isGlobal: boolean): Action {
  if (refusal !== null) return { title, kind: 'refactor.extract', edits: [], disabled: refusal };
  return { title, kind: 'refactor.extract', edits: parts.edits(isGlobal) };
}

interface Range {
  /** Token indexes, `to` after the last. */
  from: number;
  to: number;
}

/** The selection as whole statements of one block; null when it begins or ends within one. */
function wholeStatements({ source }: Analysis, inside: CFunction, start: number, end: number): Range | null {
  const { tokens } = source;
  let from = tokenBefore(tokens, start) + 1;
  if (tokens[from - 1] && tokens[from - 1]!.end > start) from--;
  const to = tokenBefore(tokens, end) + 1;
  if (from >= to || tokens[from]!.start < start || tokens[to - 1]!.end > end) return null;
  const before = tokens[from - 1]!;
  const isFirst = [';', '{', '}', ':'].includes(before.text) || before.start === inside.bodyStart;
  const last = tokens[to - 1]!;
  if (!isFirst || ![';', '}'].includes(last.text)) return null;
  if (tokens[from]!.text === 'else' || tokens[to]?.text === 'else') return null;
  let depth = 0;
  for (let at = from; at < to; at++) {
    const { text } = tokens[at]!;
    if (text === '{' || text === '(') depth++;
    else if ((text === '}' || text === ')') && --depth < 0) return null;
  }
  // "while (…)" behind a do, or half of a declaration.
  return depth === 0 ? { from, to } : null;
}

interface Variable {
  name: string;
  type: CType;
  /** Declared within the selection. */
  own: boolean;
  isParameter: boolean;
}

type Passed = 'value' | 'pointer' | 'array';

class Extraction {
  private readonly tokens: readonly Token[];
  private readonly passed: Variable[] = [];
  private readonly returned: Variable[] = [];
  private problem: string | null = null;
  private readonly leaves: boolean;

  constructor(
    private readonly analysis: Analysis,
    private readonly inside: CFunction,
    private readonly range: Range,
  ) {
    this.tokens = analysis.source.tokens;
    this.leaves = this.lastLeaves();
    this.checkJumps();
    this.findVariables();
  }

  /** Why it cannot be a function; null when it can. */
  refusal(): string | null {
    if (this.problem !== null) return this.problem;
    if (this.passed.length > MOST_ARGUMENTS)
      return `It uses ${this.passed.length} variables of the function; a BPF function takes at most ${MOST_ARGUMENTS} arguments.`;
    if (this.returned.length > 1)
      return `It changes ${this.returned.map(({ name }) => name).join(' and ')}, which are used after it; a function gives back one value.`;
    if (this.leaves && this.returned.length > 0) return 'It returns, and changes variables as well.';
    return null;
  }

  /** The verifier knows of a global function's arguments only what their types say. */
  globalRefusal(): string | null {
    const [back] = this.returned;
    if (back && back.type.pointers > 0)
      return `It would return ${back.name}, and a global function returns numbers only.`;
    for (const variable of this.passed) {
      if (this.isContext(variable)) {
        if (this.inside.macro !== '')
          return `It uses ctx, whose type ${this.inside.macro} hides; the verifier cannot check a global function with it.`;
        continue;
      }
      const how = this.how(variable);
      const isOwn = this.isOwnMemory(variable.type);
      if (how === 'pointer' && !isOwn) return foreign(variable.name);
      if (how === 'value' && variable.type.pointers > 0 && !(isOwn && variable.type.pointers === 1))
        return foreign(variable.name);
    }
    return null;
  }

  edits(isGlobal: boolean): Action['edits'] {
    const { source } = this.analysis;
    const { text } = source;
    const name = freeName(`${this.inside.name}_part`, this.analysis);
    const [first, last] = [this.tokens[this.range.from]!, this.tokens[this.range.to - 1]!];
    const at = declarationStart(source, this.inside);
    const call = this.call(name);
    return [
      { start: at, end: at, text: this.definition(name, isGlobal) },
      { start: first.start, end: last.end, text: call },
    ].map((edit) => ({ ...edit, text: edit.text.replaceAll('\n', eolOf(text)) }));
  }

  private call(name: string): string {
    const list = this.passed.map((variable) =>
      this.how(variable) === 'pointer' ? `&${variable.name}` : variable.name,
    );
    const call = `${name}(${list.join(', ')})`;
    if (this.leaves) return `return ${call};`;
    const [back] = this.returned;
    if (!back) return `${call};`;
    return back.own ? `${declarationOf(back.type, back.name)} = ${call};` : `${back.name} = ${call};`;
  }

  private definition(name: string, isGlobal: boolean): string {
    const { source, models } = this.analysis;
    const step = stepOf(source.text, this.inside);
    const hasMacro = models.some((model) => model.includes.some(({ path }) => path === 'bpf/bpf_helpers.h'));
    const noinline = hasMacro ? '__noinline' : '__attribute__((noinline))';
    const list = this.passed.map((variable) => this.parameter(variable));
    const head = `${isGlobal ? '' : 'static '}${noinline} ${this.resultType(isGlobal)}${name}(${list.join(', ') || 'void'})`;
    const checks = isGlobal ? this.nullChecks(step) : '';
    return `${head}\n{\n${checks}${this.body(step)}${this.lastLine(step, isGlobal)}}\n\n`;
  }

  private resultType(isGlobal: boolean): string {
    const [back] = this.returned;
    if (back) return spaced(declarationOf({ ...back.type, qualifiers: '' }, '').trim());
    if (this.leaves && !this.isVoid()) {
      const { returns, macro, section } = this.inside;
      return macro !== '' || section !== null ? 'int ' : spaced(declarationOf(returns, '').trim());
    }
    // Before Linux 6.11 a global function had to return a number.
    return isGlobal ? 'int ' : 'void ';
  }

  private lastLine(step: string, isGlobal: boolean): string {
    const [back] = this.returned;
    if (back) return `${step}return ${back.name};\n`;
    return isGlobal && !this.leaves ? `${step}return 0;\n` : '';
  }

  private nullChecks(step: string): string {
    const [back] = this.returned;
    const pointers = this.passed.filter(
      (variable) => !this.isContext(variable) && (this.how(variable) !== 'value' || variable.type.pointers > 0),
    );
    const value = back && this.passed.some(({ name }) => name === back.name) ? back.name : '0';
    return pointers.map(({ name }) => `${step}if (!${name})\n${step}${step}return ${value};\n`).join('');
  }

  private parameter(variable: Variable): string {
    const { name, type } = variable;
    const how = this.how(variable);
    const plain = { ...type, qualifiers: '' };
    if (how === 'pointer') return declarationOf({ ...plain, pointers: 1 }, name);
    if (how === 'array') return declarationOf({ ...plain, pointers: plain.pointers + 1, dims: [] }, name);
    return declarationOf(plain, name);
  }

  /** The statements with the indentation of a function's body, and variables that are pointers now. */
  private body(step: string): string {
    const { text } = this.analysis.source;
    const [first, last] = [this.tokens[this.range.from]!, this.tokens[this.range.to - 1]!];
    const start = lineStart(text, first.start);
    const lead = text.slice(start, first.start);
    const raw = (/^[ \t]*$/.test(lead) ? lead : '') + this.rewritten(first.start, last.end);
    const lines = raw.replaceAll('\r\n', '\n').split('\n');
    const filled = lines.filter((line) => line.trim() !== '');
    const common = Math.min(...filled.map((line) => /^[ \t]*/.exec(line)![0].length));
    return `${lines.map((line) => (line.trim() === '' ? '' : step + line.slice(common))).join('\n')}\n`;
  }

  private rewritten(start: number, end: number): string {
    const { text } = this.analysis.source;
    let [out, at] = ['', start];
    for (let i = this.range.from; i < this.range.to; i++) {
      const variable = this.variableOf(i);
      if (variable === null) continue;
      const edit = this.useOf(i, variable);
      if (edit === null) continue;
      out += text.slice(at, edit.start) + edit.text;
      at = edit.end;
      while (this.tokens[i + 1] && this.tokens[i + 1]!.start < at) i++;
    }
    return out + text.slice(at, end);
  }

  /** How a use of a variable reads that is a pointer in the new function; null where it stays. */
  private useOf(index: number, variable: Variable): Action['edits'][number] | null {
    const token = this.tokens[index]!;
    const how = this.how(variable);
    if (how === 'value') return null;
    const [before, after] = [this.tokens[index - 1], this.tokens[index + 1]];
    const isSizeof = before?.text === '(' && this.tokens[index - 2]?.text === 'sizeof' && after?.text === ')';
    if (how === 'array') {
      if (!isSizeof) return null;
      return {
        start: token.start,
        end: token.end,
        text: declarationOf({ ...variable.type, qualifiers: '' }, '').replace(' [', '['),
      };
    }
    if (after?.text === '.') return { start: token.start, end: after.end, text: `${variable.name}->` };
    if (before?.text === '&' && after?.text !== '->' && after?.text !== '[')
      return { start: before.start, end: token.end, text: variable.name };
    return { start: token.start, end: token.end, text: isSizeof ? `*${variable.name}` : `(*${variable.name})` };
  }

  private how({ type }: Variable): Passed {
    if (type.dims.length > 0) return 'array';
    if (type.pointers > 0 || type.callable) return 'value';
    return this.isComposite(type) ? 'pointer' : 'value';
  }

  private isComposite(type: CType): boolean {
    return /^(struct|union) /.test(type.base) || this.analysis.types.members({ from: 'source', type }) !== null;
  }

  /** Memory whose size the type says and that is no object of the kernel's. */
  private isOwnMemory(type: CType): boolean {
    const { models, types } = this.analysis;
    const plain: CType = { base: type.base, pointers: 0, dims: [] };
    if (!this.isComposite(plain)) return type.base !== 'void' && types.sizeOf(plain) !== null;
    return models.some((model) => model.structs.has(type.base) || model.typedefs.has(type.base));
  }

  private isContext({ name, isParameter }: Variable): boolean {
    const { inside } = this;
    if (inside.section === null) return false;
    return inside.macro === '' ? isParameter && inside.parameters[0]?.name === name : name === 'ctx';
  }

  private isVoid(): boolean {
    const { returns, section } = this.inside;
    return section === null && returns.base === 'void' && returns.pointers === 0;
  }

  private isIn(offset: number): boolean {
    return this.tokens[this.range.from]!.start <= offset && offset < this.tokens[this.range.to - 1]!.end;
  }

  private lastLeaves(): boolean {
    let at = this.range.to - 2;
    while (at >= this.range.from && ![';', '{', '}'].includes(this.tokens[at]!.text)) at--;
    const isSimple = this.tokens[this.range.to - 1]!.text === ';';
    return isSimple && this.tokens[at + 1]?.text === 'return' && this.depthAt(at + 1) === 0 && !this.isGuarded(at + 1);
  }

  /** "if (x) return 0;" leaves only sometimes. */
  private isGuarded(at: number): boolean {
    return at > this.range.from && [')', 'else'].includes(this.tokens[at - 1]!.text);
  }

  private depthAt(index: number): number {
    let depth = 0;
    for (let at = this.range.from; at < index; at++) {
      if (this.tokens[at]!.text === '{') depth++;
      else if (this.tokens[at]!.text === '}') depth--;
    }
    return depth;
  }

  private checkJumps(): void {
    const loops = this.loopRanges();
    for (let at = this.range.from; at < this.range.to; at++) {
      const { text, kind } = this.tokens[at]!;
      if (kind !== Kind.identifier) continue;
      if (text === 'goto') this.problem = 'It jumps to a label.';
      if (text === 'return' && !this.leaves)
        this.problem = 'It returns from the function in some cases, and goes on in others.';
      if ((text === 'break' || text === 'continue') && !loops.some(([from, to]) => from < at && at < to))
        this.problem = `It leaves a loop around it by ${text}.`;
      if (text === 'typeof' || text === '__typeof__' || text === '__auto_type')
        this.problem = 'It has types that are not written.';
    }
  }

  /** Token ranges of loops and switches within the selection. */
  private loopRanges(): [number, number][] {
    const ranges: [number, number][] = [];
    for (let at = this.range.from; at < this.range.to; at++) {
      const { text } = this.tokens[at]!;
      if (!['for', 'while', 'do', 'switch', 'bpf_for', 'bpf_for_each', 'bpf_repeat'].includes(text)) continue;
      let body = text === 'do' ? at + 1 : closing(this.tokens, at + 1, this.range.to) + 1;
      if (this.tokens[body]?.text === '{') ranges.push([at, closing(this.tokens, body, this.range.to)]);
      else {
        const start = at;
        while (body < this.range.to && this.tokens[body]!.text !== ';') body++;
        ranges.push([start, body]);
      }
    }
    return ranges;
  }

  private variableOf(index: number): Variable | null {
    const token = this.tokens[index]!;
    const before = this.tokens[index - 1]?.text;
    if (token.kind !== Kind.identifier || before === '->' || before === '.' || before === 'struct') return null;
    return this.passed.find((each) => each.name === token.text) ?? null;
  }

  private findVariables(): void {
    const { types } = this.analysis;
    const seen = new Set<string>();
    for (let at = this.range.from; at < this.range.to; at++) {
      const token = this.tokens[at]!;
      const before = this.tokens[at - 1]?.text;
      if (token.kind !== Kind.identifier || isKeyword(token.text) || isBuiltin(token.text)) continue;
      if (before === '->' || before === '.' || seen.has(token.text)) continue;
      const known =
        this.localAt(token.text, token.start) ?? (token.text === 'ctx' ? types.variableAt('ctx', token.start) : null);
      if (!known) continue;
      seen.add(token.text);
      const own = this.isIn(known.start);
      const isParameter = this.inside.parameters.some(
        ({ name, start }) => name === token.text && start === known.start,
      );
      const variable = { name: token.text, type: known.type, own, isParameter };
      if (!own) this.passed.push(variable);
      const usedAfter = this.isUsedAfter(token.text);
      if (usedAfter && (own || (this.how(variable) === 'value' && this.isChanged(token.text)))) {
        if (own && this.how(variable) !== 'value') this.problem = `It declares ${token.text}, which is used after it.`;
        this.returned.push(variable);
      }
    }
  }

  private localAt(name: string, at: number) {
    const { inside } = this;
    const local = inside.locals.filter(
      (each) => each.name === name && each.start <= at && each.scopeStart <= at && at <= each.scopeEnd,
    );
    return local.at(-1) ?? inside.parameters.find((parameter) => parameter.name === name) ?? null;
  }

  private isUsedAfter(name: string): boolean {
    // A selection within a loop may be followed by its own beginning.
    const around = this.isInLoop() ? this.inside.bodyStart : this.tokens[this.range.to - 1]!.end;
    return this.tokens.some(
      (token, i) =>
        token.kind === Kind.identifier &&
        token.text === name &&
        token.start >= around &&
        token.start < this.inside.bodyEnd &&
        !this.isIn(token.start) &&
        !['->', '.'].includes(this.tokens[i - 1]?.text ?? '') &&
        !this.inside.locals.some((local) => local.start === token.start),
    );
  }

  private isInLoop(): boolean {
    const start = this.tokens[this.range.from]!.start;
    const { text } = this.analysis.source;
    return /\b(for|while|do|bpf_for|bpf_repeat)\b/.test(text.slice(this.inside.bodyStart, start));
  }

  /** Assigned, counted up, or its address is given away. */
  private isChanged(name: string): boolean {
    for (let at = this.range.from; at < this.range.to; at++) {
      if (this.tokens[at]!.text !== name || ['->', '.'].includes(this.tokens[at - 1]?.text ?? '')) continue;
      const before = this.tokens[at - 1]?.text ?? '';
      const after = this.tokens[at + 1]?.text ?? '';
      if (/^(=|\+=|-=|\*=|\/=|\|=|&=|\+\+|--)$/.test(after) || /^(\+\+|--)$/.test(before)) return true;
      if (/^(<<|>>|%|\^)$/.test(after) && this.tokens[at + 2]?.text === '=') return true;
      if (before === '&' && !this.isOperand(at - 2)) return true;
    }
    return false;
  }

  private isOperand(at: number): boolean {
    const token = this.tokens[at];
    return token?.kind === Kind.identifier || token?.kind === Kind.number || token?.text === ')' || token?.text === ']';
  }
}

const spaced = (type: string): string => (type.endsWith('*') ? type : `${type} `);

const foreign = (name: string): string =>
  `It uses ${name}, which points to the kernel's own memory; a global function is checked without knowing where from.`;

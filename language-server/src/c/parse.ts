/** Reads a source, also one that is being typed: what cannot be understood is stepped over, never waited for. */
import { readBody } from './body.ts';
import {
  closing,
  readDeclarator,
  readParameters,
  readSpecifier,
  splitAtCommas,
  textOf,
  type Specifier,
} from './declarators.ts';
import { evaluate } from './integers.ts';
import { Kind, lex, type Lexed, type Token } from './lexer.ts';
import type { CFunction, CMap, CModel, CSection, CStruct, CType } from './model.ts';
import { readStruct } from './structs.ts';

/** Larger sources are not read: nobody writes them, and they would make typing wait. */
export const MAX_SOURCE = 1 << 20;

/** Macros of libbpf that make a program's function: its name is their first argument. */
export const programMacros: ReadonlySet<string> = new Set([
  ...['BPF_PROG', 'BPF_PROG2', 'BPF_KPROBE', 'BPF_KRETPROBE', 'BPF_KSYSCALL', 'BPF_KPROBE_SYSCALL', 'BPF_UPROBE'],
  ...['BPF_URETPROBE', 'BPF_USDT', 'BPF_STRUCT_OPS', 'BPF_STRUCT_OPS_SLEEPABLE'],
]);

export interface Source {
  text: string;
  lexed: Lexed;
  /** Without directives. */
  tokens: readonly Token[];
  model: CModel;
}

export function emptyModel(whole: boolean): CModel {
  return {
    ...{ functions: [], maps: [], structs: new Map(), typedefs: new Map(), variables: new Map(), defines: new Map() },
    ...{ constants: new Map(), includes: [], license: null, sections: [], whole },
  };
}

export function parse(text: string): Source {
  // A text with NUL bytes is no source.
  if (text.length > MAX_SOURCE || text.includes('\0')) {
    return { text, lexed: { tokens: [], comments: [] }, tokens: [], model: emptyModel(false) };
  }
  const lexed = lex(text);
  const model = emptyModel(true);
  for (const token of lexed.tokens) if (token.kind === Kind.directive) readDirective(token, model);
  const tokens = lexed.tokens.filter((token) => token.kind !== Kind.directive);
  new Parser(text, tokens, model).read();
  return { text, lexed, tokens, model };
}

function readDirective({ text, start, end }: Token, model: CModel): void {
  const include = /^#\s*include\s*(["<])([^">\n]+)[">]/.exec(text);
  if (include) {
    model.includes.push({ path: include[2]!, quoted: include[1] === '"', start, end });
    return;
  }
  const define = /^#\s*define\s+(\w+)(\(?)([\s\S]*)$/.exec(text);
  if (!define) return;
  const [, name, parenthesis, rest] = define;
  const hasParameters = parenthesis === '(';
  const value = hasParameters
    ? ''
    : rest!
        .replace(/\\\r?\n/g, ' ')
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/g, '')
        .trim();
  model.defines.set(name!, { name: name!, value, start, end, hasParameters });
}

class Parser {
  private at = 0;
  private section: CSection | null = null;

  constructor(
    private readonly text: string,
    private readonly tokens: readonly Token[],
    private readonly model: CModel,
  ) {}

  read(): void {
    while (this.at < this.tokens.length) {
      const before = this.at;
      this.declaration();
      if (this.at === before) this.at++;
    }
  }

  private beginsLine(token: Token): boolean {
    const before = this.text.charCodeAt(token.start - 1);
    return token.start === 0 || before === 10 || before === 13;
  }

  /** One declaration or function at the top level. */
  private declaration(): void {
    const { tokens } = this;
    this.section = null;
    /** The declaration's tokens without SEC(). */
    const words: number[] = [];
    let brace: [number, number] | null = null;
    for (; this.at < tokens.length; this.at++) {
      const token = tokens[this.at]!;
      if (token.text === 'SEC' && tokens[this.at + 1]?.text === '(') {
        // A SEC at a line's begin starts something new: what is before it has been left unfinished.
        if (words.length > 0 && this.beginsLine(token) && brace === null) return;
        this.readSection();
        continue;
      }
      if (token.kind !== Kind.punctuation) {
        words.push(this.at);
        continue;
      }
      if (token.text === ';') {
        this.at++;
        this.finish(words, brace);
        return;
      }
      if (token.text === '{') {
        if (this.isFunction(words)) {
          this.functionDefinition(words);
          return;
        }
        const end = this.bodyEnd(this.at);
        brace ??= [this.at, end];
        words.push(this.at);
        this.at = end;
      } else if (token.text === '}') {
        this.at++;
        return;
      } else {
        words.push(this.at);
      }
    }
    this.finish(words, brace);
  }

  /** SEC("name"), also while its quote or parenthesis is still missing. Leaves `at` on its last token. */
  private readSection(): void {
    const { tokens } = this;
    const open = this.at + 1;
    const quoted = tokens[open + 1];
    if (quoted?.kind !== Kind.string) {
      this.at =
        quoted === undefined || this.beginsLine(quoted)
          ? open
          : closing(tokens, open, Math.min(tokens.length, open + 16));
      return;
    }
    const closed = quoted.text.length > 1 && quoted.text.endsWith('"');
    const next = tokens[open + 2];
    const literal = next?.text === ')' || !closed || next === undefined || this.beginsLine(next);
    const section: CSection = {
      name: quoted.text.slice(1, closed ? -1 : undefined),
      ...{ start: quoted.start + 1, end: closed ? quoted.end - 1 : quoted.end, literal },
    };
    this.model.sections.push(section);
    this.section = section;
    if (literal) this.at = next?.text === ')' ? open + 2 : open + 1;
    else this.at = closing(tokens, open, Math.min(tokens.length, open + 16));
  }

  /** True when what was read so far is a function's head: it ends with a parenthesis (and attributes). */
  private isFunction(words: readonly number[]): boolean {
    const { tokens } = this;
    if (words.some((at) => tokens[at]!.text === '=')) return false;
    const last = words.at(-1);
    if (last === undefined) return false;
    const text = tokens[last]!.text;
    return (
      text === ')' &&
      !['struct', 'union', 'enum'].includes(tokens[words[words.length - 2]!]?.text ?? '') &&
      !this.isTypeHead(words)
    );
  }

  /** struct __attribute__((packed)) { */
  private isTypeHead(words: readonly number[]): boolean {
    const plain = this.withoutAttributes(words).filter(
      (at) => !['static', 'const', 'typedef', 'volatile'].includes(this.tokens[at]!.text),
    );
    return plain.length <= 2 && ['struct', 'union', 'enum'].includes(this.tokens[plain[0]!]?.text ?? '');
  }

  private withoutAttributes(words: readonly number[]): number[] {
    const { tokens } = this;
    const kept: number[] = [];
    for (let i = 0; i < words.length; i++) {
      if (tokens[words[i]!]!.text !== '__attribute__') {
        kept.push(words[i]!);
        continue;
      }
      let depth = 0;
      for (i++; i < words.length; i++) {
        const text = tokens[words[i]!]!.text;
        if (text === '(') depth++;
        if (text === ')' && --depth === 0) break;
      }
    }
    return kept;
  }

  /**
   * The brace that closes the one at `at`. Where one is missing, a function ends before the next SEC() that begins a
   * line, or with a brace that begins a line.
   */
  private bodyEnd(at: number): number {
    const { tokens } = this;
    let depth = 0;
    for (let i = at; i < tokens.length; i++) {
      const token = tokens[i]!;
      if (token.text === '{') depth++;
      else if (token.text === '}') {
        depth--;
        if (depth <= 0) return i;
        const next = tokens[i + 1];
        if (this.beginsLine(token) && (next === undefined || this.beginsLine(next))) return i;
      } else if (token.text === 'SEC' && i > at && tokens[i + 1]?.text === '(' && this.beginsLine(token)) return i - 1;
    }
    return tokens.length - 1;
  }

  private functionDefinition(words: readonly number[]): void {
    const { tokens } = this;
    const open = this.at;
    const end = this.bodyEnd(open);
    this.at = end + 1;
    const made = this.functionHead(words);
    if (made === null) return;
    made.bodyStart = tokens[open]!.start;
    made.bodyEnd = tokens[end]!.end;
    const body = readBody(tokens, open, end + 1);
    made.locals = body.locals;
    made.calls = body.calls;
    for (const define of body.structs) this.addStruct(define);
    this.model.functions.push(made);
  }

  private functionHead(words: readonly number[]): CFunction | null {
    const tokens = this.withoutAttributes(words).map((at) => this.tokens[at]!);
    const open = tokens.findIndex((token, i) => token.text === '(' && tokens[i - 1]?.kind === Kind.identifier);
    if (open < 1) return null;
    const close = closing(tokens, open, tokens.length);
    const specifier = readSpecifier(tokens, 0, open - 1);
    if (specifier === null) return null;
    const head = tokens[open - 1]!;
    const pointers = tokens.slice(specifier.next, open - 1).filter((token) => token.text === '*').length;
    const returns: CType = { base: specifier.base, pointers, dims: [] };
    const common = {
      ...{ section: this.section, returns, isStatic: specifier.isStatic, locals: [], calls: [] },
      ...{ bodyStart: head.end, bodyEnd: head.end },
    };
    if (!programMacros.has(head.text) && !/^BPF_\w*(PROG|PROBE)\w*$/.test(head.text)) {
      const parameters = readParameters(tokens, open + 1, close);
      return { name: head.text, start: head.start, end: head.end, macro: '', parameters, ...common };
    }
    const [first, ...rest] = splitAtCommas(tokens, open + 1, close);
    const name = first && tokens[first[0]];
    if (name === undefined) return null;
    const parameters = rest.flatMap(([from, to]) => readParameters(tokens, from, to));
    return { name: name.text, start: name.start, end: name.end, macro: head.text, parameters, ...common };
  }

  /** What ends with a semicolon: a type, a map, variables, a declaration of a function. */
  private finish(words: readonly number[], brace: [number, number] | null): void {
    const { tokens } = this;
    const plain = this.withoutAttributes(words);
    const first = plain[0];
    if (first === undefined) return;
    const isTypedef = tokens[first]!.text === 'typedef';
    if (brace !== null && this.isDefinition(plain, brace[0])) {
      this.definition(plain, brace, isTypedef);
      return;
    }
    const list = plain.map((at) => tokens[at]!);
    const specifier = readSpecifier(list, isTypedef ? 1 : 0, list.length);
    if (specifier === null) return;
    this.declarators(list, specifier.next, specifier, isTypedef);
  }

  /** True when the brace belongs to a struct, union or enum, and not to an initializer. */
  private isDefinition(words: readonly number[], brace: number): boolean {
    for (const at of words) {
      if (at >= brace) return false;
      const text = this.tokens[at]!.text;
      if (text === 'struct' || text === 'union' || text === 'enum') {
        const rest = words.filter((other) => other > at && other < brace);
        return rest.length <= 1;
      }
      if (text === '=') return false;
    }
    return false;
  }

  private definition(words: readonly number[], [open, close]: [number, number], isTypedef: boolean): void {
    const { tokens, model } = this;
    const at = words.findIndex((each) => ['struct', 'union', 'enum'].includes(tokens[each]!.text));
    const keyword = tokens[words[at]!]!;
    const next = words[at + 1];
    const name = next !== undefined && next < open ? tokens[next]!.text : '';
    const base = name === '' ? `${keyword.text} {…}#${keyword.start}` : `${keyword.text} ${name}`;
    const after = words.filter((each) => each > open).map((each) => tokens[each]!);
    if (keyword.text === 'enum') {
      readEnum(tokens, open, close, name, model);
    } else {
      const end = tokens[close]!.end;
      const packed = this.text.slice(keyword.start, Math.min(this.text.length, end + 60)).includes('packed');
      const made = readStruct(tokens, open, close, { name: base, start: keyword.start, end, packed });
      for (const each of made) this.addStruct(each);
      const map = readMap(tokens, open, close, after[0]);
      if (map !== null && (this.section?.name === '.maps' || map.fields.has('type'))) model.maps.push(map);
    }
    const isEnum = keyword.text === 'enum' && name === '';
    const specifier = { base: isEnum ? 'int' : base, isStatic: false, isExtern: false, next: 0, qualifiers: '' };
    this.declarators(after, 0, specifier, isTypedef);
  }

  private addStruct(made: CStruct): void {
    if (!this.model.structs.has(made.name)) this.model.structs.set(made.name, made);
  }

  private declarators(list: readonly Token[], from: number, specifier: Specifier, isTypedef: boolean): void {
    for (const [start, end] of splitAtCommas(list, from, list.length)) {
      const declared = readDeclarator(list, start, end, specifier);
      if (declared === null) continue;
      const { name, type } = declared;
      if (isTypedef) this.model.typedefs.set(name, { name, type, start: declared.start });
      else if (list[declared.next]?.text === '(') this.prototype(list, declared.nameIndex, type);
      else this.model.variables.set(name, { name, type, start: declared.start });
      if (this.section?.name === 'license') this.readLicense(list, declared.next);
    }
  }

  /** A function that is only declared: its result's type is of use. */
  private prototype(list: readonly Token[], nameIndex: number, returns: CType): void {
    const head = list[nameIndex]!;
    const close = closing(list, nameIndex + 1, list.length);
    this.model.functions.push({
      ...{ name: head.text, start: head.start, end: head.end, section: null, macro: '', returns, isStatic: false },
      ...{ bodyStart: head.end, bodyEnd: head.end, locals: [], calls: [] },
      parameters: readParameters(list, nameIndex + 2, close),
    });
  }

  private readLicense(list: readonly Token[], from: number): void {
    const string = list.slice(from).find((token) => token.kind === Kind.string);
    if (string === undefined) return;
    this.model.license = { text: string.text.slice(1, -1), start: string.start + 1, end: string.end - 1 };
  }
}

function readEnum(tokens: readonly Token[], open: number, close: number, name: string, model: CModel): void {
  let next: bigint | null = 0n;
  const lookup = (constant: string): bigint | null => model.constants.get(constant)?.value ?? null;
  for (const [start, end] of splitAtCommas(tokens, open + 1, close)) {
    const word = tokens[start]!;
    if (word.kind !== Kind.identifier) continue;
    if (tokens[start + 1]?.text === '=' && start + 1 < end) next = evaluate(textOf(tokens, start + 2, end), lookup);
    const of = name === '' ? 'enum' : `enum ${name}`;
    model.constants.set(word.text, { name: word.text, value: next, of, start: word.start });
    if (next !== null) next += 1n;
  }
}

function readMap(tokens: readonly Token[], open: number, close: number, name: Token | undefined): CMap | null {
  const fields: CMap['fields'] = new Map();
  let opaque = false;
  for (let at = open + 1; at < close; at++) {
    const macro = tokens[at]!;
    if (!/^__(uint|type|array|ulong|string)$/.test(macro.text) || tokens[at + 1]?.text !== '(') {
      opaque ||= macro.text !== ';';
      continue;
    }
    const end = closing(tokens, at + 1, close);
    const field = tokens[at + 2];
    const first = tokens[at + 4];
    if (field !== undefined && first !== undefined && tokens[at + 3]?.text === ',' && end > at + 4) {
      const valueEnd = tokens[end - 1]!.end;
      const value = textOf(tokens, at + 4, end);
      const line = tokens[end + 1]?.text === ';' ? tokens[end + 1]!.end : tokens[end]!.end;
      fields.set(field.text, {
        name: field.text,
        value,
        start: macro.start,
        end: line,
        valueStart: first.start,
        valueEnd,
        macro: macro.text,
      });
    }
    at = end;
  }
  if (fields.size === 0 && name === undefined) return null;
  const bounds = { opaque, bodyStart: tokens[open]!.start, bodyEnd: tokens[close]!.end };
  return {
    name: name?.text ?? '',
    start: name?.start ?? bounds.bodyEnd,
    end: name?.end ?? bounds.bodyEnd,
    fields,
    ...bounds,
  };
}

/** Declarations: a type's words, then names with stars and brackets around them. */
import { Kind, type Token } from './lexer.ts';
import type { CType, CVariable } from './model.ts';

const QUALIFIERS = new Set([
  ...[
    'const',
    'volatile',
    'static',
    'extern',
    'inline',
    'register',
    'restrict',
    '__always_inline',
    '__noinline',
    '__hidden',
  ],
  ...['__weak', '__kconfig', '__ksym', '__kptr', '__kptr_untrusted', '__percpu_kptr', '__arena', '__uptr', '__arg_ctx'],
  ...[
    '__arg_nonnull',
    '__arg_nullable',
    '__arg_trusted',
    '__arg_arena',
    '__inline',
    '__inline__',
    'noinline',
    '__maybe_unused',
  ],
  ...[
    '__unused',
    '__used',
    '__bpf_fastcall',
    '_Atomic',
    'auto',
    '__user',
    '__rcu',
    '__percpu',
    '__contains',
    '__private',
  ],
]);
const BUILTIN = new Set([
  ...['void', 'char', 'short', 'int', 'long', 'float', 'double', 'signed', 'unsigned', '_Bool', 'bool', '__int128'],
]);
const KEYWORDS = new Set([
  ...[
    'return',
    'if',
    'else',
    'for',
    'while',
    'do',
    'switch',
    'case',
    'break',
    'continue',
    'goto',
    'default',
    'sizeof',
    'typedef',
  ],
]);

export const isBuiltin = (word: string): boolean => BUILTIN.has(word);
export const isQualifier = (word: string): boolean => QUALIFIERS.has(word);
export const isKeyword = (word: string): boolean => KEYWORDS.has(word);

export interface Specifier {
  base: string;
  isStatic: boolean;
  isExtern: boolean;
  /** The first token after the type's words. */
  next: number;
  qualifiers: string;
}

/** The words of a type at a token: "const struct event", "unsigned long". Null where none begins. */
export function readSpecifier(tokens: readonly Token[], at: number, end: number): Specifier | null {
  let base = '';
  let isStatic = false;
  let isExtern = false;
  const qualifiers: string[] = [];
  for (; at < end; at++) {
    const token = tokens[at]!;
    if (token.text === '__attribute__' || token.text === '_Alignas' || token.text === '__attribute') {
      at = closing(tokens, at + 1, end);
      continue;
    }
    if (token.kind !== Kind.identifier) break;
    const word = token.text;
    if (isQualifier(word)) {
      isStatic ||= word === 'static';
      isExtern ||= word === 'extern';
      qualifiers.push(word);
    } else if (word === 'struct' || word === 'union' || word === 'enum') {
      const name = tokens[at + 1];
      if (base !== '' || name?.kind !== Kind.identifier || at + 1 >= end) break;
      base = `${word} ${name.text}`;
      at++;
    } else if (isBuiltin(word)) {
      if (base !== '' && !base.split(' ').every(isBuiltin)) break;
      base = base === '' ? word : `${base} ${word}`;
    } else if (base === '' && !isKeyword(word)) {
      if (word === '__typeof__' || word === 'typeof') return null;
      base = word;
    } else break;
  }
  return base === '' ? null : { base, isStatic, isExtern, next: at, qualifiers: qualifiers.join(' ') };
}

/** Index of the parenthesis, bracket or brace that closes the one at `at`; `end` - 1 when none does. */
export function closing(tokens: readonly Token[], at: number, end: number): number {
  let depth = 0;
  for (let i = at; i < end; i++) {
    const text = tokens[i]!.text;
    if (tokens[i]!.kind !== Kind.punctuation) continue;
    if (text === '(' || text === '[' || text === '{') depth++;
    else if (text === ')' || text === ']' || text === '}') {
      if (--depth <= 0) return i;
    }
  }
  return end - 1;
}

export interface Declared extends CVariable {
  /** Index after the declarator. */
  next: number;
  nameIndex: number;
  bitField: boolean;
}

/** One declarator: "*name[4]", "(*name)(int)". Null where none stands. */
export function readDeclarator(
  tokens: readonly Token[],
  at: number,
  end: number,
  specifier: Specifier,
): Declared | null {
  let pointers = 0;
  const words: string[] = [];
  for (; at < end; at++) {
    const text = tokens[at]!.text;
    if (text === '*') pointers++;
    else if (isQualifier(text)) words.push(text);
    else break;
  }
  let callable = false;
  const first = tokens[at];
  if (first === undefined || at >= end) return null;
  let name: Token;
  let nameIndex: number;
  if (first.text === '(' && tokens[at + 1]?.text === '*') {
    const close = closing(tokens, at, end);
    const inner = tokens.slice(at, close).findLastIndex((token) => token.kind === Kind.identifier);
    if (inner < 0) return null;
    nameIndex = at + inner;
    name = tokens[nameIndex]!;
    at = close + 1;
    callable = tokens[at]?.text === '(';
    if (callable) at = closing(tokens, at, end) + 1;
    else if (tokens[at]?.text === '[')
      pointers++; // a pointer to an array
    else return null; // "f(*x)" is a call
  } else {
    if (first.kind !== Kind.identifier || isKeyword(first.text) || isBuiltin(first.text)) return null;
    name = first;
    nameIndex = at;
    at++;
  }
  const dims: string[] = [];
  while (at < end && tokens[at]!.text === '[') {
    const close = closing(tokens, at, end);
    dims.push(textOf(tokens, at + 1, close));
    at = close + 1;
  }
  let bitField = false;
  if (tokens[at]?.text === ':' && tokens[at + 1]?.kind === Kind.number && at + 1 < end) {
    bitField = true;
    at += 2;
  }
  while (at < end && (isQualifier(tokens[at]!.text) || tokens[at]!.text === '__attribute__')) {
    words.push(tokens[at]!.text);
    at = tokens[at]!.text === '__attribute__' ? closing(tokens, at + 1, end) + 1 : at + 1;
  }
  const qualifiers = [specifier.qualifiers, ...words].filter(Boolean).join(' ');
  const type: CType = { base: specifier.base, pointers, dims, qualifiers, ...(callable && { callable }) };
  return { name: name.text, type, start: name.start, next: at, nameIndex, bitField };
}

/** Tokens as text again, with a space where two words would grow together. */
export function textOf(tokens: readonly Token[], from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) {
    const token = tokens[i]!;
    const last = tokens[i - 1];
    const isWord = (t: Token | undefined) => t?.kind === Kind.identifier || t?.kind === Kind.number;
    if (i > from && (isWord(token) || token.text === '*') && isWord(last)) text += ' ';
    text += token.text;
  }
  return text;
}

/** Parameters between two parentheses. */
export function readParameters(tokens: readonly Token[], from: number, to: number): CVariable[] {
  const found: CVariable[] = [];
  for (const [start, end] of splitAtCommas(tokens, from, to)) {
    const specifier = readSpecifier(tokens, start, end);
    if (specifier === null) continue;
    // "u32 pid" is a type and a name; "u32" alone is a type.
    const declared = readDeclarator(tokens, specifier.next, end, specifier);
    if (declared === null) {
      if (specifier.base === 'void' && end - start === 1) continue;
      const pointers = tokens.slice(specifier.next, end).filter((token) => token.text === '*').length;
      found.push({ name: '', type: { base: specifier.base, pointers, dims: [] }, start: tokens[start]!.start });
      continue;
    }
    found.push({ name: declared.name, type: declared.type, start: declared.start });
  }
  return found;
}

/** Index ranges between commas that are in no parentheses. */
export function splitAtCommas(tokens: readonly Token[], from: number, to: number): [number, number][] {
  const parts: [number, number][] = [];
  let start = from;
  let depth = 0;
  for (let i = from; i < to; i++) {
    const text = tokens[i]!.kind === Kind.punctuation ? tokens[i]!.text : '';
    if (text === '(' || text === '[' || text === '{') depth++;
    else if (text === ')' || text === ']' || text === '}') depth--;
    else if (text === ',' && depth === 0) {
      parts.push([start, i]);
      start = i + 1;
    }
  }
  if (start < to) parts.push([start, to]);
  return parts;
}

/** Where a cursor stands: in a section's name, behind an arrow, in a map's definition, in the arguments of a call. */
import { splitAtCommas } from './declarators.ts';
import { Kind, type Token } from './lexer.ts';
import type { CMap, CSection } from './model.ts';
import type { Source } from './parse.ts';

/** Macros that read a chain of fields, with how many arguments stand before the chain. */
export const coreReadMacros: ReadonlyMap<string, number> = new Map([
  ...['BPF_CORE_READ', 'BPF_CORE_READ_USER', 'BPF_PROBE_READ', 'BPF_PROBE_READ_USER', 'BPF_CORE_READ_BITFIELD'].map(
    (n) => [n, 1] as const,
  ),
  ...['BPF_CORE_READ_BITFIELD_PROBED'].map((n) => [n, 1] as const),
  ...['BPF_CORE_READ_INTO', 'BPF_CORE_READ_USER_INTO', 'BPF_CORE_READ_STR_INTO', 'BPF_CORE_READ_USER_STR_INTO'].map(
    (n) => [n, 2] as const,
  ),
  ...['BPF_PROBE_READ_INTO', 'BPF_PROBE_READ_USER_INTO', 'BPF_PROBE_READ_STR_INTO', 'BPF_PROBE_READ_USER_STR_INTO'].map(
    (n) => [n, 2] as const,
  ),
]);

export interface Call {
  name: Token;
  /** Index of the parenthesis. */
  open: number;
  /** The argument that the cursor is in, from 0. */
  argument: number;
  /** Token ranges of the arguments up to the cursor. */
  parts: [number, number][];
}

export type Place =
  | { kind: 'nothing' }
  | { kind: 'section'; section: CSection; typed: string }
  /** Behind "->" or "."; the expression's tokens are [from, to). */
  | { kind: 'member'; from: number; to: number; typed: string; start: number }
  | { kind: 'chain'; call: Call; typed: string; start: number }
  /** Inside the braces of a map's definition. */
  | { kind: 'mapField'; map: CMap | null; typed: string; start: number; macro: string }
  | { kind: 'mapValue'; map: CMap | null; field: string; typed: string; start: number }
  | { kind: 'type'; keyword: string; typed: string; start: number }
  | { kind: 'code'; typed: string; start: number }
  | { kind: 'top'; typed: string; start: number };

/** Index of the last token that begins before the offset; -1 for none. */
export function tokenBefore(tokens: readonly Token[], offset: number): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tokens[middle]!.start < offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const isInside = (ranges: readonly (readonly [number, number])[], at: number): boolean =>
  ranges.some(([start, end]) => start < at && at <= end);

export function placeAt(source: Source, offset: number): Place {
  const { tokens, model, lexed } = source;
  if (isInside(lexed.comments, offset) && source.text[offset - 1] !== '/') return { kind: 'nothing' };
  const section = model.sections.find((each) => each.start <= offset && offset <= each.end);
  if (section) return { kind: 'section', section, typed: source.text.slice(section.start, offset) };
  if (lexed.tokens.some((t) => t.kind === Kind.directive && t.start < offset && offset <= t.end))
    return { kind: 'nothing' };
  let last = tokenBefore(tokens, offset);
  const token = tokens[last];
  if (token && token.end >= offset && (token.kind === Kind.string || token.kind === Kind.char)) {
    if (token.end > offset || !/^".*"$/s.test(token.text)) return { kind: 'nothing' };
  }
  let typed = '';
  let start = offset;
  if (token && token.end >= offset && token.kind === Kind.identifier) {
    typed = source.text.slice(token.start, offset);
    start = token.start;
    last--;
  } else if (token && token.end >= offset && token.kind === Kind.number) return { kind: 'nothing' };
  return classify(source, last, typed, start, offset);
}

function classify(source: Source, last: number, typed: string, start: number, offset: number): Place {
  const { tokens, model } = source;
  const before = tokens[last];
  const call = callAt(tokens, last);
  const skip = call ? coreReadMacros.get(call.name.text) : undefined;
  // "__sk_common.skc_family" is one argument of the chain.
  if (call && skip !== undefined && call.argument >= skip && before?.text !== '->') {
    return { kind: 'chain', call, typed, start };
  }
  if (before?.text === '->' || before?.text === '.') {
    const from = postfixStart(tokens, last - 1);
    if (from !== null) return { kind: 'member', from, to: last, typed, start };
    return { kind: 'nothing' };
  }
  const map = model.maps.find((each) => each.bodyStart < offset && offset < each.bodyEnd) ?? null;
  if (call && /^__(uint|type|ulong|array)$/.test(call.name.text)) {
    const { text } = call.name;
    if (call.argument === 0) return { kind: 'mapField', map, typed, start, macro: text };
    return { kind: 'mapValue', map, field: tokens[call.open + 1]!.text, typed, start };
  }
  if (map || opensAnonymousStruct(tokens, last)) return { kind: 'mapField', map, typed, start, macro: '' };
  if (before && (before.text === 'struct' || before.text === 'union' || before.text === 'enum')) {
    return { kind: 'type', keyword: before.text, typed, start };
  }
  const inBody = model.functions.some((each) => each.bodyStart < offset && offset <= each.bodyEnd);
  return inBody ? { kind: 'code', typed, start } : { kind: 'top', typed, start };
}

/** True right after "struct {" at the top level, or after a line of a map's definition there. */
function opensAnonymousStruct(tokens: readonly Token[], last: number): boolean {
  let depth = 0;
  for (let at = last; at >= 0 && last - at < 200; at--) {
    const text = tokens[at]!.text;
    if (text === '}') depth++;
    else if (text === '{' && depth-- === 0) {
      if (tokens[at - 1]?.text !== 'struct') return false;
      return tokens[at - 2] === undefined || [';', '}', ')'].includes(tokens[at - 2]!.text);
    }
  }
  return false;
}

/** The innermost call whose parenthesis is open behind token `last`. */
export function callAt(tokens: readonly Token[], last: number): Call | null {
  let depth = 0;
  for (let at = last; at >= 0 && last - at < 2000; at--) {
    const token = tokens[at]!;
    if (token.kind !== Kind.punctuation) continue;
    const { text } = token;
    if (text === ')' || text === ']') depth++;
    else if (text === '[' && depth > 0) depth--;
    else if (text === '(' && depth-- === 0) {
      const name = tokens[at - 1];
      if (name?.kind !== Kind.identifier) {
        depth = 0; // parentheses of an expression: the call is further out
        continue;
      }
      const parts = splitAtCommas(tokens, at + 1, last + 1);
      const commas = commasIn(tokens, at + 1, last + 1);
      return { name, open: at, argument: commas, parts };
    } else if (text === ';' || text === '{' || text === '}') return null;
  }
  return null;
}

function commasIn(tokens: readonly Token[], from: number, to: number): number {
  let depth = 0;
  let count = 0;
  for (let at = from; at < to; at++) {
    const text = tokens[at]!.kind === Kind.punctuation ? tokens[at]!.text : '';
    if (text === '(' || text === '[' || text === '{') depth++;
    else if (text === ')' || text === ']' || text === '}') depth--;
    else if (text === ',' && depth === 0) count++;
  }
  return count;
}

/** Where the expression begins that ends with token `last`: "a->b[1].c", "f(x)", "((struct s *)p)". */
export function postfixStart(tokens: readonly Token[], last: number): number | null {
  let at = last;
  for (let steps = 0; steps < 256; steps++) {
    const token = tokens[at];
    if (token === undefined) return null;
    if (token.text === ')' || token.text === ']') {
      const open = opening(tokens, at);
      if (open === null) return null;
      const isCall =
        token.text === ')' &&
        tokens[open - 1]?.kind === Kind.identifier &&
        !/^(if|while|for|switch|return|sizeof)$/.test(tokens[open - 1]!.text);
      if (token.text === ')' && !isCall) return open;
      at = open - 1;
      continue;
    }
    if (token.kind !== Kind.identifier) return null;
    const before = tokens[at - 1]?.text;
    if (before !== '->' && before !== '.') return at;
    at -= 2;
  }
  return null;
}

function opening(tokens: readonly Token[], at: number): number | null {
  let depth = 0;
  for (let i = at; i >= 0 && at - i < 2000; i--) {
    const text = tokens[i]!.kind === Kind.punctuation ? tokens[i]!.text : '';
    if (text === ')' || text === ']' || text === '}') depth++;
    else if (text === '(' || text === '[' || text === '{') {
      if (--depth === 0) return i;
    }
  }
  return null;
}

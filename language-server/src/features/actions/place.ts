/** Where an action works: the selection as tokens, functions with their whole text, lines and indentation. */
import type { Analysis } from '../../analysis.ts';
import { Kind, type Token } from '../../c/lexer.ts';
import type { CFunction } from '../../c/model.ts';
import { tokenBefore } from '../../c/place.ts';

export interface ActionEdit {
  start: number;
  end: number;
  text: string;
}

export interface Action {
  title: string;
  kind: 'refactor' | 'refactor.extract' | 'refactor.rewrite' | 'quickfix';
  edits: ActionEdit[];
  /** Why it cannot be done here; then there are no edits. */
  disabled?: string;
}

/** What an action is asked for: the analysed source and the selection, empty for a cursor alone. */
export interface Where {
  analysis: Analysis;
  from: number;
  to: number;
}

export const eolOf = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n');

/** Offset of the line's first character. */
export const lineStart = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;

/** Offset behind the line's break, or the text's end. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}

export const indentAt = (text: string, at: number): string => /^[ \t]*/.exec(text.slice(lineStart(text, at)))![0];

/** One step of indentation, as the function's body has it. */
export function stepOf(text: string, each: CFunction | null): string {
  const first = each && /\n([ \t]+)\S/.exec(text.slice(each.bodyStart, each.bodyEnd));
  return first ? first[1]! : '\t';
}

/** Index of the token at or right before an offset; -1 for none. */
export function tokenAt(tokens: readonly Token[], offset: number): number {
  const index = tokenBefore(tokens, offset + 1);
  const token = tokens[index];
  if (token && token.end >= offset) return index;
  return -1;
}

/** The function whose definition holds an offset, its head included. */
export function functionAround({ source }: Analysis, offset: number): CFunction | null {
  const defined = source.model.functions.filter((each) => each.bodyEnd > each.bodyStart);
  return defined.find((each) => declarationStart(source, each) <= offset && offset <= each.bodyEnd) ?? null;
}

/** Where a function's definition begins: its SEC() and the comment right above it belong to it. */
export function declarationStart({ tokens, text, lexed }: Analysis['source'], each: CFunction): number {
  let at = tokenBefore(tokens, each.start + 1);
  while (at > 0 && !(tokens[at - 1]!.kind === Kind.punctuation && [';', '}'].includes(tokens[at - 1]!.text))) at--;
  let start = tokens[Math.max(0, at)]!.start;
  for (let i = lexed.comments.length - 1; i >= 0; i--) {
    const [from, to] = lexed.comments[i]!;
    if (to > start) continue;
    const isAbove = /^[ \t]*\r?\n?[ \t]*$/.test(text.slice(to, start));
    if (!isAbove || lineStart(text, from) !== from) break;
    start = from;
  }
  // A directive between stays above.
  return start;
}

/** Every name that the source and its headers define at the top level, to find one that is free. */
export function freeName(wanted: string, { models, source }: Analysis): string {
  const isTaken = (name: string): boolean =>
    models.some(
      (model) =>
        model.variables.has(name) ||
        model.defines.has(name) ||
        model.constants.has(name) ||
        model.structs.has(`struct ${name}`) ||
        model.maps.some((map) => map.name === name) ||
        model.functions.some((each) => each.name === name),
    ) || source.tokens.some((token) => token.kind === Kind.identifier && token.text === name);
  if (!isTaken(wanted)) return wanted;
  for (let i = 2; ; i++) if (!isTaken(`${wanted}${i}`)) return `${wanted}${i}`;
}

export interface Statement {
  /** Token indexes; `to` is the one of the semicolon or the closing brace. */
  from: number;
  to: number;
}

/** The simple statement (one that ends with a semicolon) that an offset is in; null inside of none. */
export function statementAt({ source }: Analysis, each: CFunction, offset: number): Statement | null {
  const { tokens } = source;
  const first = tokenBefore(tokens, each.bodyStart + 1);
  const last = tokenBefore(tokens, each.bodyEnd);
  let at = Math.max(first + 1, tokenBefore(tokens, offset + 1));
  if (tokens[at] === undefined || at > last) return null;
  let from = at;
  for (let depth = 0; from > first + 1; from--) {
    const { text } = tokens[from - 1]!;
    if (text === ')' || text === ']') depth++;
    else if (text === '(' || text === '[') {
      if (depth > 0) depth--;
      else if (/^(if|for|while|switch)$/.test(tokens[from - 2]?.text ?? '')) return null;
    } else if (depth === 0 && (text === ';' || text === '{' || text === '}')) break;
  }
  for (let depth = 0; at <= last; at++) {
    const { text } = tokens[at]!;
    if (text === '(' || text === '[') depth++;
    else if (text === ')' || text === ']') depth--;
    else if (text === '{' || text === '}') return null;
    else if (text === ';' && depth <= 0) return { from, to: at };
  }
  return null;
}

/** Text on lines of its own above `at`'s line. */
export const insertAbove = (text: string, at: number, inserted: string): ActionEdit => {
  const start = lineStart(text, at);
  return { start, end: start, text: inserted };
};

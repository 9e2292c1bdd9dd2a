/** "task->real_parent->pid" becomes "BPF_CORE_READ(task, real_parent, pid)". */
import { closing } from '../../c/declarators.ts';
import { Kind, type Token } from '../../c/lexer.ts';
import { callAt, coreReadMacros, postfixStart } from '../../c/place.ts';
import type { TypeRef } from '../../c/types.ts';
import type { Analysis } from '../../analysis.ts';
import { functionAround, tokenAt, type Action, type Where } from './place.ts';

const ASSIGNMENT: ReadonlySet<string> = new Set(['=', '+=', '-=', '*=', '/=', '|=', '&=', '++', '--']);

export function wrapInCoreRead({ analysis, from, to }: Where): Action[] {
  const { source, types } = analysis;
  const { tokens, text } = source;
  const index = tokenAt(tokens, from);
  if (index < 0 || functionAround(analysis, from) === null) return [];
  const chain = chainAround(tokens, index);
  if (chain === null || to > tokens[chain.to - 1]!.end) return [];
  if (ASSIGNMENT.has(tokens[chain.to]?.text ?? '') || tokens[chain.to]?.text === '(') return [];
  // What is pointed at is meant, not read; and what is wrapped already stays.
  if (tokens[chain.from - 1]?.text === '&' && isUnary(tokens, chain.from - 1)) return [];
  const call = callAt(tokens, chain.from - 1);
  if (call && (coreReadMacros.has(call.name.text) || call.name.text === 'sizeof')) return [];
  const arrow = firstKernelArrow(analysis, chain);
  if (arrow === null) return [];
  const result = types.expression(tokens, chain.from, chain.to);
  if (result === null || isArray(analysis, result)) return [];
  const parts = splitAtArrows(tokens, arrow, chain.to);
  const base = text.slice(tokens[chain.from]!.start, tokens[arrow - 1]!.end);
  const fields = parts.map(([start, end]) => text.slice(tokens[start]!.start, tokens[end - 1]!.end));
  const last = lastMember(analysis, chain);
  if (last !== null && last.bitSize > 0 && fields.length > 1) return []; // libbpf's macro for bit fields takes one step
  const macro = last !== null && last.bitSize > 0 ? 'BPF_CORE_READ_BITFIELD_PROBED' : 'BPF_CORE_READ';
  const wrapped = `${macro}(${[base, ...fields].join(', ')})`;
  const edits = [{ start: tokens[chain.from]!.start, end: tokens[chain.to - 1]!.end, text: wrapped }];
  const header = includeFor(analysis);
  return [{ title: `Read by ${macro}`, kind: 'refactor.rewrite', edits: [...header, ...edits] }];
}

interface Chain {
  from: number;
  /** The token after it. */
  to: number;
}

/** The longest "a->b[1].c" that a token is part of. */
export function chainAround(tokens: readonly Token[], index: number): Chain | null {
  let last = index;
  const { text } = tokens[index]!;
  if (text === '->' || text === '.') last = index + 1;
  else if (text !== ']' && text !== ')' && tokens[index]!.kind !== Kind.identifier) return null;
  for (;;) {
    const next = tokens[last + 1]?.text;
    if ((next === '->' || next === '.') && tokens[last + 2]?.kind === Kind.identifier) last += 2;
    else if (next === '[') last = closing(tokens, last + 1, tokens.length);
    else break;
  }
  const from = postfixStart(tokens, last);
  return from === null || from > index ? null : { from, to: last + 1 };
}

function isUnary(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1];
  if (before === undefined) return true;
  if (before.kind === Kind.identifier) return before.text === 'return';
  return before.kind === Kind.punctuation && before.text !== ')' && before.text !== ']';
}

/** The first arrow behind which the kernel's memory begins; the context of a program is read directly. */
function firstKernelArrow(analysis: Analysis, { from, to }: Chain): number | null {
  const { types, source } = analysis;
  const { tokens } = source;
  let depth = 0;
  for (let at = from; at < to; at++) {
    const { text } = tokens[at]!;
    if ('([{'.includes(text)) depth++;
    else if (')]}'.includes(text)) depth--;
    if (text !== '->' || depth > 0) continue;
    const base = types.expression(tokens, from, at);
    if (base === null || types.kernelType(base) === null) continue;
    if (at === from + 1 && isContext(analysis, tokens[from]!)) continue;
    return at;
  }
  return null;
}

function isContext({ types }: Analysis, token: Token): boolean {
  const inside = types.functionAt(token.start);
  return inside !== null && inside.macro === '' && inside.section !== null && inside.parameters[0]?.name === token.text;
}

function splitAtArrows(tokens: readonly Token[], arrow: number, to: number): [number, number][] {
  const parts: [number, number][] = [];
  let start = arrow + 1;
  let depth = 0;
  for (let at = start; at < to; at++) {
    const { text } = tokens[at]!;
    if (text === '[' || text === '(') depth++;
    else if (text === ']' || text === ')') depth--;
    else if (text === '->' && depth === 0) {
      parts.push([start, at]);
      start = at + 1;
    }
  }
  parts.push([start, to]);
  return parts;
}

function isArray({ world }: Analysis, ref: TypeRef): boolean {
  if (ref.from === 'source') return ref.type.dims.length > 0;
  const { kind } = world.kernel!.btf.resolve(ref.id);
  return kind === 'array' || kind === 'struct' || kind === 'union';
}

function lastMember({ types, source }: Analysis, { from, to }: Chain) {
  const { tokens } = source;
  const before = tokens[to - 2]?.text;
  if (before !== '->' && before !== '.') return null;
  const of = types.expression(tokens, from, to - 2);
  return of && types.member(of, tokens[to - 1]!.text);
}

/** bpf_core_read.h, where nothing includes it yet. */
export function includeFor({ models, source }: Analysis): { start: number; end: number; text: string }[] {
  const has = (path: string): boolean => models.some((model) => model.includes.some((each) => each.path === path));
  if (has('bpf/bpf_core_read.h')) return [];
  const last = source.model.includes.at(-1);
  if (last === undefined) return [];
  const eol = source.text.includes('\r\n') ? '\r\n' : '\n';
  return [{ start: last.end, end: last.end, text: `${eol}#include <bpf/bpf_core_read.h>` }];
}

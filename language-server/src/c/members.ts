/** Which member of which type a word of the source names. */
import { splitAtCommas } from './declarators.ts';
import type { Token } from './lexer.ts';
import type { Source } from './parse.ts';
import { callAt, coreReadMacros, postfixStart } from './place.ts';
import type { Member, TypeRef, Types } from './types.ts';

/**
 * The member that a word names behind an arrow or in a chain of BPF_CORE_READ; null where its type is not known, undefined
 * for a word of another kind.
 */
export function memberAt({ tokens }: Source, types: Types, index: number): Member | null | undefined {
  const before = tokens[index - 1]?.text;
  const call = callAt(tokens, index - 1);
  const skip = call ? coreReadMacros.get(call.name.text) : undefined;
  const isIndex = call !== null && isInBrackets(tokens, call.open, index);
  if (call && skip !== undefined && call.argument >= skip && before !== '->' && !isIndex) {
    const parts = splitAtCommas(tokens, call.open + 1, index);
    const first = parts[skip - 1];
    const of = first && types.expression(tokens, first[0], first[1]);
    if (!of) return null;
    const chain = parts.slice(skip, call.argument);
    const current = parts[call.argument];
    if (current && before === '.') chain.push([current[0], current[1] - 1]);
    const reached = types.chain(of, tokens, chain);
    return reached && types.member(reached, tokens[index]!.text);
  }
  if (before !== '->' && before !== '.') return undefined;
  const from = postfixStart(tokens, index - 2);
  const of: TypeRef | null = from === null ? null : types.expression(tokens, from, index - 1);
  return of && types.member(of, tokens[index]!.text);
}

/** An index within a chain is an expression: "files[i]". */
function isInBrackets(tokens: readonly Token[], open: number, index: number): boolean {
  let depth = 0;
  for (let at = open + 1; at < index; at++) {
    if (tokens[at]!.text === '[') depth++;
    else if (tokens[at]!.text === ']') depth--;
  }
  return depth > 0;
}

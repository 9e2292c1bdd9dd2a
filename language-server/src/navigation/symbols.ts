/** What a word of the source stands for, by C's own rules of scope; "unknown" where that cannot be told. */
import type { Analysis } from '../analysis.ts';
import { Kind } from '../c/lexer.ts';
import { memberAt } from '../c/members.ts';
import type { CModel } from '../c/model.ts';
import { callAt } from '../c/place.ts';

export type Meaning =
  /** Declared in the source (model 0) or in one of its headers. */
  | {
      kind: 'local' | 'function' | 'variable' | 'field' | 'type' | 'typedef' | 'enumerator' | 'define';
      model: number;
      start: number;
      name: string;
    }
  | { kind: 'kernel'; type: string; field: string | null }
  | { kind: 'kernelConstant'; name: string }
  | { kind: 'helper'; name: string }
  /** The name of a map's field, a label, the ctx that a macro makes: nothing to go to, nothing to confuse it with. */
  | { kind: 'none' }
  | { kind: 'unknown' };

const none: Meaning = { kind: 'none' };
const unknown: Meaning = { kind: 'unknown' };

/** Of the identifier with that index. */
export function meaningOf(analysis: Analysis, index: number): Meaning {
  const { source, types, models, world } = analysis;
  const { tokens } = source;
  const token = tokens[index]!;
  if (token.kind !== Kind.identifier) return none;
  const { text: name, start } = token;
  const declared = declaredHere(analysis, name, start);
  if (declared) return declared;
  const before = tokens[index - 1]?.text;
  const member = memberAt(source, types, index);
  if (member !== undefined) {
    if (member === null) return unknown;
    if (member.declared) {
      return { kind: 'field', model: models.indexOf(member.declared.model), start: member.declared.start, name };
    }
    return /^(struct|union) \w+$/.test(member.owner) ? { kind: 'kernel', type: member.owner, field: name } : unknown;
  }
  if (before === 'struct' || before === 'union' || before === 'enum') return tag(analysis, `${before} ${name}`);
  if (before === 'goto' || (tokens[index + 1]?.text === ':' && [';', '{', '}'].includes(before ?? ''))) return none;
  const call = callAt(tokens, index - 1);
  if (call && /^__(uint|type|ulong|array)$/.test(call.name.text) && call.argument === 0) return none;
  const variable = types.variableAt(name, start);
  if (variable) {
    const model = models.findIndex((each) => each.variables.get(name) === variable);
    if (model >= 0) return { kind: 'variable', model, start: variable.start, name };
    const inside = types.functionAt(start);
    // BPF_PROG and its like declare a ctx that stands nowhere.
    return inside?.start === variable.start ? none : { kind: 'local', model: 0, start: variable.start, name };
  }
  return topLevel(models, name) ?? ofKernel(world, name);
}

/** The word that a declaration declares. */
function declaredHere({ source, types }: Analysis, name: string, start: number): Meaning | null {
  const { model } = source;
  for (const each of model.functions) {
    if (each.start === start) return topLevel([model], name) ?? { kind: 'function', model: 0, start, name };
    const isParameter = each.parameters.some((parameter) => parameter.start === start && parameter.name === name);
    if (isParameter || each.locals.some((local) => local.start === start))
      return { kind: 'local', model: 0, start, name };
  }
  for (const struct of model.structs.values()) {
    if (struct.start > start || start > struct.end) continue;
    if (struct.fields.some((field) => field.start === start)) return { kind: 'field', model: 0, start, name };
  }
  const variable = model.variables.get(name);
  if (variable?.start === start && types.functionAt(start) === null) return { kind: 'variable', model: 0, start, name };
  return null;
}

function tag({ models, world }: Analysis, type: string): Meaning {
  const model = models.findIndex((each) => each.structs.has(type));
  if (model >= 0) return { kind: 'type', model, start: models[model]!.structs.get(type)!.start, name: type };
  return (world.kernel?.find(type) ?? null) === null ? unknown : { kind: 'kernel', type, field: null };
}

/** A definition is preferred to what only declares it. */
function topLevel(models: readonly CModel[], name: string): Meaning | null {
  for (const [model, each] of models.entries()) {
    const all = each.functions.filter((one) => one.name === name);
    const found = all.find((one) => one.bodyEnd > one.bodyStart) ?? all[0];
    if (found) return { kind: 'function', model, start: found.start, name };
    const define = each.defines.get(name);
    if (define) return { kind: 'define', model, start: define.start, name };
    const constant = each.constants.get(name);
    if (constant) return { kind: 'enumerator', model, start: constant.start, name };
    const typedef = each.typedefs.get(name);
    if (typedef) return { kind: 'typedef', model, start: typedef.start, name };
  }
  return null;
}

function ofKernel({ helpers, kernel }: Analysis['world'], name: string): Meaning {
  if (helpers.has(name)) return { kind: 'helper', name };
  if (kernel && kernel.find(name) !== null) return { kind: 'kernel', type: name, field: null };
  if (kernel?.constants.has(name)) return { kind: 'kernelConstant', name };
  return unknown;
}

export const isSame = (a: Meaning, b: Meaning): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Token indexes of everything in the source that means the same. */
export function occurrences(analysis: Analysis, meaning: Meaning, name: string): number[] {
  if (meaning.kind === 'none' || meaning.kind === 'unknown') return [];
  const found: number[] = [];
  analysis.source.tokens.forEach((token, index) => {
    if (token.text === name && isSame(meaningOf(analysis, index), meaning)) found.push(index);
  });
  return found;
}

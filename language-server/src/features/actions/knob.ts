/** A number in the source becomes `const volatile`: set before loading, and as good as a constant for the verifier. */
import type { Analysis } from '../../analysis.ts';
import { integer } from '../../c/integers.ts';
import { Kind, type Token } from '../../c/lexer.ts';
import type { CDefine } from '../../c/model.ts';
import { callAt, postfixStart } from '../../c/place.ts';
import { declarationStart, eolOf, freeName, functionAround, tokenAt, type Action, type Where } from './place.ts';

const TITLE = 'that is set before loading (const volatile)';

export function makeKnob(where: Where): Action[] {
  const { analysis, from } = where;
  const define = [...analysis.source.model.defines.values()].find((each) => each.start <= from && from <= each.end);
  return define ? ofDefine(analysis, define) : ofNumber(where);
}

function ofDefine(analysis: Analysis, define: CDefine): Action[] {
  const { types } = analysis;
  const value = define.hasParameters ? null : types.value(define.value);
  if (value === null) return [];
  const title = `Make ${define.name} a value ${TITLE}`;
  const fixed = usedAsConstant(analysis, define.name);
  if (fixed !== null) return [{ title, kind: 'refactor.rewrite', edits: [], disabled: fixed }];
  const text = `const volatile ${typeFor(value, define.value)} ${define.name} = ${define.value};`;
  return [{ title, kind: 'refactor.rewrite', edits: [{ start: define.start, end: define.end, text }] }];
}

/** Why a name has to stay a constant; null when it is only computed with. */
function usedAsConstant({ source }: Analysis, name: string): string | null {
  const { tokens, lexed, model } = source;
  for (const token of lexed.tokens) {
    if (token.kind !== Kind.directive || /^#\s*define\s+(\w+)/.exec(token.text)?.[1] === name) continue;
    if (new RegExp(`\\b${name}\\b`).test(token.text))
      return `${name} is used by the preprocessor: ${token.text.split(/\r?\n/)[0]!}`;
  }
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== Kind.identifier || token.text !== name) continue;
    const why = needsConstant(tokens, index);
    if (why !== null) return `${name} ${why}`;
    if (!model.functions.some((each) => each.bodyStart < token.start && token.start < each.bodyEnd))
      return `${name} stands outside of functions, where C wants a constant.`;
  }
  return null;
}

function needsConstant(tokens: readonly Token[], index: number): string | null {
  if (tokens[index - 1]?.text === 'case') return 'is a case of a switch.';
  let depth = 0;
  for (let at = index - 1; at >= 0 && index - at < 64; at--) {
    const { text: word } = tokens[at]!;
    if (word === ']' || word === ')') depth++;
    else if (word === '(' && depth > 0) depth--;
    else if (word === '[') {
      if (depth > 0) depth--;
      else if (isDeclaration(tokens, at)) return 'is the length of an array.';
      else break;
    } else if ([';', '{', '}'].includes(word)) break;
  }
  const call = callAt(tokens, index - 1)?.name.text ?? '';
  if (/^__builtin_|^__uint$|^__type$|^__array$/.test(call)) return `is an argument of ${call}, which wants a constant.`;
  return null;
}

/** "char name[LEN]" and not "x[LEN]": a type stands before the name. */
function isDeclaration(tokens: readonly Token[], bracket: number): boolean {
  const [name, before] = [tokens[bracket - 1], tokens[bracket - 2]];
  if (name?.kind !== Kind.identifier || before === undefined) return false;
  return before.kind === Kind.identifier
    ? before.text !== 'return'
    : before.text === '*' && tokens[bracket - 3]?.kind === Kind.identifier;
}

function ofNumber({ analysis, from, to }: Where): Action[] {
  const { source } = analysis;
  const { tokens } = source;
  const index = tokenAt(tokens, from);
  const token = tokens[index];
  if (token?.kind !== Kind.number || to > token.end) return [];
  const inside = functionAround(analysis, from);
  const value = integer(token.text);
  if (inside === null || from < inside.bodyStart || value === null) return [];
  // 0 and 1 are rarely anybody's to choose.
  if (value < 2n || needsConstant(tokens, index) !== null) return [];
  const { name, type } = suggestion(analysis, index, value, token.text);
  const at = declarationStart(source, inside);
  const eol = eolOf(source.text);
  const definition = `const volatile ${type} ${name} = ${token.text};${eol}${eol}`;
  const edits = [
    { start: at, end: at, text: definition },
    { start: token.start, end: token.end, text: name },
  ];
  return [{ title: `Make ${token.text} a value ${TITLE}`, kind: 'refactor.rewrite', edits }];
}

/** "delta > 1000" → min_delta, with the type of what it is compared with. */
function suggestion(analysis: Analysis, index: number, value: bigint, text: string): { name: string; type: string } {
  const { tokens } = analysis.source;
  const operator = tokens[index - 1]?.text ?? '';
  const compared = ['<', '>', '<=', '>=', '==', '!='].includes(operator);
  const start = compared ? postfixStart(tokens, index - 2) : null;
  const word = start === null ? undefined : tokens[index - 2];
  const of = start === null ? null : analysis.types.expression(tokens, start, index - 1);
  const base = of?.from === 'source' && of.type.pointers === 0 && of.type.dims.length === 0 ? of.type.base : null;
  const prefix =
    operator === '<' || operator === '<=' ? 'min' : operator === '==' || operator === '!=' ? 'wanted' : 'max';
  const name = word?.kind === Kind.identifier ? `${prefix}_${word.text}` : 'knob';
  const isNumber = base !== null && !/^(struct|union|enum|void)\b/.test(base);
  return { name: freeName(name, analysis), type: isNumber ? base : typeFor(value, text) };
}

function typeFor(value: bigint, text: string): string {
  if (value > 0xffffffffn || value < -0x80000000n || /l/i.test(text.replace(/^0x[\da-f]+/i, '')))
    return 'unsigned long long';
  return value > 0x7fffffffn || /u$/i.test(text) ? 'unsigned int' : 'int';
}

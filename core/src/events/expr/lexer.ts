import { RingsideError } from '../../errors.ts';
import { UNITS, type Rational, type Unit } from './ast.ts';

export type Token =
  | { kind: 'operator'; text: string; at: number }
  | { kind: 'path'; text: string; at: number }
  | { kind: 'number'; text: string; value: Rational; unit: Unit | null; at: number }
  | { kind: 'string'; text: string; value: string; at: number }
  | { kind: 'end'; text: string; at: number };

/** Longest expression; one that is longer was made by a machine and should be a view of its own. */
const TEXT_LIMIT = 4096;

const SPACE = /\s+/y;
const PATH = /@?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d{1,6}\])*/y;
const NUMBER = /(0[xX][0-9a-fA-F]{1,16}|\d{1,40}(?:\.\d{1,20})?)([A-Za-z_]\w*)?/y;
const OPERATOR = /==|!=|<=|>=|&&|\|\||!~|[<>!~()+*/%,-]/y;
const STRING = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/sy;

/** The tokens of an expression, ended by one of kind "end". @throws RingsideError `bad-expression` */
export function lex(text: string): Token[] {
  if (text.length > TEXT_LIMIT) throw badExpression('The expression is too long', text.slice(0, 80), 80);
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const space = matchAt(SPACE, text, at);
    if (space === null) tokens.push(token(text, at));
    at += space?.[0].length ?? tokens.at(-1)!.text.length;
  }
  tokens.push({ kind: 'end', text: '', at: text.length });
  return tokens;
}

function token(text: string, at: number): Token {
  const path = matchAt(PATH, text, at);
  if (path !== null) return { kind: 'path', text: path[0], at };
  const number = matchAt(NUMBER, text, at);
  if (number !== null) return numberToken(text, number, at);
  const string = matchAt(STRING, text, at);
  if (string !== null) {
    return { kind: 'string', text: string[0], value: unescape(string[1] ?? string[2] ?? ''), at };
  }
  const operator = matchAt(OPERATOR, text, at);
  if (operator !== null) return { kind: 'operator', text: operator[0], at };
  throw badExpression(unexpected(text[at]!), text, at);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function numberToken(text: string, match: RegExpExecArray, at: number): Token {
  const digits = match[1]!;
  const suffix = match[2];
  if (suffix !== undefined && !isUnit(suffix)) {
    const units = Object.keys(UNITS).join(', ');
    throw badExpression(`"${suffix}" is no unit; units are ${units}`, text, at + digits.length);
  }
  return { kind: 'number', text: match[0], value: rational(digits), unit: suffix ?? null, at };
}

function isUnit(text: string): text is Unit {
  return Object.hasOwn(UNITS, text);
}

function rational(digits: string): Rational {
  const [whole, fraction = ''] = digits.split('.');
  return { numerator: BigInt(whole! + fraction), denominator: 10n ** BigInt(fraction.length) };
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', 0: '\0' };

/** `\"`, `\'`, `\\` and the usual controls; other backslashes stay. */
function unescape(text: string): string {
  return text.replace(/\\(["'\\nrt0])/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

function unexpected(character: string): string {
  const twins: Record<string, string> = { '=': '==', '&': '&&', '|': '||' };
  const twin = twins[character];
  if (twin !== undefined) return `"${character}" alone means nothing; write "${twin}"`;
  if (character === '"' || character === "'") return 'The text is not closed';
  return `"${character}" has no meaning here`;
}

/** A `bad-expression` that shows the place: the expression with a caret under it as detail. */
export function badExpression(what: string, text: string, at: number): RingsideError {
  const line = text.replace(/\s/g, ' ');
  return new RingsideError('bad-expression', `${what} (column ${at + 1}).`, {
    remedy: 'An expression compares fields: pid == 4242 && (comm ~ "^nginx" || latency_ns > 1ms).',
    detail: `${line}\n${' '.repeat(at)}^`,
  });
}

/** Values of constant expressions: what map sizes and enumerators are written with. */
import { Kind, lex, type Token } from './lexer.ts';

export type Lookup = (name: string) => bigint | null;

const MAX_DEPTH = 32;

const levels: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** The value; null for what is not constant, not known or not an integer. */
export function evaluate(text: string, lookup: Lookup, depth = 0): bigint | null {
  if (depth > MAX_DEPTH || text.length > 4096) return null;
  const reader = new Reader(lex(text).tokens, lookup);
  return reader.whole();
}

class Reader {
  private at = 0;
  private nested = 0;
  constructor(
    private readonly tokens: readonly Token[],
    private readonly lookup: Lookup,
  ) {}

  whole(): bigint | null {
    const value = this.binary(0);
    return this.at === this.tokens.length ? value : null;
  }

  private binary(level: number): bigint | null {
    const operators = levels[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const operator = this.tokens[this.at]?.text;
      if (operator === undefined || !operators.includes(operator)) return left;
      this.at++;
      const right = this.binary(level + 1);
      left = left === null || right === null ? null : apply(operator, left, right);
    }
  }

  private unary(): bigint | null {
    const token = this.tokens[this.at];
    if (token === undefined || ++this.nested > 256) return null;
    this.at++;
    if (token.text === '(') {
      const value = this.binary(0);
      if (this.tokens[this.at]?.text !== ')') return null;
      this.at++;
      return value;
    }
    if (token.text === '-' || token.text === '~' || token.text === '+') {
      const value = this.unary();
      if (value === null) return null;
      return token.text === '-' ? -value : token.text === '~' ? ~value : value;
    }
    if (token.kind === Kind.number) return integer(token.text);
    if (token.kind === Kind.identifier && this.tokens[this.at]?.text !== '(') return this.lookup(token.text);
    return null;
  }
}

export function integer(text: string): bigint | null {
  const digits = text.replace(/[uUlL]+$/, '');
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`);
  return /^(\d+|0[xX][\da-fA-F]+|0[bB][01]+)$/.test(digits) ? BigInt(digits) : null;
}

function apply(operator: string, a: bigint, b: bigint): bigint | null {
  const truth = (value: boolean) => (value ? 1n : 0n);
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? null : a / b;
    case '%':
      return b === 0n ? null : a % b;
    case '<<':
      return b < 0n || b > 63n ? null : a << b;
    case '>>':
      return b < 0n || b > 63n ? null : a >> b;
    case '|':
      return a | b;
    case '&':
      return a & b;
    case '^':
      return a ^ b;
    case '==':
      return truth(a === b);
    case '!=':
      return truth(a !== b);
    case '<':
      return truth(a < b);
    case '>':
      return truth(a > b);
    case '<=':
      return truth(a <= b);
    case '>=':
      return truth(a >= b);
    case '&&':
      return truth(a !== 0n && b !== 0n);
    case '||':
      return truth(a !== 0n || b !== 0n);
    default:
      return null;
  }
}

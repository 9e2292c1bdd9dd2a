import type { CompareOp, Expr, Operand } from './ast.ts';
import { badExpression, lex, type Token } from './lexer.ts';

const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=']);
const DEPTH_LIMIT = 100;

/**
 * Parses an EXPR of the CLI contract:
 *   or    = and { "||" and }        and  = unary { "&&" unary }
 *   unary = "!" unary | "(" or ")" | operand [ ("==" … ">=") operand | ("~" | "!~") string ]
 * @throws RingsideError `bad-expression` with the column and a caret.
 */
export function parseExpr(text: string): Expr {
  return new Parser(text).parse();
}

class Parser {
  readonly #text: string;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = lex(text);
  }

  parse(): Expr {
    const expr = this.#or();
    const rest = this.#peek();
    if (rest.kind !== 'end') this.#fail(`Expected "&&", "||" or the end, found ${describe(rest)}`, rest.at);
    return expr;
  }

  #or(): Expr {
    let left = this.#and();
    while (this.#take('||')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expr {
    let left = this.#unary();
    while (this.#take('&&')) left = { kind: 'and', left, right: this.#unary() };
    return left;
  }

  #unary(): Expr {
    const start = this.#peek();
    if (++this.#depth > DEPTH_LIMIT) this.#fail('The expression is nested too deeply', start.at);
    const expr = this.#unaryInner();
    this.#depth--;
    return expr;
  }

  #unaryInner(): Expr {
    if (this.#take('!')) return { kind: 'not', operand: this.#unary() };
    const open = this.#peek();
    if (this.#take('(')) {
      const inner = this.#or();
      if (!this.#take(')')) this.#fail('This "(" is not closed', open.at);
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Expr {
    const left = this.#operand();
    const operator = this.#peek();
    if (operator.kind !== 'operator') return { kind: 'truth', operand: left };
    if (operator.text === '~' || operator.text === '!~') return this.#match(left, operator);
    if (!COMPARISONS.has(operator.text)) return { kind: 'truth', operand: left };
    this.#next++;
    return { kind: 'compare', op: operator.text as CompareOp, left, right: this.#operand(), at: operator.at };
  }

  #match(left: Operand, operator: Token): Expr {
    this.#next++;
    const pattern = this.#peek();
    if (pattern.kind !== 'string') this.#fail('Expected a regular expression in quotes', pattern.at);
    this.#next++;
    // Backslashes belong to the regular expression: take it as written between the quotes.
    const source = pattern.text.slice(1, -1).replace(/\\(["'])/g, '$1');
    const negated = operator.text === '!~';
    return { kind: 'match', negated, left, pattern: source, at: operator.at, patternAt: pattern.at + 1 };
  }

  #operand(): Operand {
    const token = this.#peek();
    this.#next++;
    switch (token.kind) {
      case 'path':
        if (token.text === 'true' || token.text === 'false') {
          return { kind: 'boolean', value: token.text === 'true', at: token.at };
        }
        return { kind: 'path', path: token.text, at: token.at };
      case 'number':
        return { kind: 'number', value: token.value, unit: token.unit, at: token.at, text: token.text };
      case 'string':
        return { kind: 'string', value: token.value, at: token.at };
      case 'operator':
        if (token.text === '-') return this.#negative(token);
        break;
      case 'end':
        break;
    }
    return this.#fail(`Expected a field, a number or a text, found ${describe(token)}`, token.at);
  }

  /** A negative number, or the negative of a name: `ret == -ENOENT`. */
  #negative(minus: Token): Operand {
    const operand = this.#operand();
    if (operand.kind === 'number') {
      const value = { ...operand.value, numerator: -operand.value.numerator };
      return { ...operand, value, text: `-${operand.text}`, at: minus.at };
    }
    if (operand.kind === 'path' && /^E[A-Z0-9]+$/.test(operand.path)) {
      return { ...operand, path: `-${operand.path}`, at: minus.at };
    }
    return this.#fail('Only numbers and error names can be negative', minus.at);
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? this.#tokens.at(-1)!;
  }

  #take(operator: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'operator' || token.text !== operator) return false;
    this.#next++;
    return true;
  }

  #fail(what: string, at: number): never {
    throw badExpression(what, this.#text, at);
  }
}

function describe(token: Token): string {
  return token.kind === 'end' ? 'the end' : `"${token.text}"`;
}

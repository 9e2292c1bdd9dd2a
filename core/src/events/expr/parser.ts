import type { ArithmeticOp, CompareOp, Expr, Operand } from './ast.ts';
import { badExpression, lex, type Token } from './lexer.ts';

const SUMS = new Set(['+', '-']);
const PRODUCTS = new Set(['*', '/', '%']);
const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=']);
const DEPTH_LIMIT = 100;

/**
 * Parses an EXPR of the CLI contract:
 *   or    = and { "||" and }        and  = unary { "&&" unary }
 *   unary = "!" unary | "(" or ")" | operand [ ("==" … ">=") operand | ("~" | "!~") string ]
 *   operand = product { ("+" | "-") product }        product = factor { ("*" | "/" | "%") factor }
 *   factor = field | number | text | "-" factor | "(" operand ")" | function "(" operand { "," operand } ")"
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
      // What is in the brackets may turn out to be a value: (a + b) / 2 > 3.
      return inner.kind === 'truth' && this.#goesOn() ? this.#comparison(this.#operand(inner.operand)) : inner;
    }
    return this.#comparison(this.#operand());
  }

  /** Whether what comes next needs a value before it. */
  #goesOn(): boolean {
    const { kind, text } = this.#peek();
    return kind === 'operator' && (SUMS.has(text) || PRODUCTS.has(text) || COMPARISONS.has(text) || /~/.test(text));
  }

  #comparison(left: Operand): Expr {
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

  /** A sum of products; `first` is its first factor where that has been read. */
  #operand(first?: Operand): Operand {
    let left = this.#product(first);
    for (let op = this.#takeOne(SUMS); op !== null; op = this.#takeOne(SUMS)) {
      left = { kind: 'arithmetic', op: op.text as ArithmeticOp, left, right: this.#product(), at: op.at };
    }
    return left;
  }

  #product(first?: Operand): Operand {
    let left = first ?? this.#factor();
    for (let op = this.#takeOne(PRODUCTS); op !== null; op = this.#takeOne(PRODUCTS)) {
      left = { kind: 'arithmetic', op: op.text as ArithmeticOp, left, right: this.#factor(), at: op.at };
    }
    return left;
  }

  #factor(): Operand {
    const token = this.#peek();
    if (++this.#depth > DEPTH_LIMIT) this.#fail('The expression is nested too deeply', token.at);
    const operand = this.#factorInner(token);
    this.#depth--;
    return operand;
  }

  #factorInner(token: Token): Operand {
    this.#next++;
    switch (token.kind) {
      case 'path':
        if (this.#take('(')) return { kind: 'call', name: token.text, args: this.#arguments(), at: token.at };
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
        if (token.text === '(') return this.#bracketed(token);
        break;
      case 'end':
        break;
    }
    return this.#fail(`Expected a field, a number or a text, found ${describe(token)}`, token.at);
  }

  #bracketed(open: Token): Operand {
    const inner = this.#operand();
    if (!this.#take(')')) this.#fail('This "(" is not closed', open.at);
    return inner;
  }

  #arguments(): Operand[] {
    const args = [this.#operand()];
    while (this.#take(',')) args.push(this.#operand());
    if (!this.#take(')')) this.#fail(`Expected "," or ")", found ${describe(this.#peek())}`, this.#peek().at);
    return args;
  }

  /** A negative number, the negative of a name (`ret == -ENOENT`), or of a value. */
  #negative(minus: Token): Operand {
    const operand = this.#factor();
    if (operand.kind === 'number') {
      const value = { ...operand.value, numerator: -operand.value.numerator };
      return { ...operand, value, text: `-${operand.text}`, at: minus.at };
    }
    if (operand.kind === 'path' && /^E[A-Z0-9]+$/.test(operand.path)) {
      return { ...operand, path: `-${operand.path}`, at: minus.at };
    }
    if (operand.kind === 'string' || operand.kind === 'boolean') {
      return this.#fail('Only numbers and error names can be negative', minus.at);
    }
    const zero: Operand = {
      kind: 'number',
      value: { numerator: 0n, denominator: 1n },
      unit: null,
      at: minus.at,
      text: '0',
    };
    return { kind: 'arithmetic', op: '-', left: zero, right: operand, at: minus.at };
  }

  #takeOne(operators: ReadonlySet<string>): Token | null {
    const token = this.#peek();
    if (token.kind !== 'operator' || !operators.has(token.text)) return null;
    this.#next++;
    return token;
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

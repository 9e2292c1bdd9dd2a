/** First and last code point. */
export type Range = readonly [number, number];

export type Node =
  | { kind: 'empty' | 'begin' | 'end' }
  | { kind: 'char'; ranges: Range[] }
  | { kind: 'sequence' | 'choice'; items: Node[] }
  | { kind: 'repeat'; item: Node; least: number; most: number | null };

/** What is wrong with a pattern, and where in it. */
export class RegexSyntaxError extends Error {
  readonly position: number;
  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

const PATTERN_LIMIT = 512;
const REPEAT_LIMIT = 256;
const DEPTH_LIMIT = 64;
const LAST = 0x10ffff;

const DIGITS: Range[] = [[0x30, 0x39]];
const WORD: Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACE: Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const NEWLINES: Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const CLASSES: Record<string, Range[]> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};
const CONTROLS: Record<string, number> = { n: 10, r: 13, t: 9, f: 12, v: 11, 0: 0 };

/**
 * Parses the part of JavaScript's syntax that needs no backtracking: literals, `.`, classes, groups, `|`, `* + ? {m,n}`,
 * `^ $`, `\d \w \s` and their opposites, and `(?i)` at the start.
 * @throws RegexSyntaxError
 */
export function parseRegex(pattern: string): Node {
  if (pattern.length > PATTERN_LIMIT) {
    throw new RegexSyntaxError(`A regular expression has at most ${PATTERN_LIMIT} characters`, PATTERN_LIMIT);
  }
  return new Parser(pattern).parse();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #ignoreCase = false;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Node {
    if (this.#text.startsWith('(?i)')) {
      this.#ignoreCase = true;
      this.#at = 4;
    }
    const node = this.#choice();
    if (this.#at < this.#text.length) this.#fail('Nothing is open that this ")" closes');
    return node;
  }

  #choice(): Node {
    const items = [this.#sequence()];
    while (this.#take('|')) items.push(this.#sequence());
    return items.length === 1 ? items[0]! : { kind: 'choice', items };
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#text[this.#at]!)) items.push(this.#repeated());
    return items.length === 0 ? { kind: 'empty' } : items.length === 1 ? items[0]! : { kind: 'sequence', items };
  }

  #repeated(): Node {
    let node = this.#atom();
    let repeats = 0;
    for (let bounds = this.#bounds(); bounds !== null; bounds = this.#bounds()) {
      if (node.kind === 'begin' || node.kind === 'end' || ++repeats > 1) this.#fail('Nothing to repeat');
      // Lazy or greedy makes no difference to whether a text matches.
      this.#take('?');
      node = { kind: 'repeat', item: node, ...bounds };
    }
    return node;
  }

  #bounds(): { least: number; most: number | null } | null {
    if (this.#take('*')) return { least: 0, most: null };
    if (this.#take('+')) return { least: 1, most: null };
    if (this.#take('?')) return { least: 0, most: 1 };
    const braces = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#text.slice(this.#at));
    if (braces === null) return null;
    const least = Number(braces[1]);
    const most = braces[2] === undefined ? least : braces[3] === '' ? null : Number(braces[3]);
    if (most !== null && most < least) this.#fail('The numbers of {m,n} are in the wrong order');
    if (Math.max(least, most ?? 0) > REPEAT_LIMIT) this.#fail(`A repetition goes up to ${REPEAT_LIMIT}`);
    this.#at += braces[0].length;
    return { least, most };
  }

  #atom(): Node {
    const character = this.#next();
    switch (character) {
      case '^':
        return { kind: 'begin' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'char', ranges: complement(NEWLINES) };
      case '(':
        return this.#group();
      case '[':
        return this.#set();
      case '*':
      case '+':
      case '?':
        this.#at--;
        return this.#fail('Nothing to repeat');
      case '\\':
        return this.#chars(this.#escape());
      default:
        return this.#chars([only(character)]);
    }
  }

  #group(): Node {
    if (++this.#depth > DEPTH_LIMIT) this.#fail('The groups are nested too deeply');
    if (this.#take('?') && !this.#take(':')) {
      this.#fail('Only plain groups and (?:…) are known; look-around and names are not');
    }
    const node = this.#choice();
    if (!this.#take(')')) this.#fail('A "(" is not closed');
    this.#depth--;
    // A node of its own, so that what is in it can be repeated whatever it is: (^)* is allowed, ^* is not.
    return { kind: 'sequence', items: [node] };
  }

  #set(): Node {
    const open = this.#at - 1;
    const negated = this.#take('^');
    const ranges: Range[] = [];
    for (;;) {
      if (this.#at >= this.#text.length) {
        this.#at = open;
        this.#fail('A "[" is not closed');
      }
      if (this.#take(']')) break;
      ranges.push(...this.#setItem());
    }
    const folded = this.#fold(ranges);
    return { kind: 'char', ranges: negated ? complement(folded) : folded };
  }

  #setItem(): Range[] {
    const first = this.#setCharacter();
    const isRange =
      this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length;
    if (!isRange) return first;
    this.#at++;
    const last = this.#setCharacter();
    const [from] = first;
    const [to] = last;
    if (first.length !== 1 || last.length !== 1 || from![0] !== from![1] || to![0] !== to![1] || from![0] > to![0]) {
      this.#fail('The range in "[…]" is in the wrong order');
    }
    return [[from![0], to![0]]];
  }

  #setCharacter(): Range[] {
    const character = this.#next();
    return character === '\\' ? this.#escape() : [only(character)];
  }

  #escape(): Range[] {
    if (this.#at >= this.#text.length) this.#fail('A lone "\\" stands at the end');
    const character = this.#next();
    const named = Object.hasOwn(CLASSES, character) ? CLASSES[character] : undefined;
    if (named !== undefined) return named;
    if (Object.hasOwn(CONTROLS, character)) return [[CONTROLS[character]!, CONTROLS[character]!]];
    const hex = character === 'x' ? /^[0-9a-fA-F]{2}/.exec(this.#text.slice(this.#at)) : null;
    if (hex !== null) {
      this.#at += 2;
      return [[parseInt(hex[0], 16), parseInt(hex[0], 16)]];
    }
    if (/[A-Za-z1-9]/.test(character)) {
      this.#at--;
      this.#fail(`"\\${character}" is not known here`);
    }
    return [only(character)];
  }

  #chars(ranges: Range[]): Node {
    return { kind: 'char', ranges: this.#fold(ranges) };
  }

  /** With (?i), ASCII letters in both cases. */
  #fold(ranges: Range[]): Range[] {
    if (!this.#ignoreCase) return ranges;
    const folded = [...ranges];
    for (const [first, last] of ranges) {
      for (let code = Math.max(first, 0x41); code <= Math.min(last, 0x7a); code++) {
        if (code <= 0x5a || code >= 0x61) folded.push([code ^ 0x20, code ^ 0x20]);
      }
    }
    return folded;
  }

  #next(): string {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    this.#at += character.length;
    return character;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #fail(message: string): never {
    throw new RegexSyntaxError(message, this.#at);
  }
}

function only(character: string): Range {
  const code = character.codePointAt(0)!;
  return [code, code];
}

function complement(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const rest: Range[] = [];
  let from = 0;
  for (const [first, last] of sorted) {
    if (first > from) rest.push([from, first - 1]);
    from = Math.max(from, last + 1);
  }
  if (from <= LAST) rest.push([from, LAST]);
  return rest;
}

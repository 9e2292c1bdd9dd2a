/** JSON with the place of every value, so that whatever is wrong in a test file is said at its line and column. */
import { jsonInteger } from '../events/index.ts';

export interface JsonMember {
  name: string;
  /** Of the name. */
  at: number;
  value: JsonNode;
}

export type JsonNode = { at: number; end: number } & (
  | { kind: 'object'; members: JsonMember[] }
  | { kind: 'array'; items: JsonNode[] }
  | {
      kind: 'string';
      value: string;
      /** Place in the file of a character of the value, or of its end. */
      place(index: number): number;
    }
  // Integers beyond 2^53 keep their digits.
  | { kind: 'number'; value: number | string }
  | { kind: 'literal'; value: boolean | null }
);

/** Where the text is no JSON. */
export class JsonSyntaxError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
    this.name = 'JsonSyntaxError';
  }
}

const MOST_DEPTH = 64;

/** @throws JsonSyntaxError */
export function parseJsonTree(text: string): JsonNode {
  return new Parser(text).document();
}

/** Line and column of a place, both from 1. */
export function lineColumn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  return { line: before.split('\n').length, column: at - (before.lastIndexOf('\n') + 1) + 1 };
}

export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** The value alone. */
export function plainValue(node: JsonNode): JsonValue {
  switch (node.kind) {
    case 'object': {
      const out: { [name: string]: JsonValue } = Object.create(null) as { [name: string]: JsonValue };
      for (const { name, value } of node.members) out[name] = plainValue(value);
      return { ...out };
    }
    case 'array':
      return node.items.map(plainValue);
    default:
      return node.value;
  }
}

class Parser {
  #at = 0;

  constructor(private readonly text: string) {
    if (text.startsWith('\ufeff')) this.#at = 1;
  }

  document(): JsonNode {
    const node = this.#value(0);
    this.#space();
    if (this.#at < this.text.length) throw this.#wrong('Something stands behind the end of the value');
    return node;
  }

  #wrong(what: string, at = this.#at): JsonSyntaxError {
    return new JsonSyntaxError(`${what}.`, at);
  }

  #space(): void {
    while (' \t\r\n'.includes(this.text[this.#at] ?? 'x')) this.#at++;
    if (this.text.startsWith('//', this.#at) || this.text.startsWith('/*', this.#at))
      throw this.#wrong('JSON has no comments');
  }

  #value(depth: number): JsonNode {
    if (depth > MOST_DEPTH) throw this.#wrong('This is nested too deep');
    this.#space();
    switch (this.text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#plain();
    }
  }

  #object(depth: number): JsonNode {
    const at = this.#at++;
    const members: JsonMember[] = [];
    const seen = new Set<string>();
    this.#space();
    if (this.text[this.#at] === '}') return { kind: 'object', at, end: ++this.#at, members };
    for (;;) {
      this.#space();
      if (this.text[this.#at] !== '"') throw this.#wrong('The name of a member belongs here, between "');
      const name = this.#string();
      if (name.kind !== 'string') throw this.#wrong('The name of a member belongs here');
      if (seen.has(name.value)) throw this.#wrong(`"${name.value}" stands here twice`, name.at);
      seen.add(name.value);
      this.#space();
      if (this.text[this.#at] !== ':') throw this.#wrong('A : belongs here');
      this.#at++;
      members.push({ name: name.value, at: name.at, value: this.#value(depth + 1) });
      if (!this.#more('}')) return { kind: 'object', at, end: this.#at, members };
    }
  }

  #array(depth: number): JsonNode {
    const at = this.#at++;
    const items: JsonNode[] = [];
    this.#space();
    if (this.text[this.#at] === ']') return { kind: 'array', at, end: ++this.#at, items };
    for (;;) {
      items.push(this.#value(depth + 1));
      if (!this.#more(']')) return { kind: 'array', at, end: this.#at, items };
    }
  }

  /** Behind a member: true when another one follows. */
  #more(close: string): boolean {
    this.#space();
    const character = this.text[this.#at];
    if (character !== ',' && character !== close) throw this.#wrong(`A , or a ${close} belongs here`);
    this.#at++;
    return character === ',';
  }

  #string(): JsonNode {
    const at = this.#at++;
    const places: number[] = [];
    let value = '';
    for (;;) {
      const character = this.text[this.#at];
      if (character === undefined || character === '\n') throw this.#wrong('This text has no end', at);
      if (character === '"') break;
      if (character < ' ') throw this.#wrong('A control character must be written as \\n, \\t or \\u00XX');
      places.push(this.#at);
      value += character === '\\' ? this.#escape() : character;
      if (character !== '\\') this.#at++;
    }
    places.push(this.#at++);
    return { kind: 'string', at, end: this.#at, value, place: (index) => places[index] ?? this.#clamp(places) };
  }

  #clamp(places: readonly number[]): number {
    return places.at(-1)!;
  }

  #escape(): string {
    const simple: Readonly<Record<string, string>> = {
      ...{ '"': '"', '\\': '\\', '/': '/' },
      ...{ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' },
    };
    const character = this.text[this.#at + 1] ?? '';
    if (Object.hasOwn(simple, character)) {
      this.#at += 2;
      return simple[character]!;
    }
    const digits = /^u([0-9a-f]{4})/i.exec(this.text.slice(this.#at + 1, this.#at + 6))?.[1];
    if (digits === undefined) throw this.#wrong('This escape means nothing in JSON');
    this.#at += 6;
    return String.fromCharCode(parseInt(digits, 16));
  }

  #plain(): JsonNode {
    const at = this.#at;
    const word = /^[\w.+-]*/.exec(this.text.slice(at, at + 400))![0];
    this.#at += word.length;
    const end = this.#at;
    if (word === 'true' || word === 'false') return { kind: 'literal', at, end, value: word === 'true' };
    if (word === 'null') return { kind: 'literal', at, end, value: null };
    if (/^-?(0|[1-9]\d*)$/.test(word)) return { kind: 'number', at, end, value: jsonInteger(BigInt(word)) };
    if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(word)) return { kind: 'number', at, end, value: Number(word) };
    if (word === '')
      throw this.#wrong(at >= this.text.length ? 'The file ends here too early' : 'A value belongs here', at);
    throw this.#wrong(`${word} is no value of JSON; numbers in hexadecimal and names stand between "`, at);
  }
}

/**
 * Places of a C source that the trace panel goes to: where a record's field is declared, and where a ring gets its size.
 * A scan of the text, right in broken code as well; comments and literals hide what is in them.
 */
import { maskLiterals } from '../programScan.ts';

export interface SourceText {
  path: string;
  text: string;
}

export interface SourcePlace {
  path: string;
  start: number;
  end: number;
}

/** Files that a source includes by names in quotes, as they are written there. */
export function localIncludes(text: string): string[] {
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*"([^"\n]{1,300})"/gm)].map((match) => match[1]!);
}

interface Body {
  file: SourceText;
  code: string;
  /** The text between the braces. */
  start: number;
  end: number;
  /** The type's name, or the word that begins it. */
  name: { start: number; end: number };
}

/** How deep types may be inside each other. */
const MOST_STEPS = 16;

/**
 * Where a field of a record type ("struct event", or the name of a typedef) is declared; the type for the path "", and
 * as much of the path as is declared in these files. Null when the type is not.
 */
export function declarationOf(files: readonly SourceText[], record: string, path: string): SourcePlace | null {
  const codes = files.map((file) => ({ file, code: maskLiterals(file.text) }));
  const bodyOf = (type: string): Body | null => {
    for (const { file, code } of codes) {
      const found = bodyIn(file, code, type);
      if (found !== null) return found;
    }
    return null;
  };
  let body = bodyOf(record);
  if (body === null) return null;
  let place: SourcePlace = { path: body.file.path, ...body.name };
  const steps = path.split(/[.[]/).filter((step) => step !== '' && !/^\d+\]$/.test(step));
  for (const step of steps.slice(0, MOST_STEPS)) {
    const member: Member | null = body === null ? null : memberOf(body, step);
    if (member === null) return place;
    place = { path: body!.file.path, start: member.start, end: member.end };
    body = member.body ?? (member.type === '' ? null : bodyOf(member.type));
  }
  return place;
}

function bodyIn(file: SourceText, code: string, type: string): Body | null {
  const tagged = /^(?:const\s+)?(struct|union)\s+(\w+)$/.exec(type.trim());
  if (tagged !== null) {
    const match = new RegExp(`\\b${tagged[1]}\\s+(${tagged[2]})\\b[^;{}()=]{0,200}\\{`).exec(code);
    if (match === null) return null;
    const open = match.index + match[0].length - 1;
    const start = match.index + match[0].indexOf(tagged[2]!, tagged[1]!.length);
    return { file, code, start: open + 1, end: closeOf(code, open), name: { start, end: start + tagged[2]!.length } };
  }
  if (!/^\w+$/.test(type)) return null;
  // "typedef struct { … } event_t;", or "typedef struct event event_t;"
  for (const match of code.matchAll(new RegExp(`\\}\\s*(${type})\\s*;`, 'g'))) {
    const open = openOf(code, match.index);
    if (open < 0 || !/\btypedef\b[^;{}]*$/.test(code.slice(Math.max(0, open - 300), open))) continue;
    const start = match.index + match[0].indexOf(type);
    return { file, code, start: open + 1, end: match.index, name: { start, end: start + type.length } };
  }
  const alias = new RegExp(`\\btypedef\\s+((?:struct|union)\\s+\\w+)\\s+${type}\\s*;`).exec(code);
  return alias === null ? null : bodyIn(file, code, alias[1]!.replace(/\s+/g, ' '));
}

interface Member {
  start: number;
  end: number;
  /** The braces of a type that is declared right there. */
  body: Body | null;
  /** The name of its type; "" for one that is declared right there or is no struct. */
  type: string;
}

/** A member of a struct, also one inside of its unnamed structs and unions. */
function memberOf(body: Body, name: string): Member | null {
  if (!/^\w+$/.test(name)) return null;
  const { code } = body;
  const pattern = new RegExp(`\\b${name}\\b(?=\\s*(?:\\[[^\\]]*\\]\\s*)*(?::[^;,]*)?(?:__attribute__[^;]*)?[;,])`, 'g');
  pattern.lastIndex = body.start;
  for (let match = pattern.exec(code); match !== null && match.index < body.end; match = pattern.exec(code)) {
    const start = match.index;
    if (!isDirect(body, start)) continue;
    const end = start + name.length;
    const statement = code.slice(Math.max(body.start, start - 400), start);
    const declared = /([^;{}]*)$/.exec(statement)![1]!;
    const close = start - declared.length - 1;
    if (declared.trim().replace(/[\s*,\w]/g, '') === '' && code[close] === '}') {
      const open = openOf(code, close);
      const own: Body = { ...body, start: open + 1, end: close, name: { start, end } };
      return { start, end, body: own, type: '' };
    }
    const type = /\b((?:struct|union)\s+\w+|\w+)\s*$/.exec(declared.replace(/,.*$/s, '').replace(/\bconst\b/g, ''));
    return { start, end, body: null, type: type?.[1]?.replace(/\s+/g, ' ') ?? '' };
  }
  return null;
}

/** Whether only unnamed structs and unions lie between the body's braces and a place in it. */
function isDirect(body: Body, at: number): boolean {
  const { code } = body;
  let depth = 0;
  for (let i = at; i >= body.start; i--) {
    if (code[i] === '}') depth++;
    else if (code[i] === '{' && depth > 0) depth--;
    // Inside of a nested pair: its members are reached by no name only when it has none.
    else if (code[i] === '{' && !/^\s*(?:__attribute__\s*\(\([^;]*\)\)\s*)?;/.test(code.slice(closeOf(code, i) + 1)))
      return false;
  }
  return true;
}

function closeOf(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (code[i] === '{') depth++;
    else if (code[i] === '}' && --depth === 0) return i;
  }
  return code.length;
}

function openOf(code: string, close: number): number {
  let depth = 0;
  for (let i = close; i >= 0; i--) {
    if (code[i] === '}') depth++;
    else if (code[i] === '{' && --depth === 0) return i;
  }
  return -1;
}

export interface RingSize {
  /** Where its size stands, as an expression. */
  start: number;
  end: number;
  /** What it comes to; null when that cannot be told from the text. */
  bytes: number | null;
  /** An expression for twice as much. */
  doubled: string;
}

/** The size of a ring buffer of a source; "perf" for a perf buffer, which has none; null when it is not found. */
export function ringSizeIn(text: string, map: string): RingSize | 'perf' | null {
  const code = maskLiterals(text);
  if (!/^\w+$/.test(map)) return null;
  const named = new RegExp(`\\}\\s*${map}\\s+SEC\\s*\\(\\s*"\\.maps"`).exec(code);
  const open = named === null ? -1 : openOf(code, named.index);
  if (named === null || open < 0) return null;
  const body = code.slice(open, named.index);
  if (/\bBPF_MAP_TYPE_PERF_EVENT_ARRAY\b/.test(body)) return 'perf';
  const size = /\b__uint\s*\(\s*max_entries\s*,\s*/.exec(body);
  if (size === null) return null;
  const start = open + size.index + size[0].length;
  const end = endOfArgument(code, start, named.index);
  if (end < 0) return null;
  const expression = text.slice(start, end).trimEnd();
  const bytes = valueOf(expression);
  const doubled = bytes === null ? `2 * (${expression})` : sizeText(bytes * 2);
  return { start, end: start + expression.length, bytes, doubled };
}

function endOfArgument(code: string, start: number, most: number): number {
  let depth = 0;
  for (let i = start; i < most; i++) {
    if (code[i] === '(') depth++;
    else if (code[i] === ')' && depth-- === 0) return i;
  }
  return -1;
}

const sizeText = (bytes: number): string => (bytes % 1024 === 0 ? `${bytes / 1024} * 1024` : String(bytes));

/** A product or shift of plain numbers. */
function valueOf(expression: string): number | null {
  const plain = expression.replace(/[()\s]/g, '');
  const shift = /^(\w+)<<(\w+)$/.exec(plain);
  if (shift !== null) {
    const [base, by] = [numberOf(shift[1]!), numberOf(shift[2]!)];
    return base === null || by === null || by > 40 ? null : base * 2 ** by;
  }
  return plain.split('*').reduce<number | null>((product, factor) => {
    const value = numberOf(factor);
    return product === null || value === null ? null : product * value;
  }, 1);
}

function numberOf(text: string): number | null {
  const match = /^(0[xX][0-9a-fA-F]{1,10}|\d{1,12})[uUlL]{0,3}$/.exec(text);
  return match === null ? null : Number(match[1]);
}

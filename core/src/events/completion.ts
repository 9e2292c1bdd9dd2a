import type { Completion, Completions, RecordField, StreamSchema } from '../model/index.ts';
import { isInteger } from './decode.ts';
import { FIXED, fixedName, isKnownField } from './expr/names.ts';
import { compileExpr } from './expr/compile.ts';
import type { RowDecoder } from './rows.ts';
import { leavesOf, resolvePath } from './schema.ts';
import { Summary } from './summary/summary.ts';

/** Most proposals; what is typed further narrows them. */
const MOST_ITEMS = 50;
/** Values are proposed from what this many milliseconds of looking find: nobody waits for a list. */
const LOOK_MS = 40;

const TOKEN =
  /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|@?[A-Za-z_][\w.[\]]*|\d[\w.]*|==|!=|<=|>=|&&|\|\||!~|[<>!~()-]|\S/g;
const COMPARISON = /^(==|!=|<=|>=|<|>|~|!~)$/;

interface Token {
  text: string;
  from: number;
  to: number;
}

/**
 * What can stand at a place of an expression: fields where one may begin, operators after a field, values after an
 * operator (names of an enum, and the values that the stored rows have most), && and || after a comparison.
 */
export function completeExpr(decoder: RowDecoder, text: string, at: number): Completions {
  const place = Math.max(0, Math.min(at, text.length));
  const tokens = Array.from(text.slice(0, place).matchAll(TOKEN), (match): Token => {
    return { text: match[0], from: match.index, to: match.index + match[0].length };
  });
  const last = tokens.at(-1);
  // A token that ends at the place is still being typed, unless it is an operator.
  const typed = last?.to === place && /^["'@\w]/.test(last.text) ? last : undefined;
  const before = typed === undefined ? tokens : tokens.slice(0, -1);
  const items = itemsAfter(decoder, before, typed);
  return {
    from: typed?.from ?? place,
    to: typed === undefined ? place : wordEnd(text, place),
    items: narrowed(items, typed?.text ?? ''),
  };
}

/** A name is replaced whole, also what of it stands behind the place. */
function wordEnd(text: string, at: number): number {
  return at + (/^[\w.[\]]*/.exec(text.slice(at))?.[0].length ?? 0);
}

function itemsAfter(decoder: RowDecoder, before: readonly Token[], typed: Token | undefined): Completion[] {
  const [left, operator] = [before.at(-2)?.text ?? '', before.at(-1)?.text ?? ''];
  if (COMPARISON.test(operator) && isPath(left)) return valuesOf(decoder, left, operator);
  if (typed === undefined && isOperand(operator)) {
    const compared = COMPARISON.test(left);
    return compared ? JOINERS : operatorsOf(decoder.schema, operator);
  }
  return fieldsOf(decoder.schema);
}

const isPath = (text: string): boolean => /^@?[A-Za-z_]/.test(text);
const isOperand = (text: string): boolean => /^["'@\w]/.test(text);

const JOINERS: Completion[] = [
  { text: '&&', kind: 'operator', detail: 'and' },
  { text: '||', kind: 'operator', detail: 'or' },
];

function operatorsOf(schema: StreamSchema, path: string): Completion[] {
  const field = fieldAt(schema, path);
  const operator = (text: string, detail: string): Completion => ({ text, kind: 'operator', detail });
  const equal = [operator('==', 'is'), operator('!=', 'is not')];
  const match = [operator('~', 'matches the regular expression'), operator('!~', 'does not match')];
  const order = ['<', '<=', '>', '>='].map((text) => operator(text, 'compares'));
  if (field === undefined)
    return fixedName(path) === 'host' || fixedName(path) === 'stream' ? [...equal, ...match] : [...equal, ...order];
  if (field.kind === 'chars') return [...equal, ...match];
  if (field.kind === 'ipv4' || field.kind === 'ipv6' || field.kind === 'bytes') return equal;
  return [...equal, ...order, ...(isInteger(field) ? JOINERS : [])];
}

function fieldsOf(schema: StreamSchema): Completion[] {
  const items = new Map<string, Completion>();
  for (const record of schema.records) {
    for (const { path, field } of leavesOf(record)) {
      if (!items.has(path)) items.set(path, { text: path, kind: 'field', detail: field.type });
    }
  }
  for (const name of FIXED) {
    const text = isKnownField(schema, name) ? `@${name}` : name;
    items.set(text, { text, kind: 'field', detail: 'of every row' });
  }
  return [...items.values()];
}

function fieldAt(schema: StreamSchema, path: string): RecordField | undefined {
  if (path.startsWith('@')) return undefined;
  for (const record of schema.records) {
    const field = resolvePath(record, path);
    if (field !== undefined) return field;
  }
  return undefined;
}

/** What a field is compared with: names that its type gives, then the values that the newest rows have most. */
function valuesOf(decoder: RowDecoder, path: string, operator: string): Completion[] {
  const field = fieldAt(decoder.schema, path);
  if (field === undefined && fixedName(path) === undefined) return [];
  const items = new Map<string, Completion>();
  for (const seen of seenValues(decoder, path)) items.set(seen.text, seen);
  if (field?.kind === 'enum' && operator !== '~') {
    for (const name of Object.values(field.values ?? {})) {
      if (!items.has(name)) items.set(name, { text: name, kind: 'value', detail: field.type });
    }
  }
  return [...items.values()];
}

function seenValues(decoder: RowDecoder, path: string): Completion[] {
  if (fixedName(path) === 'time' || fixedName(path) === 'seq') return [];
  const measures = [{ of: 'count' as const, field: '' }];
  const spec = {
    kind: 'groups' as const,
    by: [fieldAt(decoder.schema, path) === undefined ? `@${path.replace(/^@/, '')}` : path],
    measures,
    order: 0,
    top: MOST_ITEMS,
  };
  const summary = new Summary(decoder, compileExpr('', decoder.schema), spec);
  summary.advance(LOOK_MS);
  const { data } = summary.page(0);
  if (data?.kind !== 'groups') return [];
  const enumerated = fieldAt(decoder.schema, path)?.kind === 'enum';
  return data.rows.flatMap(({ values, measures: [rows] }) => {
    const value = values[0] ?? null;
    if (value === null || typeof value === 'object') return [];
    const bare = typeof value !== 'string' || enumerated || /^(0x[0-9a-f]+|-?\d+)$/.test(value);
    return [{ text: bare ? String(value) : quoted(value), kind: 'value' as const, detail: `${rows ?? 0} rows` }];
  });
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** What begins with what is typed, then what has it somewhere. A quote that was typed need not be in the proposal's way. */
function narrowed(items: readonly Completion[], typed: string): Completion[] {
  const wanted = typed.replace(/^["']/, '').toLowerCase();
  const place = ({ text }: Completion): number => text.replace(/^["']/, '').toLowerCase().indexOf(wanted);
  const found = items.map((item) => ({ item, place: place(item) })).filter(({ place }) => place >= 0);
  found.sort((a, b) => Math.min(a.place, 1) - Math.min(b.place, 1));
  return found.slice(0, MOST_ITEMS).map(({ item }) => item);
}

import type { FieldFormat, RecordField, RecordInfo, StreamSchema } from '../../model/index.ts';
import { isTail, recordBytes } from '../decode.ts';
import { resolvePath } from '../schema.ts';
import type { ArithmeticOp, CompareOp, Computed, Operand } from './ast.ts';
import { perRow, type Condition } from './batch.ts';
import { badExpression } from './lexer.ts';
import { fixedName, inFieldUnits, isKnownField, namedConstant, unknownField } from './names.ts';
import { comparison, isNested, isNumeric, valueReader, type Side, type Value, type ValueReader } from './pairs.ts';
import type { TextTest } from './texts.ts';

/** What an operand is for the rows of one record type. */
export interface CompiledValue {
  type: 'number' | 'text';
  /** What its numbers mean: sums and differences keep it. */
  format: FieldFormat;
  read: ValueReader;
}

const NOTHING: ValueReader = () => null;

/** Compiles what is computed from values of a row. Integers are exact however large; a row without a value gives null. */
export class ValueCompiler {
  readonly #text: string;
  readonly #schema: StreamSchema;
  readonly #record: RecordInfo;

  constructor(text: string, schema: StreamSchema, record: RecordInfo) {
    this.#text = text;
    this.#schema = schema;
    this.#record = record;
  }

  compare(left: Operand, op: CompareOp, right: Operand): Condition {
    const a = this.value(left, right);
    const b = this.value(right, left, a.format);
    if (a.type !== b.type) this.#fail('One side is a number, the other text', right.at);
    const holds = comparison(op);
    return perRow(0, (batch, row, offset) => {
      const [x, y] = [a.read(batch, row, offset), b.read(batch, row, offset)];
      return x !== null && y !== null && holds(x, y);
    });
  }

  matches(operand: Computed, regex: TextTest, negated: boolean): Condition {
    const { type, read } = this.value(operand);
    if (type === 'number') this.#fail('This is a number; compare it with == < >', operand.at);
    return perRow(0, (batch, row, offset) => {
      const text = read(batch, row, offset);
      return text !== null && regex.test(String(text)) !== negated;
    });
  }

  truth(operand: Computed): Condition {
    const { read } = this.value(operand);
    return perRow(0, (batch, row, offset) => {
      const value = read(batch, row, offset);
      return value !== null && value !== '' && value !== 0;
    });
  }

  /** The operand; a literal takes the unit of what stands `beside` it, or `format`. */
  value(operand: Operand, beside?: Operand, format?: FieldFormat): CompiledValue {
    switch (operand.kind) {
      case 'path':
        return this.#path(operand, beside);
      case 'number':
        return this.#number(operand, beside, format);
      case 'string':
        return { type: 'text', format: 'plain', read: () => operand.value };
      case 'boolean': {
        const value = operand.value ? 1 : 0;
        return { type: 'number', format: 'plain', read: () => value };
      }
      case 'arithmetic':
        return this.#arithmetic(operand);
      case 'call':
        return this.#call(operand);
    }
  }

  #number(operand: Operand & { kind: 'number' }, beside?: Operand, format?: FieldFormat): CompiledValue {
    const field = beside?.kind === 'path' ? this.#field(beside.path) : undefined;
    const meaning = field ?? (format === undefined ? null : { ...NUMBER, name: 'this', format });
    const { numerator, denominator } = inFieldUnits(meaning, operand, this.#text);
    const value =
      numerator % denominator === 0n ? lean(numerator / denominator) : Number(numerator) / Number(denominator);
    return { type: 'number', format: 'plain', read: () => value };
  }

  #path(operand: Operand & { kind: 'path' }, beside?: Operand): CompiledValue {
    const { path, at } = operand;
    const side = this.#side(operand, beside);
    if (side === null) {
      // A field of another record type of the stream: what it is there decides what it is here.
      const other = this.#schema.records
        .map((record) => resolvePath(record, path))
        .find((field) => field !== undefined);
      const numeric = other !== undefined && isNumeric({ kind: 'field', field: other });
      return { type: numeric ? 'number' : 'text', format: other?.format ?? 'plain', read: NOTHING };
    }
    if ('constant' in side) return { type: 'number', format: 'plain', read: () => side.constant };
    if (isNested(side)) this.#fail(`"${path}" is no single value; name a member or an element of it`, at);
    const read = valueReader(this.#record, side, (length) => recordBytes(this.#record, length));
    const format = side.kind === 'field' ? side.field.format : side.name === 'time' ? 'ns' : 'plain';
    if (!isNumeric(side)) return { type: 'text', format, read };
    return { type: 'number', format, read: (batch, row, offset) => leanValue(read(batch, row, offset)) };
  }

  #side({ path, at }: Operand & { kind: 'path' }, beside?: Operand): Side | { constant: number | bigint } | null {
    const field = this.#field(path);
    if (field !== undefined) {
      const beyond = this.#record.size > 0 && field.offset + field.size > this.#record.size && !isTail(field);
      return beyond ? null : { kind: 'field', field };
    }
    if (isKnownField(this.#schema, path)) return null;
    const fixed = fixedName(path);
    if (fixed !== undefined) return { kind: 'fixed', name: fixed };
    const typed = beside?.kind === 'path' ? this.#field(beside.path) : undefined;
    const named = namedConstant(typed ?? NUMBER, path);
    if (named !== null) return { constant: lean(named) };
    throw unknownField(this.#schema, path, this.#text, at);
  }

  #arithmetic({ op, left, right }: Computed & { kind: 'arithmetic' }): CompiledValue {
    const additive = op === '+' || op === '-';
    const a = this.value(left, right);
    const b = this.value(right, left);
    if (op === '+' && (a.type === 'text' || b.type === 'text')) return joined(a, b);
    const text = a.type === 'text' ? left : b.type === 'text' ? right : null;
    if (text !== null) this.#fail(`Text cannot be used with ${op}; only + joins texts`, text.at);
    const compute = OPERATIONS[op];
    return {
      type: 'number',
      format: additive ? (a.format === 'plain' ? b.format : a.format) : 'plain',
      read: (batch, row, offset) => {
        const x = a.read(batch, row, offset) as Number_ | null;
        const y = b.read(batch, row, offset) as Number_ | null;
        return x === null || y === null ? null : compute(x, y);
      },
    };
  }

  #call({ name, args, at }: Computed & { kind: 'call' }): CompiledValue {
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name]! : null;
    if (known === null) {
      return this.#fail(`"${name}" is no function; there are ${Object.keys(FUNCTIONS).join(', ')}`, at);
    }
    if (args.length !== known.takes.length) {
      this.#fail(`${name}() takes ${known.takes.length === 1 ? 'one value' : 'two values'}`, at);
    }
    const values = args.map((arg) => this.value(arg));
    values.forEach(({ type }, i) => {
      if (type !== known.takes[i]) this.#fail(`${name}() takes a ${known.takes[i]!}`, args[i]!.at);
    });
    return {
      type: known.gives,
      format: known.keeps === true ? values[0]!.format : 'plain',
      read: (batch, row, offset) => {
        const given = values.map(({ read }) => read(batch, row, offset));
        return given.includes(null) ? null : known.compute(given as NonNullable<Value>[]);
      },
    };
  }

  #field(path: string): RecordField | undefined {
    return path.startsWith('@') ? undefined : resolvePath(this.#record, path);
  }

  #fail(what: string, at: number): never {
    throw badExpression(what, this.#text, at);
  }
}

/** A number that is no field's. */
const NUMBER: RecordField = { name: '', type: '', offset: 0, bits: 0, size: 8, kind: 'int', format: 'plain' };

type Number_ = number | bigint;

function joined(a: CompiledValue, b: CompiledValue): CompiledValue {
  return {
    type: 'text',
    format: 'plain',
    read: (batch, row, offset) => {
      const [x, y] = [a.read(batch, row, offset), b.read(batch, row, offset)];
      return x === null || y === null ? null : `${x}${y}`;
    },
  };
}

/** Exact integers are numbers as long as JavaScript can hold them. */
function lean(value: bigint): Number_ {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function leanValue(value: Value): Value {
  if (typeof value === 'bigint') return lean(value);
  return typeof value === 'number' && Number.isNaN(value) ? null : value;
}

/** Computes with numbers where that is exact or meant to be a fraction, with big integers otherwise. */
function exactly(floats: (a: number, b: number) => number, integers: (a: bigint, b: bigint) => bigint) {
  return (a: Number_, b: Number_): Number_ => {
    if (typeof a === 'number' && typeof b === 'number') {
      const result = floats(a, b);
      if (Number.isSafeInteger(result) || !Number.isInteger(a) || !Number.isInteger(b)) return result;
    }
    return isWhole(a) && isWhole(b) ? lean(integers(BigInt(a), BigInt(b))) : floats(Number(a), Number(b));
  };
}

const isWhole = (value: Number_): boolean => typeof value === 'bigint' || Number.isInteger(value);

function divided(a: Number_, b: Number_): Number_ | null {
  if (Number(b) === 0) return null;
  if (isWhole(a) && isWhole(b) && (typeof a === 'bigint' || typeof b === 'bigint') && BigInt(a) % BigInt(b) === 0n) {
    return lean(BigInt(a) / BigInt(b));
  }
  return Number(a) / Number(b);
}

const remainder = exactly(
  (a, b) => a % b,
  (a, b) => a % b,
);

const OPERATIONS: Record<ArithmeticOp, (a: Number_, b: Number_) => Number_ | null> = {
  '+': exactly(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  '-': exactly(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  '*': exactly(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  '/': divided,
  '%': (a, b) => (Number(b) === 0 ? null : remainder(a, b)),
};

interface KnownFunction {
  takes: CompiledValue['type'][];
  gives: CompiledValue['type'];
  /** The result means what the first value does. */
  keeps?: true;
  compute(values: NonNullable<Value>[]): Value;
}

function numeric(compute: (value: number) => number): KnownFunction {
  return {
    takes: ['number'],
    gives: 'number',
    keeps: true,
    compute: ([value]) => (typeof value === 'bigint' ? value : finite(compute(Number(value)))),
  };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

export const FUNCTIONS: Record<string, KnownFunction> = {
  abs: {
    takes: ['number'],
    gives: 'number',
    keeps: true,
    compute: ([value]) => ((value as Number_) < 0 ? OPERATIONS['-'](0, value as Number_) : value!),
  },
  min: { takes: ['number', 'number'], gives: 'number', keeps: true, compute: ([a, b]) => (b! < a! ? b! : a!) },
  max: { takes: ['number', 'number'], gives: 'number', keeps: true, compute: ([a, b]) => (b! > a! ? b! : a!) },
  floor: numeric(Math.floor),
  ceil: numeric(Math.ceil),
  round: numeric(Math.round),
  log2: { takes: ['number'], gives: 'number', compute: ([value]) => finite(Math.log2(Number(value))) },
  len: { takes: ['text'], gives: 'number', compute: ([text]) => Array.from(String(text)).length },
  lower: { takes: ['text'], gives: 'text', compute: ([text]) => String(text).toLowerCase() },
  upper: { takes: ['text'], gives: 'text', compute: ([text]) => String(text).toUpperCase() },
};

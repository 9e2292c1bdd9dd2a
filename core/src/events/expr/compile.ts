import type { RecordField, RecordInfo, StreamSchema } from '../../model/index.ts';
import { floatNumberReader, isInteger, isTail, recordBytes } from '../decode.ts';
import { completeSchema, fieldPathList, recordSelector, resolvePath } from '../schema.ts';
import { isComputed, type CompareOp, type Constant, type Expr, type Operand, type Rational } from './ast.ts';
import { all, always, any, BATCH_ROWS, never, not, perRow, type Batch, type Condition } from './batch.ts';
import { fieldPair } from './pairs.ts';
import { fixedCompare, fixedMatch } from './fixed.ts';
import { integerInRange, rangeOf } from './integers.ts';
import { badExpression } from './lexer.ts';
import { fixedName, inFieldUnits, isKnownField, namedConstant, unknownField, type Fixed } from './names.ts';
import { parseExpr } from './parser.ts';
import { LinearRegex, RegexSyntaxError } from './regex.ts';
import { addressBits, addressEquals, textCompare, textMatches, type Cut } from './texts.ts';
import { ValueCompiler } from './values.ts';
import { literalPrefix, wireOfAny, wireOfPrefix, withWire, type Wire } from './wire.ts';

/** A compiled EXPR. */
export interface Filter {
  readonly text: string;
  /** True for the empty expression, which lets every row through. */
  readonly everything: boolean;
  /** What of it the agent can evaluate before it sends a record; null where that is nothing. */
  readonly wire: Wire | null;
  /** Sets `mask[row]` to 1 for the rows of the batch that meet the expression, to 0 for the others. */
  select(batch: Batch, mask: Uint8Array): void;
}

/**
 * Compiles an EXPR of the CLI contract for the records of a stream. Nothing is evaluated as code: the expression becomes
 * a tree of conditions that read the records' bytes. A field that a record type (or a short record) has not is neither
 * equal nor unequal to anything: its comparison is false.
 * @throws RingsideError `bad-expression` (with the column and a caret as detail) or `unknown-field` (naming the known ones).
 */
export function compileExpr(text: string, schema: StreamSchema): Filter {
  if (text.trim() === '')
    return { text, everything: true, wire: null, select: (batch, mask) => void mask.fill(1, 0, batch.count) };
  const expr = parseExpr(text);
  const complete = completeSchema(schema);
  const conditions = complete.records.map((record) => new RecordCompiler(text, complete, record).condition(expr));
  const condition = conditions.length === 1 ? conditions[0]! : byRecordType(complete, conditions);
  return {
    text,
    everything: false,
    // Rows are counted as they arrive: with fewer of them each would have another number.
    wire: countsRows(expr, complete) ? null : (condition.wire ?? null),
    select(batch, mask) {
      mask.fill(1, 0, batch.count);
      condition.refine(batch, mask);
    },
  };
}

function countsRows(expr: Expr, schema: StreamSchema): boolean {
  const isCount = (operand: Operand): boolean => {
    if (operand.kind === 'arithmetic') return isCount(operand.left) || isCount(operand.right);
    if (operand.kind === 'call') return operand.args.some(isCount);
    return operand.kind === 'path' && fixedName(operand.path) === 'seq' && !isKnownField(schema, operand.path);
  };
  switch (expr.kind) {
    case 'and':
    case 'or':
      return countsRows(expr.left, schema) || countsRows(expr.right, schema);
    case 'not':
      return countsRows(expr.operand, schema);
    case 'compare':
      return isCount(expr.left) || isCount(expr.right);
    case 'match':
      return isCount(expr.left);
    case 'truth':
      return isCount(expr.operand);
  }
}

/** Asks each row the condition that was compiled for its record type. */
function byRecordType(schema: StreamSchema, conditions: readonly Condition[]): Condition {
  const select = recordSelector(schema);
  const types = new Uint8Array(BATCH_ROWS);
  const masks = conditions.map(() => new Uint8Array(BATCH_ROWS));
  const condition: Condition = {
    refine(batch, mask) {
      const { view } = batch.chunk.slab;
      for (let row = 0; row < batch.count; row++) types[row] = select(view, batch.offsets[row]!, batch.lengthOf(row));
      for (const [type, condition] of conditions.entries()) {
        const own = masks[type]!;
        for (let row = 0; row < batch.count; row++) own[row] = types[row] === type ? mask[row]! : 0;
        condition.refine(batch, own);
      }
      for (let row = 0; row < batch.count; row++) mask[row] = masks[types[row]!]![row]!;
    },
  };
  return withWire(condition, wireOfAny(conditions.map(({ wire }) => wire)));
}

const FLIPPED: Record<CompareOp, CompareOp> = { '==': '==', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

type Subject =
  | { kind: 'field'; field: RecordField; at: number }
  | { kind: 'fixed'; name: Fixed; at: number }
  /** A field of another record type of the stream. */
  | { kind: 'missing' };

/** Compiles an expression for one record type. */
export class RecordCompiler {
  readonly #text: string;
  readonly #schema: StreamSchema;
  readonly #record: RecordInfo;
  readonly #cut: Cut;
  readonly #values: ValueCompiler;

  constructor(text: string, schema: StreamSchema, record: RecordInfo) {
    this.#text = text;
    this.#schema = schema;
    this.#record = record;
    this.#cut = (length) => recordBytes(record, length);
    this.#values = new ValueCompiler(text, schema, record);
  }

  get values(): ValueCompiler {
    return this.#values;
  }

  condition(expr: Expr): Condition {
    switch (expr.kind) {
      case 'and':
        return all(this.condition(expr.left), this.condition(expr.right));
      case 'or':
        return any(this.condition(expr.left), this.condition(expr.right));
      case 'not':
        return not(this.condition(expr.operand));
      case 'compare':
        return this.#compare(expr);
      case 'match':
        return this.#match(expr);
      case 'truth':
        return this.#truth(expr.operand);
    }
  }

  #compare({ op, left, right, at }: Expr & { kind: 'compare' }): Condition {
    if (isComputed(left) || isComputed(right)) return this.#values.compare(left, op, right);
    if (left.kind !== 'path') {
      if (right.kind !== 'path') this.#fail('This compares two constants; one side must be a field', at);
      return this.#compareConstant(this.#subject(right), FLIPPED[op], left);
    }
    if (right.kind !== 'path') return this.#compareConstant(this.#subject(left), op, right);
    return this.#comparePaths(left, op, right);
  }

  /** Two names: a field and a named constant (state == TCP_LISTEN), or two fields. */
  #comparePaths(left: Operand & { kind: 'path' }, op: CompareOp, right: Operand & { kind: 'path' }): Condition {
    for (const [path, name, direction] of [
      [left, right, op],
      [right, left, FLIPPED[op]],
    ] as const) {
      const field = this.#field(path.path);
      const value = field === undefined ? null : namedConstant(field, name.path);
      // An enum's own member wins over a field of that name; other names only where there is no such field.
      const isName = field?.kind === 'enum' || !(isKnownField(this.#schema, name.path) || fixedName(name.path));
      if (field !== undefined && value !== null && isName && isInteger(field)) {
        return this.#inRange(field, direction, { numerator: value, denominator: 1n });
      }
    }
    const first = this.#subject(left, this.#field(right.path));
    const second = this.#subject(right, this.#field(left.path));
    if (first.kind === 'missing' || second.kind === 'missing') return never;
    const pair = fieldPair(this.#record, first, op, second, this.#cut);
    return (
      pair ??
      this.#fail(`"${left.path}" and "${right.path}" cannot be compared: one is a number, the other text`, right.at)
    );
  }

  #compareConstant(subject: Subject, op: CompareOp, constant: Constant): Condition {
    if (subject.kind === 'missing') return never;
    if (subject.kind === 'fixed') return fixedCompare(this.#record, subject.name, op, constant, this.#text);
    const { field } = subject;
    switch (constant.kind) {
      case 'number':
        return this.#compareNumber(subject, op, constant);
      case 'string':
        return this.#compareString(subject, op, constant);
      case 'boolean':
        if (!isInteger(field) || (op !== '==' && op !== '!=')) {
          this.#fail(`"${field.name}" is ${describe(field)}, not true or false`, constant.at);
        }
        return integerInRange(field, { low: 0n, high: 0n, negated: constant.value === (op === '==') });
    }
  }

  #compareNumber(
    { field, at }: Subject & { kind: 'field' },
    op: CompareOp,
    constant: Constant & { kind: 'number' },
  ): Condition {
    if (field.kind === 'float') {
      const { numerator, denominator } = inFieldUnits(field, constant, this.#text);
      return floatCompare(field, op, Number(numerator) / Number(denominator));
    }
    if (isInteger(field)) return this.#inRange(field, op, inFieldUnits(field, constant, this.#text));
    this.#requireScalar(field, at);
    return this.#fail(`"${field.name}" is ${describe(field)}; compare it with a text in quotes`, constant.at);
  }

  #compareString(
    { field, at }: Subject & { kind: 'field' },
    op: CompareOp,
    constant: Constant & { kind: 'string' },
  ): Condition {
    const { value } = constant;
    if (field.kind === 'chars' || field.kind === 'bytes') return textCompare(field, op, value, this.#cut);
    if (field.kind === 'ipv4' || field.kind === 'ipv6') return this.#compareAddress(field, op, constant);
    if (field.kind === 'char' && value.length === 1) {
      return this.#inRange(field, op, { numerator: BigInt(value.charCodeAt(0)), denominator: 1n });
    }
    const named = isInteger(field) ? namedConstant(field, value) : null;
    if (named !== null) return this.#inRange(field, op, { numerator: named, denominator: 1n });
    this.#requireScalar(field, at);
    if (field.kind === 'enum') throw unknownField(this.#schema, value, this.#text, constant.at, field);
    return this.#fail(`"${field.name}" is ${describe(field)}; compare it with a number`, constant.at);
  }

  #compareAddress(field: RecordField, op: CompareOp, constant: Constant & { kind: 'string' }): Condition {
    if (op !== '==' && op !== '!=')
      this.#fail('Addresses are equal or not; use == or != ("10.0.0.0/8" works)', constant.at);
    const address = addressBits(field, constant.value);
    if (address === null)
      this.#fail(`"${constant.value}" is no ${field.kind === 'ipv4' ? 'IPv4' : 'IP'} address`, constant.at);
    return addressEquals(field, address.bytes, address.bits, op === '!=');
  }

  #match({ left, negated, pattern, at, patternAt }: Expr & { kind: 'match' }): Condition {
    if (isComputed(left)) return this.#values.matches(left, this.#regex(pattern, patternAt), negated);
    if (left.kind !== 'path') this.#fail('Left of ~ stands a field', at);
    const subject = this.#subject(left);
    const regex = this.#regex(pattern, patternAt);
    if (subject.kind === 'missing') return never;
    if (subject.kind === 'fixed') {
      const condition = fixedMatch(subject.name, regex, negated);
      return condition ?? this.#fail(`"${subject.name}" is a number; compare it with == < >`, left.at);
    }
    this.#requireScalar(subject.field, left.at);
    const condition = textMatches(subject.field, regex, negated, this.#cut);
    const prefix = negated || subject.field.kind !== 'chars' ? undefined : literalPrefix(pattern);
    return prefix === undefined ? condition : withWire(condition, wireOfPrefix(subject.field, prefix));
  }

  #regex(pattern: string, at: number): LinearRegex {
    try {
      return new LinearRegex(pattern);
    } catch (error) {
      if (error instanceof RegexSyntaxError) this.#fail(error.message, at + error.position);
      throw error;
    }
  }

  /** A field alone: not zero, not empty. */
  #truth(operand: Operand): Condition {
    if (isComputed(operand)) return this.#values.truth(operand);
    if (operand.kind !== 'path') {
      if (operand.kind === 'boolean') return operand.value ? always : never;
      this.#fail('A value alone is no condition; compare it with a field', operand.at);
    }
    const subject = this.#subject(operand);
    if (subject.kind === 'missing') return never;
    if (subject.kind === 'fixed') this.#fail(`"${subject.name}" alone is no condition; compare it`, operand.at);
    const { field } = subject;
    if (isInteger(field)) return integerInRange(field, { low: 0n, high: 0n, negated: true });
    if (field.kind === 'float') return floatCompare(field, '!=', 0);
    if (field.kind === 'chars') return textCompare(field, '!=', '', this.#cut);
    this.#requireScalar(field, operand.at);
    return this.#fail(`"${field.name}" alone is no condition; compare it`, operand.at);
  }

  #inRange(field: RecordField, op: CompareOp, constant: Rational): Condition {
    return integerInRange(field, rangeOf(op, constant));
  }

  #field(path: string): RecordField | undefined {
    return path.startsWith('@') ? undefined : resolvePath(this.#record, path);
  }

  #subject(operand: Operand & { kind: 'path' }, beside?: RecordField): Subject {
    const field = this.#field(operand.path);
    if (field !== undefined) {
      const beyond = this.#record.size > 0 && field.offset + field.size > this.#record.size && !isTail(field);
      return beyond ? { kind: 'missing' } : { kind: 'field', field: { ...field, name: operand.path }, at: operand.at };
    }
    if (isKnownField(this.#schema, operand.path)) return { kind: 'missing' };
    const fixed = fixedName(operand.path);
    if (fixed !== undefined) return { kind: 'fixed', name: fixed, at: operand.at };
    throw unknownField(this.#schema, operand.path, this.#text, operand.at, beside);
  }

  #requireScalar(field: RecordField, at: number): void {
    if (field.kind === 'struct' || field.kind === 'union') {
      const members = fieldPathList(field).slice(0, 8).join(', ');
      this.#fail(`"${field.name}" is a ${field.kind}; name one of its members: ${members}`, at);
    }
    if (field.kind === 'array') this.#fail(`"${field.name}" is an array; name an element: ${field.name}[0]`, at);
  }

  #fail(what: string, at: number): never {
    throw badExpression(what, this.#text, at);
  }
}

function floatCompare(field: RecordField, op: CompareOp, constant: number): Condition {
  const read = floatNumberReader(field);
  const holds = floatTest(op, constant);
  return perRow(field.offset + field.size, (batch, _row, offset) => holds(read(batch.chunk.slab.view, offset)));
}

function floatTest(op: CompareOp, constant: number): (value: number) => boolean {
  switch (op) {
    case '==':
      return (value) => value === constant;
    case '!=':
      return (value) => value !== constant;
    case '<':
      return (value) => value < constant;
    case '<=':
      return (value) => value <= constant;
    case '>':
      return (value) => value > constant;
    case '>=':
      return (value) => value >= constant;
  }
}

function describe(field: RecordField): string {
  if (isInteger(field) || field.kind === 'float') return field.kind === 'enum' ? 'an enum' : 'a number';
  if (field.kind === 'ipv4' || field.kind === 'ipv6') return 'an address';
  return field.kind === 'bytes' ? 'bytes' : field.kind === 'chars' ? 'text' : `a ${field.kind}`;
}

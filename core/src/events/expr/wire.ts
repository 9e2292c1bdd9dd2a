import type { RecordField } from '../../model/index.ts';
import { isBigEndian } from '../decode.ts';
import type { Condition } from './batch.ts';

/** A condition on a fixed place of a record, as the agent evaluates it (FilterCondition of agent.proto). */
export interface WireCondition {
  offset: number;
  size: number;
  kind: 'unsigned' | 'signed' | 'bytes';
  operator: '==' | '!=' | '<' | '<=' | '>' | '>=' | 'prefix';
  bigEndian?: boolean;
  /** Unsigned ones above 2^63 as their two's complement. */
  number?: bigint;
  text?: Uint8Array;
  mask?: bigint;
}

/**
 * Alternatives of conjunctions. It lets every row through for which the condition holds, and perhaps more: what passes is
 * asked the condition itself again. No alternative = no row.
 */
export type Wire = readonly (readonly WireCondition[])[];

/** Beyond these the agent would spend more on each record than it saves. */
const MOST_ALTERNATIVES = 32;
const MOST_CONDITIONS = 128;
const MOST_TEXT = 256;

/** The condition with what of it the agent can evaluate. */
export function withWire(condition: Condition, wire: Wire | undefined): Condition {
  if (wire === undefined || wire.some((all) => all.length === 0)) return condition;
  return { ...condition, wire };
}

/** Both must hold: what the agent cannot evaluate is left to us. */
export function wireOfAll(left: Wire | undefined, right: Wire | undefined): Wire | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  const both = left.flatMap((one) => right.map((other) => [...one, ...other]));
  return within(both) ?? (left.length <= right.length ? left : right);
}

/** One must hold: only what the agent can evaluate whole. */
export function wireOfAny(wires: readonly (Wire | undefined)[]): Wire | undefined {
  const known = wires.filter((wire) => wire !== undefined);
  return known.length === wires.length ? within(known.flat()) : undefined;
}

function within(wire: Wire): Wire | undefined {
  const conditions = wire.reduce((sum, all) => sum + all.length, 0);
  return wire.length <= MOST_ALTERNATIVES && conditions <= MOST_CONDITIONS ? wire : undefined;
}

/** Does an integer lie in low … high (which lie in the field's own range), or, negated, outside? */
export function wireOfInteger(
  field: RecordField,
  { low, high, negated }: { low: bigint; high: bigint; negated: boolean },
  { least, most, signed }: { least: bigint; most: bigint; signed: boolean },
): Wire | undefined {
  if (field.bits > 0 || ![1, 2, 4, 8].includes(field.size)) return undefined;
  const { offset, size } = field;
  const condition = (operator: WireCondition['operator'], value: bigint): WireCondition => ({
    offset,
    size,
    kind: signed ? 'signed' : 'unsigned',
    operator,
    number: BigInt.asIntN(64, value),
    ...(isBigEndian(field) && { bigEndian: true }),
  });
  if (low === high) return [[condition(negated ? '!=' : '==', low)]];
  const below = low > least ? [condition(negated ? '<' : '>=', low)] : [];
  const above = high < most ? [condition(negated ? '>' : '<=', high)] : [];
  return negated ? [below, above].filter((all) => all.length > 0) : [[...below, ...above]];
}

/**
 * `field == "text"` and texts that begin with it. A record may end right behind the text, so its first characters are all
 * that is asked for.
 */
export function wireOfPrefix(field: RecordField, text: Uint8Array): Wire | undefined {
  if (text.length === 0 || text.length > MOST_TEXT) return undefined;
  if (field.size > 0 && text.length > field.size) return undefined;
  return [[{ offset: field.offset, size: text.length, kind: 'bytes', operator: 'prefix', text }]];
}

/** The text that every match of the pattern begins with, where that is plain to see. */
export function literalPrefix(pattern: string): Uint8Array | undefined {
  const literal = /^\^([\w/ -]+)(\$|\.\*)?$/.exec(pattern)?.[1];
  return literal === undefined ? undefined : new TextEncoder().encode(literal);
}

/** The first `bits` bits of an address (4 or 16 bytes, network order). */
export function wireOfAddress(field: RecordField, bytes: Uint8Array, bits: number, negated: boolean): Wire | undefined {
  const words: WireCondition[] = [];
  const size = field.size === 4 ? 4 : 8;
  if (field.size % size !== 0) return undefined;
  for (let at = 0; at < field.size; at += size) {
    const counting = Math.min(Math.max(bits - at * 8, 0), size * 8);
    if (counting === 0) break;
    const width = BigInt(size * 8);
    const mask = ((1n << BigInt(counting)) - 1n) << (width - BigInt(counting));
    const value = bytes.subarray(at, at + size).reduce((word, byte) => (word << 8n) | BigInt(byte), 0n);
    words.push({
      offset: field.offset + at,
      size,
      kind: 'unsigned',
      bigEndian: true,
      operator: negated ? '!=' : '==',
      mask,
      number: BigInt.asIntN(64, value & mask),
    });
  }
  return negated ? words.map((word) => [word]) : [words];
}

/** For an expression that no record can meet: this one is met by none. */
export const nothing: WireCondition = { offset: 0, size: 1, kind: 'unsigned', operator: '<', number: 0n };

/** What arithmetic makes of the values that constant propagation knows. */
import type { FlowState, Value } from './flowState.ts';
import { InsnClass, type Insn } from './insns.ts';

/** Moves, additions to addresses, and arithmetic on constants. */
export function arithmetic(state: FlowState, insn: Insn): Value {
  const operation = insn.code >> 4;
  const wide = (insn.code & 7) === InsnClass.alu64;
  const right: Value = (insn.code & 8) !== 0 ? state.get(insn.src) : { kind: 'const', value: insn.imm };
  const left = state.get(insn.dst);
  const signExtends = insn.off !== 0;
  if (operation === 0xb) return signExtends ? null : wide ? right : narrowed(right);
  if (right?.kind !== 'const' || left === null) return null;
  if (left.kind === 'ids') return partOfIds(left.part, operation, right.value);
  if (left.kind !== 'const') {
    const moved = operation === 0 ? right.value : operation === 1 ? -right.value : null;
    return wide && moved !== null && 'offset' in left ? { ...left, offset: left.offset + moved } : null;
  }
  const result = signExtends ? null : constantResult(operation, BigInt(left.value), BigInt(right.value), wide);
  if (result === null) return null;
  const bounded = BigInt.asUintN(wide ? 64 : 32, result);
  const signed = wide ? BigInt.asIntN(64, bounded) : bounded;
  const exact = signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER);
  return exact ? { kind: 'const', value: Number(signed) } : null;
}

/** What the lower half of a register holds; a kernel clock without its upper half is none any more. */
function narrowed(value: Value): Value {
  if (value?.kind === 'const') return { kind: 'const', value: value.value >>> 0 };
  if (value?.kind === 'ids') return value.part === 'both' ? { kind: 'ids', part: 'user' } : value;
  return value?.kind === 'stackId' ? value : null;
}

/** User and group are taken out of their one number by a shift or a mask. */
function partOfIds(part: 'both' | 'user' | 'group', operation: number, by: number): Value {
  if (part !== 'both') return null;
  if (operation === 0x7 && by === 32) return { kind: 'ids', part: 'group' };
  return operation === 0x5 && (by === 0xffffffff || by === -1) ? { kind: 'ids', part: 'user' } : null;
}

function constantResult(operation: number, a: bigint, b: bigint, wide: boolean): bigint | null {
  const width = wide ? 64 : 32;
  const unsigned = BigInt.asUintN(width, a);
  const shift = b & BigInt(width - 1);
  switch (operation) {
    case 0x0:
      return a + b;
    case 0x1:
      return a - b;
    case 0x2:
      return a * b;
    case 0x4:
      return a | b;
    case 0x5:
      return a & b;
    case 0x6:
      return unsigned << shift;
    case 0x7:
      return unsigned >> shift;
    case 0xa:
      return a ^ b;
    case 0xc:
      return BigInt.asIntN(width, a) >> shift;
    default:
      return null;
  }
}

/** A value that the verifier tracks, in words that read like C. */
import type { RegisterState, StackSlot } from '../log/index.ts';

const MAX = { s64: 2n ** 63n - 1n, u64: 2n ** 64n - 1n, s32: 2n ** 31n - 1n, u32: 2n ** 32n - 1n };

/** "scalar [0, 4194304]", "mem_or_null(id 4, size 64)", "struct task_struct * + 16". Ids may be left out, to compare. */
export function termOf(register: RegisterState, ids = true): string {
  if (register.type === 'scalar') return scalar(register, ids);
  const notes: string[] = [];
  if (register.map !== '') notes.push(register.map);
  if (ids && register.id > 0) notes.push(`id ${register.id}${signed(BigInt(register.idOffset), '')}`);
  if (ids && register.refId > 0) notes.push(`reference ${register.refId}`);
  if (register.nonOwning) notes.push('not owned');
  if (register.packetRange !== null) notes.push(`${register.packetRange} bytes checked`);
  const size = register.memorySize ?? (register.type === 'map_value' ? register.valueSize : null);
  if (size !== null) notes.push(`size ${size}`);
  const range = variablePart(register);
  if (range !== '') notes.push(`+ ${range}`);
  if (register.dynptr !== '') notes.push(register.dynptr);
  notes.push(...register.more);
  const flags = register.flags.length > 0 ? `${register.flags.join(' ')} ` : '';
  return `${flags}${headOf(register)}${notes.length > 0 ? `(${notes.join(', ')})` : ''}${offset(register)}`;
}

function headOf(register: RegisterState): string {
  const nullable = register.nullable ? '_or_null' : '';
  switch (register.type) {
    case 'ptr_':
      return register.struct === ''
        ? `pointer${nullable}`
        : `struct ${register.struct} *${register.nullable ? ' or NULL ' : ''}`;
    case 'fp':
      return register.frame === null ? 'stack' : `stack of frame ${register.frame}`;
    case '?':
      return register.text;
    default:
      return `${register.type}${nullable}`;
  }
}

const offset = ({ type, offset: bytes }: RegisterState): string => (type === '?' ? '' : signed(bytes, ' '));

const signed = (value: bigint, space: string): string =>
  value === 0n ? '' : `${space}${value < 0n ? '-' : '+'}${space}${value < 0n ? -value : value}`;

function scalar(register: RegisterState, ids: boolean): string {
  const id = ids && register.id > 0 ? `, id ${register.id}${signed(BigInt(register.idOffset), '')}` : '';
  if (register.constant !== null) return constant(register.constant);
  const range = rangeText(register);
  return `scalar${range === '' ? '' : ` ${range}`}${id}`;
}

function constant(value: bigint): string {
  const hex = value < 0n ? BigInt.asUintN(64, value) : value;
  return value > -1024n && value < 1024n ? value.toString() : `${value} (0x${hex.toString(16)})`;
}

/** "[0, 255]", "[0, 255], multiple of 8"; "" when nothing is known. */
function rangeText({ range }: RegisterState): string {
  const { smin, smax, umin, umax, smin32, smax32, umin32, umax32 } = range;
  const parts: string[] = [];
  if (smin > -MAX.s64 - 1n || smax < MAX.s64) parts.push(between(smin, smax, MAX.s64));
  else if (umin > 0n || umax < MAX.u64) parts.push(`unsigned ${between(umin, umax, MAX.u64)}`);
  else if (smin32 > -MAX.s32 - 1n || smax32 < MAX.s32) parts.push(`low 32 bits ${between(smin32, smax32, MAX.s32)}`);
  else if (umin32 > 0n || umax32 < MAX.u32) parts.push(`low 32 bits ${between(umin32, umax32, MAX.u32)}`);
  const step = alignment(range.tnum.value | range.tnum.mask);
  if (step > 1n) parts.push(`multiple of ${step}`);
  return parts.join(', ');
}

function between(from: bigint, to: bigint, most: bigint): string {
  if (from === to) return `= ${from}`;
  const low = from <= -most - 1n ? 'min' : from.toString();
  return `[${low}, ${to >= most ? 'max' : to.toString()}]`;
}

/** The largest power of two that every possible value is a multiple of. */
function alignment(bits: bigint): bigint {
  const step = bits & -bits;
  return step > 0n && step <= 4096n ? step : 0n;
}

/** What a pointer was moved by that is not known exactly. */
function variablePart(register: RegisterState): string {
  const { range } = register;
  const known = range.smin === -MAX.s64 - 1n && range.smax === MAX.s64 && range.umin === 0n && range.umax === MAX.u64;
  return known && range.tnum.mask === MAX.u64 ? '' : rangeText(register);
}

const byteWords: Record<StackSlot['bytes'][number], string> = {
  unwritten: 'not written',
  spill: 'spilled',
  any: 'written',
  zero: 'zero',
  dynptr: 'dynptr',
  iterator: 'iterator',
  irq: 'irq flag',
  poison: 'poisoned',
  unknown: '?',
};

/** "written", "4 bytes zero, 4 not written", "spilled: scalar [0, 255]". */
export function slotTerm(slot: StackSlot, ids = true): string {
  if (slot.object) {
    const { kind, type, refId, state, depth } = slot.object;
    const notes = [ids && refId > 0 ? `reference ${refId}` : '', state, depth === null ? '' : `depth ${depth}`].filter(
      (note) => note !== '',
    );
    return `${kind === 'iterator' ? 'iterator' : 'dynptr'} ${type}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
  }
  if (slot.spilled) return `spilled: ${termOf(slot.spilled, ids)}`;
  const runs: { word: string; count: number }[] = [];
  for (const byte of slot.bytes) {
    const word = byteWords[byte];
    const last = runs.at(-1);
    if (last?.word === word) last.count++;
    else runs.push({ word, count: 1 });
  }
  if (runs.length === 0) return slot.text;
  if (runs.length === 1) return runs[0]!.word;
  return runs.map(({ word, count }) => `${count} ${word}`).join(', ');
}

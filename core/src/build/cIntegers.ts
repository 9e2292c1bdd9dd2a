/** Spelling of C's integers and enumerations for the BPF target. */
import type { BtfEnumValue, BtfType } from '../bpf/index.ts';

type Enum = Extract<BtfType, { kind: 'enum' | 'enum64' }>;

/** Sizes on the BPF target of C integers, by their normalInteger() name. */
export const cIntegerSizes = new Map<string, number>([
  ['_Bool', 1],
  ['char', 1],
  ['short', 2],
  ['int', 4],
  ['long', 8],
  ['long long', 8],
  ['__int128', 16],
]);

/** "long unsigned int" → "long"; the signedness words and the redundant int do not change the size. */
export function normalInteger(name: string): string {
  const words = name.split(' ').filter((word) => word !== 'unsigned' && word !== 'signed');
  const core = words.length > 1 ? words.filter((word) => word !== 'int') : words;
  return core.join(' ') || 'int';
}

/** A C type whose size here is not BTF's (a 32-bit kernel's long) is replaced, never redefined. */
export function wellKnownInteger(name: string): boolean {
  return cIntegerSizes.has(normalInteger(name));
}

export function sizedInteger(type: Extract<BtfType, { kind: 'int' }>): string {
  const names: Record<number, string> = { 1: 'char', 2: 'short', 4: 'int', 8: 'long long', 16: '__int128' };
  const name = names[type.size] ?? 'char';
  return `${type.signed ? 'signed' : 'unsigned'} ${name}`;
}

export function literal({ value }: BtfEnumValue): string {
  if (value === -(2n ** 63n)) return '(-9223372036854775807LL - 1)';
  if (value > 0x7fffffffffffffffn) return `${value}ULL`;
  if (value > 0xffffffffn || value < -0x80000000n) return `${value}LL`;
  return value > 0x7fffffffn ? `${value}U` : `${value}`;
}

/** clang gives an enumeration 4 bytes, or 8 when a value needs them; any other size has to be asked for. */
export function enumMode(type: Enum): string {
  const wide = type.values.some(({ value }) => value > 0xffffffffn || value < -0x80000000n);
  if (type.size === (wide ? 8 : 4)) return '';
  const modes: Record<number, string> = { 1: 'QI', 2: 'HI', 4: 'SI', 8: 'DI' };
  const mode = modes[type.size];
  return mode === undefined ? '' : ` __attribute__((mode(${mode})))`;
}

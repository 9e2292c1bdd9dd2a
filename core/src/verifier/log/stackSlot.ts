/** Eight bytes of the stack as the verifier prints them. */
import { parseRegister, type RegisterState } from './registerState.ts';

export type SlotByte = 'unwritten' | 'spill' | 'any' | 'zero' | 'dynptr' | 'iterator' | 'irq' | 'poison' | 'unknown';

export interface StackSlot {
  /** As it stands in the log. */
  text: string;
  /** From the lowest address up. Empty where the log tells of the slot as a whole. */
  bytes: SlotByte[];
  /** The value that was spilled here. */
  spilled: RegisterState | null;
  /** An object of the verifier's own that lives on the stack. */
  object: { kind: 'dynptr' | 'iterator'; type: string; refId: number; state: string; depth: number | null } | null;
}

const byteKinds: Record<string, SlotByte> = {
  '?': 'unwritten',
  r: 'spill',
  m: 'any',
  '0': 'zero',
  d: 'dynptr',
  i: 'iterator',
  f: 'irq',
  p: 'poison',
};

/** Never throws. */
export function parseStackSlot(text: string): StackSlot {
  const slot: StackSlot = { text, bytes: [], spilled: null, object: null };
  const object = /^(dynptr|iter)_(<?\w+>?)(?:\((.*)\)?)?$/.exec(text);
  if (object) {
    const attributes = object[3] ?? '';
    const depth = /depth=(\d+)/.exec(attributes)?.[1];
    slot.object = {
      kind: object[1] === 'iter' ? 'iterator' : 'dynptr',
      type: object[2]!,
      refId: Number(/ref_id=(\d+)/.exec(attributes)?.[1] ?? 0),
      state: /state=(<?\w+>?)/.exec(attributes)?.[1] ?? '',
      depth: depth === undefined ? null : Number(depth),
    };
    return slot;
  }
  if (/^[?rm0difp]{8}$/.test(text)) {
    slot.bytes = Array.from(text, (c) => byteKinds[c] ?? 'unknown');
    return slot;
  }
  // "mmmm1": what lies above a spill of less than eight bytes, which is always a number.
  const above = /^([?m0]{1,7}?)(?:P?-?(?:0|[1-9]\d*|0x[0-9a-f]+)|P?scalar\(.*|inv.*)$/.exec(text)?.[1] ?? '';
  slot.bytes = Array.from(above, (c) => byteKinds[c] ?? 'unknown');
  const value = text.slice(above.length);
  if (value !== '') {
    slot.spilled = parseRegister(value);
    while (slot.bytes.length < 8) slot.bytes.push('spill');
  }
  return slot;
}

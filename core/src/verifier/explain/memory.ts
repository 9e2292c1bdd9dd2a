/** Memory behind pointers: what it is, how large, and what is added to the pointer. */
import type { RegisterState } from '../log/index.ts';
import type { Failure } from './failure.ts';
import type { Place } from './program.ts';
import { expressionAt } from './sourceText.ts';

/** "`found->slots[slot]`" at a place, where it is an access. */
export function accessHere(place: Place): string {
  const dereferenced = /^\*+\s*[A-Za-z_]\w*/.exec(place.text.slice(Math.max(0, place.column - 1)))?.[0];
  if (dereferenced) return dereferenced;
  const expression = expressionAt(place.text, place.column);
  return /->|\[|\./.test(expression) ? expression : '';
}

/** The subscript of the last dimension in an expression: "slot" of "found->slots[slot]". */
export const subscript = (expression: string): string => /\[([^[\]]+)\][^[\]]*$/.exec(expression)?.[1]?.trim() ?? '';

/** Memory behind the pointer that a register holds, in words, with its size. */
export function memoryWords(
  failure: Failure,
  pointer: RegisterState | null,
  register: number,
): { what: string; size: number | null } {
  if (!pointer) return { what: 'the memory', size: null };
  if (pointer.type === 'map_value') {
    const map = pointer.map === '' ? failure.mapName(failure.at, register) : pointer.map;
    if (/\.(?:bss|data|rodata)/.test(map)) return { what: 'the global variables', size: pointer.valueSize };
    return { what: map === '' ? 'the map value' : `the value of map \`${map}\``, size: pointer.valueSize };
  }
  if (pointer.type === 'mem') {
    const made = Number.isNaN(register) ? null : failure.name(failure.at, register).origin.source;
    const reserved = made?.kind === 'call' && made.function === 'bpf_ringbuf_reserve' ? made : null;
    // Kernels before 6.2 tell the size of a record in the message only.
    const size = pointer.memorySize ?? (reserved ? failure.registerAt(reserved.at, 2)?.constant : null);
    const record = reserved || pointer.flags.includes('ringbuf') ? 'the ring-buffer record' : 'the memory';
    return { what: record, size: size === null || size === undefined ? null : Number(size) };
  }
  if (pointer.type === 'fp') {
    const variable = failure.stackVariable(Number(pointer.offset));
    return variable ? { what: `\`${variable.name}\``, size: variable.size } : { what: 'the stack', size: null };
  }
  return { what: 'the memory', size: null };
}

/** The registers of "r0 += r1": a pointer and the number added to it. */
export function sum(failure: Failure): { pointer: RegisterState; register: number; index: number } | null {
  const match = failure.at < 0 ? null : /^\([0-9a-f]{2}\) r(\d+) [+-]= r(\d+)/.exec(failure.path.text(failure.at));
  if (!match) return null;
  const [left, right] = [failure.register(Number(match[1])), failure.register(Number(match[2]))];
  if (left && left.type !== 'scalar') return { pointer: left, register: Number(match[1]), index: Number(match[2]) };
  if (right && right.type !== 'scalar') return { pointer: right, register: Number(match[2]), index: Number(match[1]) };
  return null;
}

/** Where a number was last added to the pointer in a register. */
export function lastSum(failure: Failure, register: number): { at: number; index: number } | null {
  let reg = register;
  for (let at = failure.at - 1, hops = 0; at >= 0 && hops < 500; at--, hops++) {
    const text = failure.path.text(at);
    const added = new RegExp(`^\\([0-9a-f]{2}\\) r${reg} \\+= r(\\d+)`).exec(text);
    if (added) {
      const other = failure.registerAt(at, Number(added[1]));
      return { at, index: other && other.type !== 'scalar' ? reg : Number(added[1]) };
    }
    const moved = new RegExp(`^\\([0-9a-f]{2}\\) r${reg} = r(\\d+)$`).exec(text);
    if (moved) reg = Number(moved[1]);
  }
  return null;
}

/** Elements of the array that an expression subscripts, from DWARF. */
export function elementsOf(failure: Failure, place: Place, expression: string, total: number | null): number | null {
  const array = expression.replace(/\[[^[\]]*\][^[\]]*$/, '');
  const member = /(?:->|\.)(\w+)$/.exec(array)?.[1];
  const fromSource = (name: string): number | null => {
    const file = failure.program.file(place);
    const declared = file?.lines
      .map((l) => new RegExp(`\\b${name}\\[(\\d+)\\]`).exec(l)?.[1])
      .find((n) => n !== undefined);
    return declared === undefined ? null : Number(declared);
  };
  const name = member ?? array;
  if (!/^\w+$/.test(name)) return null;
  const variable = failure.insn === null || member ? null : failure.program.visible(name, failure.insn);
  return (variable && failure.program.elements(variable.type)) ?? fromSource(name) ?? total;
}

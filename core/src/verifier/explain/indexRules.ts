/** Indices and offsets into memory that may lie outside of it: map values, records, globals, the stack. */
import { checkedAt, copyChecked, isSigned, lastCheck, stateWhere } from './checks.ts';
import { guardAbove, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import { accessHere, elementsOf, lastSum, memoryWords, subscript, sum } from './memory.ts';
import { memoryAccess } from './path.ts';
import type { Place } from './program.ts';
import { cause, lineWords, type Explanation, type Rule } from './rule.ts';
import { size } from './sizes.ts';
import { bytes, capitalize, rangeWords } from './words.ts';

function indexFix(
  failure: Failure,
  place: Place,
  index: string,
  count: number | null,
  signed: boolean,
): (Fix | null)[] {
  if (count === null || count <= 0 || !/^[A-Za-z_]\w*(?:(?:->|\.)\w+)*$/.test(index)) return [];
  const condition = signed ? `${index} < 0 || ${index} >= ${count}` : `${index} >= ${count}`;
  return [guardAbove(failure, place, condition)];
}

export function unboundedIndex(failure: Failure): Explanation | null {
  const parts = sum(failure);
  if (!parts || failure.at < 0) return null;
  const place = failure.place;
  const named = failure.name(failure.at, parts.index);
  const state = failure.register(parts.index);
  const { what, size } = memoryWords(failure, parts.pointer, parts.register);
  const access = accessHere(place);
  const index = subscript(access) || named.expression;
  const subject = index ? `\`${index}\`` : capitalize(named.text);
  const original = named.origin.source.kind === 'constant' ? null : stateWhere(failure, named);
  const range = rangeWords(original ?? state);
  const check = lastCheck(failure, named);
  const checked =
    check === null ? 'nothing on this path bounds it' : 'the check before does not bound it on both sides';
  const checkPlace = check === null ? null : checkedAt(failure, check, index);
  const target = access ? `\`${access}\`` : 'the access';
  const array = /^(\w+)\[/.exec(access)?.[1];
  const behind =
    array && what === 'the global variables' ? `\`${array}\`` : size !== null ? `${what} (${bytes(size)})` : what;
  const count = access ? elementsOf(failure, place, access, null) : null;
  const limit = count !== null ? ` Valid indices are 0 to ${count - 1}.` : '';
  const signed = original ? original.range.smin < 0n && check !== null : false;
  return {
    message: `${subject} ${range}, and ${checked}, so ${target} can lie outside ${behind}.${limit}`,
    causes: [
      named.origin.source.kind === 'unknown' ? null : cause(named.place, `${subject} comes from here and ${range}.`),
      cause(checkPlace, 'This check is not enough.'),
    ],
    fixes: indexFix(failure, place, index, count, signed || isSigned(failure, index)),
  };
}

function outsideMemory(failure: Failure): Explanation | null {
  if (failure.at < 0) return null;
  const place = failure.place;
  const access = memoryAccess(failure.path.text(failure.at));
  const register = Number(/\bR(\d+)/.exec(failure.messages.join(' '))?.[1] ?? access?.base ?? NaN);
  const pointer = Number.isNaN(register) ? null : failure.register(register);
  const { what, size: known } = memoryWords(failure, pointer, register);
  const numbers = /(?:value_size|mem_size)=(-?\d+) off=(-?\d+) size=(\d+)/.exec(failure.messages.join(' '));
  const size = numbers ? Number(numbers[1]) : known;
  const expression = accessHere(place);
  const target = expression ? `\`${expression}\`` : 'this access';
  const variable = pointer && pointer.range.tnum.mask !== 0n && pointer.type !== 'scalar' ? pointer.range : null;
  const index = subscript(expression);
  if (variable && index !== '' && !/^\d+$/.test(index)) {
    const count = elementsOf(failure, place, expression, null);
    const adder = lastSum(failure, register);
    const named = adder === null ? null : failure.name(adder.at, adder.index);
    const original = named && stateWhere(failure, named);
    const check = named && lastCheck(failure, named);
    const range = rangeWords(original);
    return {
      message: `\`${index}\` ${range} here, so ${target} can lie outside ${what}${size === null ? '' : ` (${bytes(size)})`}.${count === null ? '' : ` Valid indices are 0 to ${count - 1}.`}`,
      causes: [
        named && cause(named.place, `\`${index}\` comes from here.`),
        check === null ? null : cause(checkedAt(failure, check, index), 'This check allows too much.'),
      ],
      fixes: indexFix(failure, place, index, count, (original?.range.smin ?? 0n) < 0n),
    };
  }
  const named = Number.isNaN(register) ? null : failure.name(failure.at, register);
  return {
    message: `${capitalize(target)} lies outside ${what}${outsideBy(size, numbers)}.`,
    causes: [
      named && named.origin.source.kind === 'call'
        ? cause(named.place, `${capitalize(what)} is made here${size === null ? '' : ` with ${bytes(size)}`}.`)
        : null,
    ],
    fixes: [],
  };
}

/** ": it is byte 20, and the record has 16 bytes". */
function outsideBy(size: number | null, numbers: RegExpExecArray | null): string {
  const has = size === null ? '' : `it has only ${bytes(size)}`;
  if (!numbers) return has && `, for ${has}`;
  const [from, length] = [Number(numbers[2]), Number(numbers[3])];
  const at = length === 1 ? `this is byte ${from}` : `these are bytes ${from} to ${from + length - 1}`;
  return `: ${at} (counted from 0)${has && `, and ${has}`}`;
}

export const indexRules: readonly Rule[] = [
  {
    id: 'stack-out-of-bounds',
    title: 'Access outside the stack array',
    pattern:
      /(?:invalid (?:variable-offset )?(?:indirect )?(?:unbounded )?(?:variable-offset )?(?:read|write|access)(?: to| from)? stack|invalid stack type|invalid zero-sized read.*stack|stack.*out of bounds)(?!.*\boff -?\d+\+\d+ size)/,
    about: 'An index or a size reaches outside an array on the stack; bound it to the size of the array.',
    explain: (failure, match) => {
      const call = failure.at >= 0 && failure.path.text(failure.at).startsWith('(85)');
      return call ? size(failure, match) : outsideMemory(failure);
    },
  },
  {
    id: 'check-on-copy',
    title: 'The check was on a copy',
    pattern: /math between (?:map_value|fp|mem|\w*mem|ringbuf_mem) pointer and register/,
    when: (failure) => copyChecked(failure) !== null,
    about:
      'A value was compared after it was cast or masked, and is used without that: the comparison bounds the copy only. Compare the value that is used, in its own type, or use the copy.',
    explain: (failure) => {
      const { at, named } = copyChecked(failure)!;
      const plain = unboundedIndex(failure);
      const subject = capitalize(named.text);
      const place = checkedAt(failure, at, named.expression);
      const line = lineWords(place, failure.place);
      return {
        message: `${subject} is compared${line && ` in ${line}`} only after it was cast or masked, which bounds that copy and not ${named.text} itself, and it is ${named.text} that is used here. Compare it as it is, or use the copy as the index.`,
        causes: [
          cause(named.place, `${subject} comes from here.`),
          cause(place, 'This check looks at a changed copy.'),
        ],
        fixes: plain?.fixes ?? [],
      };
    },
  },
  {
    id: 'stack-unbounded-index',
    title: 'Index into the stack array not bounded',
    pattern: /math between fp pointer and register|value -?\d+ makes fp pointer be out of bounds/,
    about:
      'A number that may be negative or very large is added to a pointer to the stack; bound it to the size of the array.',
    explain: unboundedIndex,
  },
  {
    id: 'index-unbounded',
    title: 'Index not bounded',
    pattern:
      /math between \w+ pointer and register|value -?\d+ makes \w+ pointer be out of bounds|R\d+ unbounded memory access, make sure to bounds check/,
    about:
      'A number that may be negative or very large is added to a pointer; compare it with the size of what the pointer points to.',
    explain: (failure, match) =>
      /unbounded memory/.test(match.input)
        ? (size(failure, match) ?? unboundedIndex(failure) ?? outsideMemory(failure))
        : unboundedIndex(failure),
  },
];

/** What is left when no rule for sizes matches. */
export const memoryRules: readonly Rule[] = [
  {
    id: 'read-only-memory',
    title: 'Memory is read-only',
    pattern:
      /write into map forbidden|cannot write into rdonly|cannot (?:write|store) into|R\d+ cannot write into|write access to map/,
    about: 'The memory may be read, not written: a const global, a read-only map, a slice of a packet.',
    explain: (failure) => {
      const expression = accessHere(failure.place);
      const base = failure.at < 0 ? undefined : memoryAccess(failure.path.text(failure.at))?.base;
      const pointer = base === undefined ? null : failure.register(base);
      const map = base === undefined ? '' : pointer?.map || failure.mapName(failure.at, base);
      const what = /rodata/.test(map)
        ? 'a const variable, and those are fixed once the program is loaded (drop the const where it should change)'
        : map !== ''
          ? `in the map \`${map}\`, which programs may only read (BPF_F_RDONLY_PROG)`
          : 'a const variable, a read-only map or a read-only slice';
      return {
        message: `${expression ? `\`${expression}\`` : 'This memory'} may be read, not written: it is ${what}. Write to a copy.`,
      };
    },
  },
  {
    id: 'map-value-out-of-bounds',
    title: 'Access outside the value',
    pattern:
      /invalid access to (?:map|memory|mem|\w*buffer)|outside of the (?:allowed memory range|map value)|value is outside of|invalid access to .*buffer|invalid \w+ buffer access/,
    about:
      'The offset can point outside the memory behind the pointer (a map value, a ring-buffer record, a global); check the index against its size.',
    explain: outsideMemory,
  },
];

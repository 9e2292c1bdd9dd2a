/** Fields of the context that this type of program does not have. */
import type { Failure } from './failure.ts';
import { accessHere, subscript } from './memory.ts';
import { memoryAccess } from './path.ts';
import { type Explanation, type Rule } from './rule.ts';
import { bytes } from './words.ts';

function contextAccess(failure: Failure, match: RegExpExecArray): Explanation | null {
  if (failure.at < 0) return null;
  const access = memoryAccess(failure.path.text(failure.at));
  const place = failure.place;
  const expression = accessHere(place);
  const target = expression
    ? `\`${expression}\``
    : `${bytes(access?.size ?? 4)} at byte ${/off=(-?\d+)/.exec(match.input)?.[1] ?? '?'}`;
  const section = failure.program.source?.section ?? '';
  const type = section === '' ? 'this type' : `section "${section}"`;
  if (access?.write)
    return { message: `Programs of ${type} may not write ${target}: that part of the context is read-only.` };
  const there = expression
    ? `Programs of ${type} cannot read ${target}: their context has no such field, or it may not be read in this size.`
    : `The program reads ${target} of its context, where the context of ${type} has no field.`;
  return {
    message: `${there} Use a field of the context's own struct, whole and directly from the context pointer.`,
  };
}

export const contextRules: readonly Rule[] = [
  {
    id: 'context-modified',
    title: 'Context pointer was moved',
    pattern: /dereference of modified ctx ptr|negative offset ctx ptr|variable ctx access/,
    about:
      'Fields of the context are read at fixed offsets from the pointer that the program was given; the kernel rewrites each such access.',
    explain: (failure) => {
      const expression = accessHere(failure.place);
      const index = subscript(expression);
      return {
        message: `${expression ? `\`${expression}\`` : 'This access'} reads the context ${index && !/^\d+$/.test(index) ? `at an index (\`${index}\`) that is not known beforehand` : 'through a pointer that was moved'}; only fixed fields of it can be read. Use a switch over constant indices, or copy the fields first.`,
      };
    },
  },
  {
    id: 'context-out-of-bounds',
    title: 'Access outside the context',
    pattern: /invalid bpf_context access|cannot load sock ptr|cannot store sock ptr/,
    about: 'The context of this program type has no field there, or not one that may be read or written this way.',
    explain: contextAccess,
  },
];

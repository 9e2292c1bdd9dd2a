/** Local variables that cannot fit the 512 bytes of a BPF stack. */
import type { Analysis } from '../analysis.ts';
import type { CFunction, CLocal } from '../c/model.ts';
import type { Types } from '../c/types.ts';
import type { Finding } from './codes.ts';

const STACK = 512;
/** A function with more is no program that anyone loads. */
const MAX_LOCALS = 1000;

export function checkStack({ source, types }: Analysis): Finding[] {
  return source.model.functions.flatMap((each) => tooLarge(each, types));
}

/** What is large at one place: blocks that follow each other share the stack, variables in registers need none. */
function tooLarge(each: CFunction, types: Types): Finding[] {
  const sized = each.locals
    .filter((local) => !local.isStatic && isMemory(local))
    .slice(0, MAX_LOCALS)
    .map((local) => ({ local, size: types.sizeOf(local.type) ?? 0 }));
  let worst: { total: number; local: CLocal; size: number } | null = null;
  for (const { local, size } of sized) {
    const total = sized
      .filter(
        (other) =>
          other.local.start <= local.start &&
          local.start <= other.local.scopeEnd &&
          other.local.scopeStart <= local.start,
      )
      .reduce((sum, other) => sum + Math.ceil(other.size / 8) * 8, 0);
    if (total > STACK && (worst === null || total > worst.total)) worst = { total, local, size };
  }
  if (worst === null) return [];
  const { local, total, size } = worst;
  const who = size === total ? `${local.name} needs ${total}` : `The variables up to ${local.name} need ${total}`;
  const message = `${who} bytes of stack; a BPF program has ${STACK}`;
  return [{ code: 'stack-too-large', start: local.start, end: local.start + local.name.length, message, fixes: [] }];
}

/** Arrays and structs lie in memory; numbers and pointers may be kept in registers. */
function isMemory({ type }: CLocal): boolean {
  return type.dims.length > 0 || (type.pointers === 0 && !type.callable);
}

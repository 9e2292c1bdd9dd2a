/** What the code says of a record's fields: which hold a kernel clock, a user or group, or the number of a stack. */
import type { RecordField } from '../model/index.ts';
import type { Mark, Origin } from './flowState.ts';
import type { MapDefinition } from './maps.ts';
import type { RecordCall } from './recordCalls.ts';

/** Gives fields the meaning of the numbers that the calls store there; of names that say otherwise it knows better. */
export function applyMarks(
  fields: readonly RecordField[],
  calls: readonly RecordCall[],
  maps: readonly MapDefinition[],
): void {
  const stackMaps = maps.filter((map) => map.type === 'stack_trace');
  for (const field of integersOf(fields)) {
    const origins = calls.flatMap((call) => originAt(call.marks, field) ?? []);
    if (origins.length > 0 && origins.every((o) => sameOrigin(o, origins[0]!))) applyOrigin(field, origins[0]!, maps);
    // A name that speaks of a stack, without the call that made it: there is but one map that it can be in.
    if (field.format === 'stack' && field.map === undefined && stackMaps.length === 1) field.map = stackMaps[0]!.name;
  }
}

function integersOf(fields: readonly RecordField[]): RecordField[] {
  return fields.flatMap((field) => {
    if (field.kind === 'struct' || field.kind === 'union') return integersOf(field.fields ?? []);
    return (field.kind === 'int' || field.kind === 'uint') && field.bits === 0 ? [field] : [];
  });
}

function originAt(marks: ReadonlyMap<number, Mark>, field: RecordField): Origin | null {
  const mark = marks.get(field.offset);
  return mark && mark.size >= field.size ? mark.origin : null;
}

function sameOrigin(a: Origin, b: Origin): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function applyOrigin(field: RecordField, origin: Origin, maps: readonly MapDefinition[]): void {
  switch (origin.kind) {
    case 'clock':
      if (field.size === 8) field.format = 'ktime';
      break;
    case 'ids':
      // Both in one number have no name; its lower half alone is the user.
      if (origin.part === 'both' && field.size > 4) break;
      field.format = origin.part === 'group' ? 'gid' : 'uid';
      break;
    case 'stackId':
      field.format = 'stack';
      field.map = maps[origin.map]!.name;
      if (origin.user) field.userStack = true;
      break;
  }
}

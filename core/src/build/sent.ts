/** What is sent to a host of an object that was built or read here. */
import { withoutRingTypes } from '../bpf/index.ts';
import { stripDwarf } from './strip.ts';

/** Without DWARF, and with rings that every kernel creates. Errors: `not-elf`, `not-bpf`, `object-malformed`. */
export function sentObject(full: Uint8Array): Uint8Array {
  return withoutRingTypes(stripDwarf(full));
}

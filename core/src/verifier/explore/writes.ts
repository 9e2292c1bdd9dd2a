/** What an instruction reads and writes, and which step of a path wrote a register or stack slot last. */
import { definition, memoryAccess } from '../explain/path.ts';
import type { VerifierLog } from '../log/index.ts';
import type { Stretches } from './paths.ts';

export interface Effects {
  reads: string[];
  writes: string[];
}

const isSubprogramCall = (text: string): boolean =>
  /^\(85\) call (?:pc|0x|[\w.]+\[\d)/.test(text) || text.startsWith('(85) call pc');

/** By an instruction's text: "(7b) *(u64 *)(r10 -8) = r1" reads r1 and writes fp-8. */
export function effectsOf(text: string): Effects {
  const body = text.replace(/^\([0-9a-f]{2}\) /, '');
  if (text.startsWith('(85)')) return { reads: [], writes: isSubprogramCall(text) ? [] : ['r0'] };
  if (text.startsWith('(95)')) return { reads: ['r0'], writes: [] };
  const writes = new Set<string>();
  const reads = new Set<string>();
  const defined = definition(text);
  const access = memoryAccess(text);
  if (defined) writes.add(`r${defined.register}`);
  if (access?.write) {
    if (access.base === 10) for (const slot of slotsOf(access.offset, access.size)) writes.add(slot);
    else reads.add(`r${access.base}`);
  }
  // "r1 += r2" and "lock *(u64 *)(r1 +0) += r2" read what they write; "r1 = r2" does not.
  const assigned = /^[rw]\d+ = (.*)$/.exec(body)?.[1] ?? (access?.write ? body.slice(body.lastIndexOf(')') + 1) : body);
  for (const [, register] of assigned.matchAll(/\b[rw](\d+)\b/g)) reads.add(`r${register!}`);
  if (access && !access.write && access.base === 10)
    for (const slot of slotsOf(access.offset, access.size)) reads.add(slot);
  return { reads: [...reads], writes: [...writes] };
}

/** The slots of eight bytes that some bytes of the stack lie in, as the log names them. */
function slotsOf(offset: number, size: number): string[] {
  const slots: string[] = [];
  for (let at = Math.floor(offset / 8) * 8; at < offset + size && slots.length < 8; at += 8) slots.push(`fp${at}`);
  return slots;
}

export interface SetBy {
  /** -1 when no step of the path is known to have written it. */
  step: number;
  why: string;
}

/** The step that wrote a register ("r0") or a stack slot ("fp-8") last before a step, on its own path. */
export function setBefore(log: VerifierLog, stretches: Stretches, step: number, what: string): SetBy {
  const register = /^r(\d+)$/.exec(what)?.[1];
  const number = register === undefined ? -1 : Number(register);
  if (number === 10) return { step: -1, why: 'r10 is the frame pointer: nothing sets it.' };
  // Functions that were called and have returned on the way back.
  let depth = 0;
  let after = step;
  for (let at = stretches.previous(step); at >= 0; after = at, at = stretches.previous(at)) {
    const text = log.stepText(at);
    const left = text.startsWith('(95)');
    if (left) {
      // r0 comes from the function that returns: it is looked for there.
      if (depth > 0 || number !== 0) depth++;
      continue;
    }
    const called = text.startsWith('(85)');
    const entered = called && log.stepInsn(after) !== log.stepInsn(at) + 1;
    if (entered && depth > 0) {
      depth--;
      if (depth > 0 || number < 1 || number > 5) continue;
      return { step: at, why: `The call leaves nothing usable in r${number}.` };
    }
    if (depth > 0) continue;
    if (entered) {
      if (number >= 1 && number <= 5) continue; // an argument: its caller has set it
      return { step: at, why: `The function that begins here has not set ${what}.` };
    }
    if (called) {
      if (number === 0) return { step: at, why: '' };
      if (number >= 1 && number <= 5) return { step: at, why: `The call leaves nothing usable in r${number}.` };
      continue;
    }
    if (effectsOf(text).writes.includes(what)) return { step: at, why: '' };
  }
  if (number === 1) return { step: -1, why: 'r1 is the context that the kernel passes to the program.' };
  return { step: -1, why: `No instruction of this path before here sets ${what}.` };
}

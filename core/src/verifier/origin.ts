/** Where a value came from. */
import { parseRegister, pathTo, splitInsnLine, readState, stateAtEnd, type VerifierLog } from './log/index.ts';

/** The instruction that made the possibly-null pointer that a register holds at the end of the log. */
export function nullableOrigin(log: VerifierLog, register: number): number | null {
  const held = stateAtEnd(log).frames.at(-1)?.register(register);
  if (!held?.nullable) return null;
  for (const step of pathTo(log, log.stepCount - 1)) {
    const { after } = splitInsnLine(log.line(log.stepLine(step)));
    if (!after.includes('_or_null')) continue;
    for (const [, text] of readState(after).registers)
      if (text.includes('or_null') && parseRegister(text).id === held.id) return log.stepInsn(step);
  }
  return null;
}

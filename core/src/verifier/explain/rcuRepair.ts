/** Pointers that are only good under the RCU read lock: the lock taken around the read and the use. */
import type { TextEdit } from '../../model/index.ts';
import { insertAbove, insertBelow, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import { functionAround } from './functionText.ts';
import type { Place } from './program.ts';

const LOCK = 'bpf_rcu_read_lock';
const UNLOCK = 'bpf_rcu_read_unlock';

/** `made` is where the pointer is read, in the same function as the use. */
export function lockAround(failure: Failure, made: Place | null): Fix | null {
  const here = failure.place;
  const file = failure.program.file(here);
  const around = file && functionAround(file, here.line);
  if (!file || !around) return null;
  const from = made?.file === here.file && made.line >= around.head && made.line <= here.line ? made.line : here.line;
  const first = file.statementStart(from);
  const last = file.statementEnd(here.line);
  for (let line = first; line <= last; line++) {
    // A way out in between would leave the lock taken.
    if (/\b(?:return|goto|break|continue)\b|bpf_rcu_read_/.test(file.line(line))) return null;
  }
  if (file.isBareBody(first) || !/;\s*(?:\/[/*].*)?$/.test(file.line(last))) return null;
  const declared = (name: string): boolean => file.lines.some((l) => new RegExp(`\\b${name}\\s*\\(void\\)`).test(l));
  const externs = [LOCK, UNLOCK].filter((name) => !declared(name)).map((name) => `extern void ${name}(void) __ksym;`);
  const edits: TextEdit[] = externs.length > 0 ? [insertAbove(file, around.first, [...externs, ''])] : [];
  edits.push(insertAbove(file, first, [`${LOCK}();`]), insertBelow(file, last, [`${UNLOCK}();`], first));
  return { title: `Hold the RCU read lock from the read to the use`, edits };
}

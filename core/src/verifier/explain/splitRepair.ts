/** A function that is followed again and again made a global one, which the verifier walks once, by itself. */
import { replaceIn, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import { definitionOf } from './functionText.ts';

const number =
  /^(?:const\s+)?(?:(?:unsigned|signed)(?:\s+(?:int|long|char|short))?|int|long|char|short|bool|size_t|_*[us](?:8|16|32|64))$/;

/** Only numbers: what a pointer points to is not known in a global function. */
function takesNumbersOnly(params: string): boolean {
  if (params === '' || params === 'void') return true;
  return params.split(',').every((p) => number.test(p.trim().replace(/\s*\b\w+$/, '')));
}

/** For the function, of those that were open at the failure, that may be one: the outermost. */
export function makeGlobal(failure: Failure): Fix | null {
  const { program, path } = failure;
  if (failure.at < 0) return null;
  const file = program.file(program.ofProgram()) ?? program.file(failure.place);
  if (!file) return null;
  const insns = [failure.at, ...path.callers(failure.at)].map((at) => path.insn(at));
  const own = program.source?.program ?? '';
  const open = insns.flatMap((insn) => program.scopes(insn).map((scope) => scope.function)).filter((f) => f !== own);
  for (const name of open.reverse()) {
    const found = definitionOf(file, name);
    if (!found || !/\b(?:static|inline|__always_inline)\b/.test(found.before)) continue;
    const type = found.before.replace(/\b(?:static|inline|__always_inline|__noinline)\b/g, '').trim();
    if (!number.test(type.replace(/\s+/g, ' ')) || !takesNumbersOnly(found.params)) continue;
    const text = file.line(found.line);
    const head = `__noinline ${type.replace(/\s+/g, ' ')} `;
    return {
      title: `Make ${name}() a global function, which is verified once, by itself`,
      edits: [replaceIn(file, found.line, 1, found.before.length + 1, head)].filter(() => text !== ''),
    };
  }
  return null;
}

/** The size that a helper is given: what it may be, what room there is, and how to bound it. */
import { checkedAt, isSigned, lastCheck } from './checks.ts';
import { guardAbove, insertAbove, replaceIn, tab, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import { memoryWords } from './memory.ts';
import type { Place } from './program.ts';
import { cause, type Explanation } from './rule.ts';
import { argumentsOf } from './sourceText.ts';
import { bytes, capitalize, rangeWords } from './words.ts';

/** null where nothing is called. */
export function size(failure: Failure, match: RegExpExecArray): Explanation | null {
  if (failure.at < 0) return null;
  const register = Number(/\bR(\d+)/.exec(match.input)?.[1] ?? NaN);
  const called = failure.called();
  if (!called) return null;
  const sizeRegister = /min value is negative|unbounded (?:memory|size)|zero-sized/.test(match.input)
    ? register
    : register + 1;
  const named = failure.name(failure.at, sizeRegister);
  const state = failure.register(sizeRegister);
  const place = failure.place;
  const args = argumentsOf(place.text, called);
  const expression = args?.[sizeRegister - 1] ?? named.expression;
  const subject = expression ? `\`${expression}\`` : capitalize(named.text);
  const buffer = failure.register(sizeRegister - 1);
  const { what, size: room } = buffer
    ? memoryWords(failure, buffer, sizeRegister - 1)
    : { what: 'the buffer', size: null };
  const check = lastCheck(failure, named);
  const range = rangeWords(state);
  const roomWords = room === null ? '' : `, but ${what} has ${bytes(room)}`;
  return {
    message: `${subject}, the size given to ${called}(), ${range}${roomWords}. Bound it on both sides before the call.`,
    causes: [
      named.origin.source.kind === 'unknown' ? null : cause(named.place, `${subject} comes from here.`),
      check === null ? null : cause(checkedAt(failure, check, expression), 'This check does not bound it enough.'),
    ],
    fixes: [sizeFix(failure, place, expression, args?.[sizeRegister - 2] ?? '', room)],
  };
}

function sizeFix(failure: Failure, place: Place, expression: string, buffer: string, room: number | null): Fix | null {
  if (!/^[A-Za-z_]\w*$/.test(expression)) return null;
  const array = /^&?\w+$/.test(buffer) ? buffer.replace(/^&/, '') : '';
  const variable = array && failure.insn !== null ? failure.program.visible(array, failure.insn) : null;
  const isArray = variable !== null && failure.program.elements(variable.type) !== null;
  const limit = isArray ? `sizeof(${array})` : room !== null ? String(room) : '';
  if (limit === '') return null;
  if (isSigned(failure, expression)) return makeUnsigned(failure, place, expression, limit);
  return clamp(failure, place, expression, limit);
}

/** Signed sizes are compared in one register and used, widened, in another: clang's code loses the lower bound. */
function makeUnsigned(failure: Failure, place: Place, name: string, limit: string): Fix | null {
  const variable = failure.insn === null ? null : failure.program.visible(name, failure.insn);
  const file = failure.program.file(place);
  const text = file && variable ? file.line(variable.line) : '';
  const declared = new RegExp(`\\b(?:int|long long|long|short|__s64|__s32|s64|s32)(?=\\s+${name}\\s*[=;])`).exec(text);
  const guard = guardAbove(failure, place, `${name} > ${limit}`);
  if (!file || !variable || !declared || !guard) return null;
  const edit = replaceIn(
    file,
    variable.line,
    declared.index + 1,
    declared.index + 1 + declared[0].length,
    'unsigned long',
  );
  return { title: `Make \`${name}\` unsigned, and leave when it is more than ${limit}`, edits: [edit, ...guard.edits] };
}

function clamp(failure: Failure, place: Place, name: string, limit: string): Fix | null {
  const file = failure.program.file(place);
  if (!file) return null;
  const line = file.statementStart(place.line);
  if (file.isBareBody(line)) return null;
  return {
    title: `Add \`if (${name} > ${limit}) ${name} = ${limit}\``,
    edits: [insertAbove(file, line, [`if (${name} > ${limit})`, `${tab(file)}${name} = ${limit};`])],
  };
}

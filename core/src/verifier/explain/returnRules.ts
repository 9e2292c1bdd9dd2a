/** What programs and callbacks return. */
import { replaceIn, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import type { Place } from './program.ts';
import { cause, programWords, type Explanation, type Rule } from './rule.ts';
import type { SourceFile } from './sourceText.ts';
import { capitalize, list, rangeWords } from './words.ts';

function returned(failure: Failure, match: RegExpExecArray): Explanation | null {
  const numbers = allowedRange(match.input);
  const state = failure.register(0);
  const callback = /callback/.test(match.input);
  const who = callback ? `a callback must return` : `${programWords(failure)} must return`;
  const allowed = numbers ? between(...numbers) : 'one of the values that its type allows';
  const place = failure.place;
  const origin = failure.at < 0 ? null : failure.name(failure.at, 0);
  const made = origin?.origin.source.kind;
  const from = (made === 'call' || made === 'load' || made === 'constant' ? origin?.place : null) ?? place;
  const file = failure.program.file(from);
  const returning = file ? returnLine(file, from) : null;
  const at = returning ?? (/\breturn\b/.test(place.text) ? place : from);
  const what = /\breturn\s+([^;]+);/.exec(at.text || place.text)?.[1];
  const low = numbers ? Math.max(0, numbers[0]) : 0;
  const constant = state?.constant ?? null;
  return {
    message:
      constant !== null
        ? `${capitalize(who)} ${allowed}, and this returns ${constant}.`
        : `${what ? `\`${what}\`` : 'The value returned'} ${rangeWords(state)}, but ${who} ${allowed}.`,
    causes: [from.line !== at.line && constant === null ? cause(from, 'The value comes from here.') : null],
    fixes: file && what && /\breturn\s+[^;]+;/.test(file.line(at.line)) ? [returnFix(file, at.line, low)] : [],
    place: at,
  };
}

/** "should have been in [0, 3]", or before 6.8 in known bits: "(0x0; 0x3)". */
function allowedRange(message: string): [low: number, high: number] | null {
  const range = /should have been in \[(-?\d+), (-?\d+)\]/.exec(message);
  if (range) return [Number(range[1]), Number(range[2])];
  const bits = /should have been in \((0x[0-9a-f]+); (0x[0-9a-f]+)\)/.exec(message);
  if (!bits) return null;
  const [value, mask] = [BigInt(bits[1]!), BigInt(bits[2]!)];
  // Only known bits at the top and unknown ones below them are a range.
  return (mask & (mask + 1n)) === 0n && (value & mask) === 0n ? [Number(value), Number(value | mask)] : null;
}

function returnLine(file: SourceFile, from: Place): Place | null {
  for (let line = from.line; line <= from.line + 1; line++) {
    const found = /\breturn\b/.exec(file.line(line));
    if (found)
      return {
        ...from,
        line,
        column: found.index + 1,
        endColumn: file.line(line).trimEnd().length + 1,
        text: file.line(line),
      };
  }
  return null;
}

function returnFix(file: SourceFile, line: number, value: number): Fix | null {
  const found = /\breturn\s+([^;]+);/.exec(file.line(line));
  if (!found) return null;
  const from = found.index + found[0].indexOf(found[1]!) + 1;
  return { title: `Return ${value}`, edits: [replaceIn(file, line, from, from + found[1]!.length, String(value))] };
}

function between(low: number, high: number): string {
  if (low === high) return String(low);
  return high - low < 5
    ? list(Array.from({ length: high - low + 1 }, (_, i) => String(low + i)))
    : `a value from ${low} to ${high}`;
}

export const returnRules: readonly Rule[] = [
  {
    id: 'invalid-callback-return',
    title: 'Callback returns what it may not',
    pattern: /At (?:callback|async callback) (?:return|the register)? ?.*R0/,
    about: 'Callbacks return 0 to go on and 1 to stop; timer and work callbacks return 0.',
    explain: returned,
  },
  {
    id: 'invalid-return',
    title: 'Return value not allowed',
    pattern:
      /At (?:program|subprogram) exit the register R0|should have been in|return value.*invalid|At exit the register R0/,
    about: 'Programs of this type may return certain values only; return one of those on every path.',
    explain: returned,
  },
];

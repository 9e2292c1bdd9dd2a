/** Comparisons on the path that should bound a value, and what is known of it where it was made. */
import type { RegisterState } from '../log/index.ts';
import type { Failure, Named } from './failure.ts';
import { sum } from './memory.ts';
import type { Place } from './program.ts';

/** A conditional jump on the path that looked at a value of the same origin. */
export function lastCheck(failure: Failure, named: Named): number | null {
  const made = named.origin.source.at;
  for (let at = failure.at - 1, seen = 0; at > made && seen < 2000; at--, seen++) {
    const match = /^\([0-9a-f]{2}\) if [rw](\d+) (\S+) /.exec(failure.path.text(at));
    if (!match || /^(?:==|!=)$/.test(match[2]!)) continue;
    const other = failure.path.origin(at, Number(match[1])).source;
    if (other.at === made && other.kind === named.origin.source.kind) return at;
  }
  return null;
}

/** Where the source checks it: compilers merge conditions, and leave the line of the first. */
export function checkedAt(failure: Failure, at: number, name: string): Place | null {
  const place = failure.placeAt(at);
  const mentions = /^\w+$/.test(name) ? new RegExp(`\\b${name}\\b`) : null;
  if (!mentions || mentions.test(place.text)) return place;
  const file = failure.program.file(place);
  for (let line = place.line + 1; file && line <= place.line + 6; line++) {
    const text = file.line(line);
    if (/\bif\s*\(/.test(text) && mentions.test(text))
      return { ...place, line, column: file.indent(line).length + 1, text };
  }
  return null;
}

/** A check of a copy that was cast or masked: it bounds the copy, not the value that is used. */
export function copyChecked(failure: Failure): { at: number; named: Named } | null {
  const parts = sum(failure);
  if (!parts) return null;
  const named = failure.name(failure.at, parts.index);
  const { source } = named.origin;
  if (source.kind !== 'load' && source.kind !== 'call') return null;
  for (let at = failure.at - 1, seen = 0; at > source.at && seen < 2000; at--, seen++) {
    const match = /^\([0-9a-f]{2}\) if ([rw])(\d+) /.exec(failure.path.text(at));
    const other = match && failure.path.origin(at, Number(match[2]));
    if (!other || other.source.kind !== source.kind || other.source.at !== source.at) continue;
    return other.derived || match[1] === 'w' ? { at, named } : null;
  }
  return null;
}

/** The value as it was before it was scaled to bytes. */
export function stateWhere(failure: Failure, named: Named): RegisterState | null {
  for (const hop of named.origin.through) {
    const variable = failure.program.variableIn(hop.register, failure.path.insn(hop.at));
    if (variable && hop.at > 0) return failure.registerAt(hop.at, hop.register);
  }
  const last = named.origin.through.at(-1);
  return last && last.at > 0 ? failure.registerAt(last.at, last.register) : null;
}

export function isSigned(failure: Failure, name: string): boolean {
  const variable = failure.insn === null ? null : failure.program.visible(name, failure.insn);
  return (
    variable !== null &&
    /^(?:int|long|short|s64|s32|__s64|__s32|long long|signed|ssize_t)\b/.test(failure.program.typeName(variable.type))
  );
}

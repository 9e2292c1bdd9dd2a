/** The explorer's words and figures. */
import type { Comparison, ExplorationInfo, SourceView, StateView } from '@ringside/core/model';
import { count } from '../shared/format.ts';

/** "1,310 of 1,000,000 instructions" and their share, as far as the log says. */
export function complexityWords({ processed, limit, steps, paths }: ExplorationInfo): string {
  const cost =
    processed === null
      ? `${count(steps)} instructions in the log`
      : `complexity ${count(processed)}${limit === null ? '' : ` / ${count(limit)}`}`;
  return paths === 0 ? cost : `${cost} · ${count(paths)} ${paths === 1 ? 'path' : 'paths'}`;
}

/** Why the log has less than the verifier did; "" when it has all of it. */
export function missingWords({ steps, processed, reason }: ExplorationInfo): string {
  if (processed === null || steps >= processed) return '';
  if (steps === 0) return 'The kernel keeps no path of what it accepts: the log has figures only.';
  const part = `${count(steps)} of ${count(processed)} instructions`;
  return reason === null ? `The log has ${part}.` : `The log has the path to the rejection: ${part}.`;
}

/** Lines with the most instructions are the hottest; colours follow the order of magnitude of their share. */
export function heatLevels(heat: SourceView['heat']): { line: number; level: number; words: string }[] {
  const most = heat.reduce((max, { steps }) => Math.max(max, steps), 0);
  return heat.map(({ line, steps, branches }) => {
    const share = steps / Math.max(1, most);
    const level = share > 0.5 ? 4 : share > 0.15 ? 3 : share > 0.03 ? 2 : 1;
    return {
      line,
      level,
      words: `${count(steps)} ${steps === 1 ? 'insn' : 'insns'}${branches > 0 ? ` · ${count(branches)} ${branches === 1 ? 'branch' : 'branches'}` : ''}`,
    };
  });
}

/** "visit 1 of 3 of line 42" */
export function visitWords({ visit, line }: Pick<StateView, 'visit' | 'line'>): string {
  return visit === null || line === 0 ? '' : `line ${line}, visit ${count(visit.k)} of ${count(visit.n)}`;
}

export function comparisonWords(found: Comparison, title: string): string {
  const cut = found.cut ? ' (only the beginning was compared)' : '';
  if (found.firstInsn < 0 && found.firstState < 0) return `The same path and the same values as ${title}${cut}.`;
  const parts: string[] = [];
  if (found.firstState >= 0)
    parts.push(`values differ from row ${count(found.firstState + 1)} on: ${found.registers.slice(0, 4).join(', ')}`);
  if (found.firstInsn >= 0) parts.push(`instructions differ from row ${count(found.firstInsn + 1)} on`);
  return `Compared with ${title}: ${parts.join('; ')}${cut}.`;
}

/** Parts of instruction text with the names that the state column has, so that they can be marked. */
export function splitRegisters(text: string): { text: string; register: string }[] {
  const parts: { text: string; register: string }[] = [];
  let from = 0;
  for (const match of text.matchAll(/\b[rw](\d{1,2})\b/g)) {
    if (match.index > from) parts.push({ text: text.slice(from, match.index), register: '' });
    parts.push({ text: match[0], register: `r${match[1]!}` });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), register: '' });
  return parts;
}

/** "(7b) *(u64 *)(r0 +0) = r1" without the opcode. */
export const withoutCode = (text: string): string => text.replace(/^\([0-9a-f]{2}\) /, '');

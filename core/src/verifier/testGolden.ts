/** For tests: a verdict as its golden file has it, and the set of rejected programs (test/fixtures/rejected). */
import { join } from 'node:path';
import type { ProgramVerdict, TextEdit } from '../model/index.ts';

export const rejectedFolder = join(import.meta.dirname, '../../../test/fixtures/rejected');

/** What a golden file holds: what a person reads, and where it is shown. `folder` is cut off file names. */
export function goldenText(verdict: ProgramVerdict, folder = '.'): string {
  const file = (name: string) => name.replace(`${folder}/`, '').replace(/^\.\//, '');
  const { reason } = verdict;
  const golden = reason && {
    category: reason.category,
    title: reason.title,
    place: `${file(reason.file)}:${reason.line}:${reason.column}`,
    message: reason.message,
    cause: reason.cause.map((c) => `${file(c.file)}:${c.line}:${c.column}: ${c.message}`),
    ...(reason.kernelReport && {
      kernel: {
        ...reason.kernelReport,
        suggestion: reason.kernelSuggestion,
        text: reason.kernelReport.text.split('\n'),
      },
    }),
    frames: reason.frames?.map((f) => `${f.function} ${file(f.file)}:${f.line}`),
    fixes: reason.fixes.map((f) => ({
      title: f.title,
      edits: f.edits.map(
        (e) => `${file(e.file)}:${e.startLine}:${e.startColumn}-${e.endLine}:${e.endColumn} ${e.text}`,
      ),
    })),
  };
  return `${JSON.stringify({ verdict: verdict.verdict, ...golden }, null, 2)}\n`;
}

/** A text with edits applied, as an editor does it: all places are of the text before. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  const offset = (line: number, column: number) => (starts[line - 1] ?? text.length) + column - 1;
  const ordered = edits
    .map((e, order) => ({
      from: offset(e.startLine, e.startColumn),
      to: offset(e.endLine, e.endColumn),
      text: e.text,
      order,
    }))
    .sort((a, b) => b.from - a.from || b.order - a.order);
  for (const e of ordered) text = text.slice(0, e.from) + e.text + text.slice(e.to);
  return text;
}

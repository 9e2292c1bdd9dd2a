/** Pointers into the packet made again after a call that moved it. */
import { insertBelow, returnStatement, tab, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import { functionAround, wholeStatementEnd } from './functionText.ts';
import type { Place } from './program.ts';
import type { SourceFile } from './sourceText.ts';
import { list } from './words.ts';

/** So many pointers that are made from one another are followed. */
const MOST_POINTERS = 6;

/** What a variable was set to above a line, the last time; null when that is not one plain statement. */
function assignment(file: SourceFile, from: number, to: number, name: string): { line: number; value: string } | null {
  const set = new RegExp(`(?:^|[\\s*])${name}\\s*=(?!=)\\s*([^;=]+);\\s*(?:/[/*].*)?$`);
  for (let line = to; line >= from; line--) {
    const value = set.exec(file.line(line))?.[1]?.trim();
    if (value !== undefined) return { line, value };
  }
  return null;
}

/** The pointer and those that it was made from, each with its value, in the order in which they were made. */
function chain(file: SourceFile, from: number, to: number, pointer: string): { name: string; value: string }[] | null {
  const found = new Map<string, { name: string; value: string; line: number }>();
  const follow = (name: string): boolean => {
    if (found.has(name)) return true;
    const set = assignment(file, from, to, name);
    if (!set || found.size === MOST_POINTERS) return false;
    found.set(name, { name, ...set });
    if (/->\s*data(?:_end|_meta)?\b/.test(set.value)) return true;
    return (set.value.match(/[A-Za-z_]\w*/g) ?? []).some((word) => {
      return word !== name && assignment(file, from, set.line - 1, word) !== null && follow(word);
    });
  };
  return follow(pointer) ? [...found.values()].sort((a, b) => a.line - b.line) : null;
}

/** "data = …; data_end = …; eth = data; if ((void *)(eth + 1) > data_end) return XDP_PASS;" below the call. */
export function readAgain(failure: Failure, moved: Place, called: string, pointer: string): Fix | null {
  const here = failure.place;
  const file = failure.program.file(moved);
  const around = file && functionAround(file, moved.line);
  if (!file || !around || here.file !== moved.file || !/^\w+$/.test(pointer)) return null;
  const end = wholeStatementEnd(file, moved.line);
  const bodyEnd = /^\s*if\b.*\)\s*$/.test(file.line(moved.line)) ? wholeStatementEnd(file, moved.line + 1) : end;
  if (bodyEnd >= here.line || here.line > around.last || file.isBareBody(moved.line)) return null;
  const pointers = chain(file, around.head, moved.line - 1, pointer);
  if (!pointers) return null;
  const names = new Set(pointers.map((p) => p.name));
  const checks: string[] = [];
  const ends: { name: string; value: string }[] = [];
  for (let line = around.head; line < moved.line; line++) {
    const condition = /^\s*if\s*\((.*data_end.*|.*\bend\b.*)\)\s*\{?\s*$/.exec(file.line(line))?.[1];
    const words = condition?.match(/[A-Za-z_]\w*/g) ?? [];
    if (condition === undefined || !words.some((w) => names.has(w))) continue;
    checks.push(condition);
    for (const word of words) {
      const set =
        names.has(word) || ends.some((e) => e.name === word) ? null : assignment(file, around.head, line, word);
      if (set && /->\s*data_end\b/.test(set.value)) ends.push({ name: word, value: set.value });
    }
  }
  if (checks.length === 0) return null;
  const leave = `${tab(file)}${returnStatement(failure, file, moved.line)}`;
  const lines = [
    ...[...pointers.slice(0, 1), ...ends, ...pointers.slice(1)].map((p) => `${p.name} = ${p.value};`),
    ...checks.flatMap((condition) => [`if (${condition})`, leave]),
  ];
  const again = [pointers[0]!, ...ends, ...pointers.slice(1)].map((p) => `\`${p.name}\``);
  return {
    title: `Read ${list(again, 'and')} again after ${called}(), and check the length again`,
    edits: [insertBelow(file, bodyEnd, lines, moved.line)],
  };
}

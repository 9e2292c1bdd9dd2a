/** Edits of the source that repair what was rejected; each null where the source does not allow it safely. */
import type { TextEdit, VerdictReason } from '../../model/index.ts';
import type { Failure } from './failure.ts';
import type { Place } from './program.ts';
import type { SourceFile } from './sourceText.ts';

export type Fix = VerdictReason['fixes'][number];

/** What a program returns to let things go on as if it were not there. */
export function neutralReturn(failure: Failure): string {
  const section = failure.program.source?.section ?? '';
  if (/^xdp/.test(section)) return 'XDP_PASS';
  if (/^(?:cgroup|sk_skb|sk_msg|sk_lookup|flow_dissector|netfilter)/.test(section)) return '1';
  return '0';
}

/** The return statement that fits the function around a line. */
export function returnStatement(failure: Failure, file: SourceFile, line: number): string {
  for (let at = line; at > 0; at--) {
    const text = file.line(at);
    if (/^\S.*\)\s*\{?\s*$/.test(text) && !/^(?:SEC|struct|union|enum)\b/.test(text)) {
      if (/\bvoid\s+\w+\s*\(/.test(text)) return 'return;';
      const own = new RegExp(`\\b${failure.program.source?.program ?? ' '}\\s*\\(|BPF_\\w+\\(`).test(text);
      return own ? `return ${neutralReturn(failure)};` : 'return 0;';
    }
  }
  return `return ${neutralReturn(failure)};`;
}

/** New lines above a line, with its indentation. */
export function insertAbove(file: SourceFile, line: number, lines: readonly string[]): TextEdit {
  const indent = file.indent(line);
  const text = lines.map((l) => `${indent}${l}\n`).join('');
  return { file: file.file, ...{ startLine: line, startColumn: 1, endLine: line, endColumn: 1 }, text };
}

/** New lines below a line, with the indentation of another. */
export function insertBelow(file: SourceFile, line: number, lines: readonly string[], like = line): TextEdit {
  const indent = file.indent(like);
  const end = file.line(line).length + 1;
  const text = lines.map((l) => `\n${indent}${l}`).join('');
  return { file: file.file, ...{ startLine: line, startColumn: end, endLine: line, endColumn: end }, text };
}

/** A line taken out, with its end. */
export function removeLine(file: SourceFile, line: number): TextEdit {
  return { file: file.file, ...{ startLine: line, startColumn: 1, endLine: line + 1, endColumn: 1 }, text: '' };
}

/** Text of one line replaced, columns from 1, the end exclusive. */
export function replaceIn(file: SourceFile, line: number, from: number, to: number, text: string): TextEdit {
  return { file: file.file, ...{ startLine: line, startColumn: from, endLine: line, endColumn: to }, text };
}

export const tab = (file: SourceFile): string =>
  file.lines.some((l) => l.startsWith('\t')) ? '\t' : (/^( {2,8})\S/m.exec(file.lines.join('\n'))?.[1] ?? '    ');

/** "if (!e) return 0;" below the statement that made the pointer. */
export function nullCheck(failure: Failure, name: string, made: Place): Fix | null {
  const file = failure.program.file(made);
  if (!file || !/^[A-Za-z_]\w*$/.test(name)) return null;
  const end = file.statementEnd(made.line);
  if (!/;\s*(?:\/[/*].*)?$/.test(file.line(end)) || /^\s*(?:if|while|for|return)\b/.test(file.line(made.line)))
    return null;
  const lines = [`if (!${name})`, `${tab(file)}${returnStatement(failure, file, made.line)}`];
  return { title: `Add \`if (!${name}) ${lines[1]!.trim()}\``, edits: [insertBelow(file, end, lines, made.line)] };
}

/** A guard that leaves the function, above the statement at a place. */
export function guardAbove(failure: Failure, place: Place, condition: string): Fix | null {
  const file = failure.program.file(place);
  if (!file) return null;
  let line = file.statementStart(place.line);
  while (file.isBareBody(line)) line = file.statementStart(previousLine(file, line));
  const leave = returnStatement(failure, file, line);
  const title = `Add \`if (${condition}) ${leave}\``;
  // Above an else it would part it from its if.
  if (/^\s*(?:\}\s*)?else\b/.test(file.line(line))) return null;
  return { title, edits: [insertAbove(file, line, [`if (${condition})`, `${tab(file)}${leave}`])] };
}

/** A statement before every way out of the function at a place: a return, or the closing brace. */
export function beforeLeaving(failure: Failure, place: Place, statement: string, name = ''): Fix | null {
  const file = failure.program.file(place);
  if (!file) return null;
  let line = place.line;
  const title = `Add \`${statement}\` before it returns`;
  // A closing brace below a return is never reached.
  const above = previousLine(file, line);
  if (/^\}/.test(file.line(line)) && /^\s*return\b/.test(file.line(above)) && !file.isBareBody(above)) line = above;
  const text = file.line(line);
  const used = /^(\s*)return\s+(.+);\s*$/.exec(text);
  if (used && name !== '' && new RegExp(`\\b${name}\\b`).test(used[2]!)) {
    if (file.isBareBody(line)) return null;
    const lines = `${used[1]!}int result = ${used[2]!};\n${used[1]!}${statement}\n${used[1]!}return result;`;
    return { title, edits: [replaceIn(file, line, 1, text.length + 1, lines)] };
  }
  if (/^\s*return\b/.test(text)) {
    if (!file.isBareBody(line)) return { title, edits: [insertAbove(file, line, [statement])] };
    const end = file.statementEnd(line);
    const head = previousLine(file, line);
    const open = file.line(head).trimEnd().length + 1;
    return {
      title,
      edits: [
        replaceIn(file, head, open, file.line(head).length + 1, ' {'),
        insertAbove(file, line, [statement]),
        insertBelow(file, end, ['}'], head),
      ],
    };
  }
  const short = /^(\s*)(if\s*\(.*\))\s*(return\b[^;]*;)\s*$/.exec(text);
  if (short) {
    const [, indent, head, leave] = short;
    const inner = `${indent!}${tab(file)}`;
    const lines = `${indent!}${head!} {\n${inner}${statement}\n${inner}${leave!}\n${indent!}}`;
    return { title, edits: [replaceIn(file, line, 1, text.length + 1, lines)] };
  }
  if (/^\}/.test(text)) return { title, edits: [insertBelow(file, line - 1, [statement])] };
  return null;
}

function previousLine(file: SourceFile, line: number): number {
  let at = line - 1;
  while (at > 1 && file.line(at).trim() === '') at--;
  return at;
}

/** An include after the last one, unless the file has it. */
export function includeEdit(file: SourceFile, header: string): TextEdit[] {
  if (file.lines.some((l) => l.includes(header))) return [];
  const last = file.lines.findLastIndex((l) => /^\s*#\s*include\b/.test(l)) + 1;
  return last > 0 ? [insertBelow(file, last, [`#include <${header}>`])] : [];
}

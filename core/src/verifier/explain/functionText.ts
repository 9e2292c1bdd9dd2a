/** A function of the source as text: its head, where it begins with all that belongs to it, and where it ends. */
import type { SourceFile } from './sourceText.ts';

export interface FunctionText {
  /** Line of "int on_packet(struct xdp_md *ctx)". */
  head: number;
  /** First line: of SEC() or attributes above the head. */
  first: number;
  /** Line of the closing brace. */
  last: number;
}

const isHead = (text: string): boolean =>
  /^[A-Za-z_].*\)\s*\{?\s*$/.test(text) && !/^(?:SEC|struct|union|enum)\b[^()]*$|^SEC\b/.test(text);

/** The function around a line; null outside of one, or where it is not written as functions usually are. */
export function functionAround(file: SourceFile, line: number): FunctionText | null {
  let head = line;
  while (head > 0 && !isHead(file.line(head))) head--;
  if (head === 0) return null;
  let last = line;
  while (last <= file.lines.length && !file.line(last).startsWith('}')) last++;
  if (last > file.lines.length) return null;
  let first = head;
  while (first > 1 && /^(?:SEC\s*\(|__\w+|static\b[^;]*$)/.test(file.line(first - 1))) first--;
  return { head, first, last };
}

/** The definition of a function; null when the file has none on one line. */
export function definitionOf(file: SourceFile, name: string): { line: number; before: string; params: string } | null {
  const pattern = new RegExp(`^([A-Za-z_][\\w\\s*]*?)\\b${name}\\s*\\(([^()]*)\\)\\s*\\{?\\s*$`);
  for (let line = 1; line <= file.lines.length; line++) {
    const found = pattern.exec(file.line(line));
    if (found) return { line, before: found[1]!, params: found[2]!.trim() };
  }
  return null;
}

/** The last line of the statement at a line, its body included: of an if with what it does. */
export function wholeStatementEnd(file: SourceFile, line: number): number {
  const end = file.statementEnd(line);
  const text = file.line(end);
  if (/\{\s*(?:\/[/*].*)?$/.test(text)) {
    const indent = file.indent(line);
    for (let at = end + 1; at <= file.lines.length; at++)
      if (file.line(at).startsWith(`${indent}}`) && !/\belse\b/.test(file.line(at))) return at;
    return end;
  }
  return end;
}

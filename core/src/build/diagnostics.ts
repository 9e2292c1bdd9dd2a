/**
 * clang's diagnostics, read from its text output with `-fno-caret-diagnostics -fdiagnostics-print-source-range-info`:
 * the one machine-readable form that clang 14 to 22 and zig's clang all have (SARIF is "currently unstable", comes
 * only with clang 16 and lacks the warning's name).
 */
import { resolve } from 'node:path';
import type { Diagnostic, Severity } from '../model/index.ts';

/** Flags that make clang's output parseable here. */
export const diagnosticFlags = [
  '-fno-caret-diagnostics',
  '-fno-color-diagnostics',
  '-fdiagnostics-print-source-range-info',
  '-fdiagnostics-show-option',
  '-fno-diagnostics-show-note-include-stack',
  '-ferror-limit=100',
] as const;

/** The text of a file as clang saw it, or null when it cannot be had. */
export type ReadSource = (file: string) => string | null;

interface Range {
  startLine: number;
  startColumn: number;
  endLine: number;
  endColumn: number;
}

const located = /^(.+?):(\d+)(?::(\d+))?:((?:\{\d+:\d+-\d+:\d+\})*):? (fatal error|error|warning|note|remark): (.*)$/s;
const unlocated = /^(?:[^\s:]*clang[^\s:]*: )?(fatal error|error|warning): (.*)$/s;
const includedFrom = /^(?:In file included from|\s+from) (.+?):(\d+)(?::\d+)?[:,]$/;
const summary = /^\d+ (?:warning|error)s?(?: and \d+ errors?)? generated\.$/;
/** The back end adds this to errors whose place it does know. */
const placeless = /: note: could not determine the original source location for /;
const optionSuffix = / \[(-W[^\]\s]+|-f[^\]\s]+)\]$/;

/**
 * Parses clang's stderr. `mainFile` (absolute) takes what names no place of its own, and relative names are resolved
 * against `cwd`. `readSource` gives the text for end columns and for turning clang's byte columns into UTF-16 ones.
 */
export function parseDiagnostics(
  output: string,
  options: { mainFile: string; cwd: string; readSource: ReadSource },
): Diagnostic[] {
  const lines = new SourceLines(options.readSource);
  const diagnostics: Diagnostic[] = [];
  let chain: { file: string; line: number }[] = [];
  for (const line of output.split(/\r?\n/)) {
    const include = includedFrom.exec(line);
    if (include) {
      chain.push({ file: resolve(options.cwd, include[1]!), line: Number(include[2]) });
      continue;
    }
    if (placeless.test(line)) continue;
    const match = located.exec(line);
    if (match) {
      diagnostics.push(withIncludes(locatedDiagnostic(match, options, lines), chain));
      chain = [];
      continue;
    }
    const driver = unlocated.exec(line);
    if (driver) diagnostics.push(driverDiagnostic(driver[1]!, driver[2]!, options.mainFile));
    else continueMessage(diagnostics, line);
  }
  return diagnostics;
}

function withIncludes(diagnostic: Diagnostic, chain: { file: string; line: number }[]): Diagnostic {
  return chain.length === 0 ? diagnostic : { ...diagnostic, includedFrom: chain };
}

/** A message may hold line breaks (a static assertion's, inline assembly's): further lines belong to the last one. */
function continueMessage(diagnostics: Diagnostic[], line: string): void {
  const last = diagnostics.at(-1);
  if (!last || line.trim() === '' || summary.test(line)) return;
  if (last.message.length < 4000) last.message += `\n${line}`;
}

function locatedDiagnostic(
  match: RegExpExecArray,
  options: { mainFile: string; cwd: string },
  lines: SourceLines,
): Diagnostic {
  const [, name, lineText, columnText = '1', rangesText, kind, text] = match as unknown as (string | undefined)[];
  // "<unknown>:0:0" and "<inline asm>:1:2" come from the back end, which has no file.
  if (name!.startsWith('<')) return driverDiagnostic(kind!, text!, options.mainFile);
  const file = resolve(options.cwd, name!);
  const line = Math.max(1, Number(lineText));
  const byteColumn = Math.max(1, Number(columnText));
  const range = chooseRange(line, byteColumn, parseRanges(rangesText!));
  const { message, code } = splitOption(text!);
  const column = lines.column(file, line, byteColumn);
  const end = range
    ? { endLine: range.endLine, endColumn: lines.column(file, range.endLine, range.endColumn) }
    : { endLine: line, endColumn: lines.tokenEnd(file, line, column) };
  return { file, line, column, ...end, severity: severityOf(kind!), message, code, source: 'clang' };
}

function driverDiagnostic(kind: string, text: string, file: string): Diagnostic {
  const { message, code } = splitOption(text);
  const place = { file, line: 1, column: 1, endLine: 1, endColumn: 1 };
  return { ...place, severity: severityOf(kind), message, code, source: 'clang' };
}

function severityOf(kind: string): Severity {
  if (kind === 'fatal error' || kind === 'error') return 'error';
  return kind === 'warning' ? 'warning' : 'note';
}

/** Cuts the trailing "[-Wname]" off; "-Werror,-Wname" keeps the name only. */
function splitOption(text: string): { message: string; code: string } {
  const match = optionSuffix.exec(text);
  if (!match) return { message: text, code: '' };
  const names = match[1]!.split(',').filter((name) => name !== '-Werror');
  return { message: text.slice(0, match.index), code: names[0] ?? '-Werror' };
}

function parseRanges(text: string): Range[] {
  return [...text.matchAll(/\{(\d+):(\d+)-(\d+):(\d+)\}/g)].map(([, a, b, c, d]) => ({
    startLine: Number(a),
    startColumn: Number(b),
    endLine: Number(c),
    endColumn: Number(d),
  }));
}

/** The shortest range that begins exactly at the caret; others point at operands and would mark too much. */
function chooseRange(line: number, column: number, ranges: Range[]): Range | undefined {
  return ranges
    .filter((r) => r.startLine === line && r.startColumn === column)
    .filter((r) => r.endLine > line || r.endColumn > column)
    .sort((a, b) => a.endLine - b.endLine || a.endColumn - b.endColumn)[0];
}

/** Lines of the sources that diagnostics point into, split once per file. */
class SourceLines {
  private readonly files = new Map<string, string[]>();
  constructor(private readonly readSource: ReadSource) {}

  private line(file: string, line: number): string | undefined {
    let lines = this.files.get(file);
    if (!lines) {
      lines = this.readSource(file)?.split(/\r\n|\n|\r/) ?? [];
      this.files.set(file, lines);
    }
    return lines[line - 1];
  }

  /** clang counts bytes of UTF-8; editors count UTF-16 units. */
  column(file: string, line: number, byteColumn: number): number {
    const text = this.line(file, line);
    if (text === undefined || isAscii(text)) return byteColumn;
    const bytes = Buffer.from(text, 'utf8').subarray(0, byteColumn - 1);
    const beyond = byteColumn - 1 - bytes.length;
    return bytes.toString('utf8').length + 1 + beyond;
  }

  /** The column after the token at `column`: an identifier, number or string, else one character. */
  tokenEnd(file: string, line: number, column: number): number {
    const rest = this.line(file, line)?.slice(column - 1) ?? '';
    const token = /^(?:#\s*\w+|[\p{L}_$][\p{L}\p{N}_$]*|\d[\w.]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/u.exec(rest);
    return column + (token ? token[0].length : 1);
  }
}

function isAscii(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(text);
}

import { isAbsolute, resolve, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { Diagnostic, ProgramVerdict, Severity, VerdictReason } from '@ringside/core/model';
import { scanPrograms } from '../programScan.ts';
import { nearLimit } from '../../../panels/shared/verdict.ts';

const severities: Record<Severity, vscode.DiagnosticSeverity> = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  note: vscode.DiagnosticSeverity.Information,
};

/** Fixes that a verdict proposes, found again from the diagnostic that a code action is asked for. */
export const fixesOf = new WeakMap<vscode.Diagnostic, VerdictReason['fixes']>();

/** The program that a verifier's finding is about, for its explorer. */
export const programOf = new WeakMap<vscode.Diagnostic, string>();

/** Compiler and verifier findings, each in its own collection, so that one never clears the other. */
export class DiagnosticSets implements vscode.Disposable {
  readonly #compiler = vscode.languages.createDiagnosticCollection('ringside-clang');
  readonly #verifier = vscode.languages.createDiagnosticCollection('ringside-verifier');
  /** Files (headers too) that the last build of a source reported on: cleared by its next build. */
  readonly #reported = new Map<string, vscode.Uri[]>();

  readonly #subscription = vscode.languages.onDidChangeDiagnostics(({ uris }) => {
    for (const uri of uris) this.#dropTold(uri);
  });

  /** The language server checks open files with the same compiler: what it says too is not said twice. */
  #dropTold(uri: vscode.Uri): void {
    const ours = this.#compiler.get(uri) ?? [];
    if (ours.length === 0) return;
    const all = vscode.languages.getDiagnostics(uri);
    const count = (among: readonly vscode.Diagnostic[], one: vscode.Diagnostic): number =>
      among.filter((other) => other.message === one.message && other.range.start.line === one.range.start.line).length;
    const untold = ours.filter((diagnostic) => count(all, diagnostic) <= count(ours, diagnostic));
    if (untold.length < ours.length) this.#compiler.set(uri, untold);
  }

  setCompiler(source: vscode.Uri, diagnostics: Diagnostic[]): void {
    for (const uri of this.#reported.get(source.toString()) ?? []) this.#compiler.delete(uri);
    const byFile = new Map<string, vscode.Diagnostic[]>();
    let last: vscode.Diagnostic | undefined;
    for (const diagnostic of diagnostics) {
      // clang's notes explain the finding before them.
      if (diagnostic.severity === 'note' && last !== undefined) {
        last.relatedInformation = [...(last.relatedInformation ?? []), related(source, diagnostic, diagnostic.message)];
        continue;
      }
      last = compilerDiagnostic(diagnostic);
      const file = fileOf(source, diagnostic.file).toString();
      byFile.set(file, [...(byFile.get(file) ?? []), last]);
    }
    const uris = [...byFile.keys()].map((file) => vscode.Uri.parse(file));
    this.#reported.set(source.toString(), uris);
    for (const uri of uris) {
      this.#compiler.set(uri, byFile.get(uri.toString()) ?? []);
      this.#dropTold(uri);
    }
  }

  /** After an edit the compiler's word on the open file is the language server's business again. */
  clearCompiler(uri: vscode.Uri): void {
    this.#compiler.delete(uri);
  }

  setVerdicts(source: vscode.Uri, host: string, verdicts: ProgramVerdict[], log: vscode.Uri): void {
    const found = new Map<string, vscode.Diagnostic[]>();
    for (const verdict of verdicts) {
      const limit = nearLimit(verdict);
      if (limit !== null) {
        const file = source.toString();
        found.set(file, [...(found.get(file) ?? []), limitDiagnostic(source, host, verdict, limit)]);
      }
      if (verdict.verdict !== 'rejected' || verdict.reason === null) continue;
      const diagnostic = verifierDiagnostic(source, host, verdict, verdict.reason, log);
      const file = fileOf(source, verdict.reason.file).toString();
      found.set(file, [...(found.get(file) ?? []), diagnostic]);
    }
    this.#clearVerdicts(source);
    for (const [file, diagnostics] of found) this.#verifier.set(vscode.Uri.parse(file), diagnostics);
    this.#verdictFiles.set(source.toString(), [...found.keys()]);
  }

  readonly #verdictFiles = new Map<string, string[]>();

  #clearVerdicts(source: vscode.Uri): void {
    for (const file of this.#verdictFiles.get(source.toString()) ?? []) this.#verifier.delete(vscode.Uri.parse(file));
  }

  clear(source: vscode.Uri): void {
    this.setCompiler(source, []);
    this.#clearVerdicts(source);
    this.#verdictFiles.delete(source.toString());
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#compiler.dispose();
    this.#verifier.dispose();
  }
}

/** Compiler paths are absolute or relative to the source's folder; "" is the source itself. */
export function fileOf(source: vscode.Uri, file: string): vscode.Uri {
  if (file === '') return source;
  return vscode.Uri.file(isAbsolute(file) ? file : resolve(dirname(source.fsPath), file));
}

interface Place {
  file: string;
  line: number;
  column: number;
}

const position = (line: number, column: number): vscode.Position =>
  new vscode.Position(Math.max(0, line - 1), Math.max(0, column - 1));

/** The rest of the line from a place on: the verifier knows where, not how far. */
export function restOfLine(uri: vscode.Uri, place: Place): vscode.Range {
  const start = position(place.line, place.column);
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open === undefined || start.line >= open.lineCount) return new vscode.Range(start, start.translate(0, 1));
  const { text, firstNonWhitespaceCharacterIndex: indent } = open.lineAt(start.line);
  const from = Math.max(statementStart(text, start.character), indent);
  return new vscode.Range(start.line, from, start.line, Math.max(from + 1, text.trimEnd().length));
}

/** Line information of `*seen += 1` names its operator: what is assigned to belongs to what is marked. */
function statementStart(text: string, at: number): number {
  if (!/^(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|\+\+|--)/.test(text.slice(at))) return at;
  return /^(?:.*[;{}])?\s*/.exec(text.slice(0, at))![0].length;
}

function related(source: vscode.Uri, place: Place, message: string): vscode.DiagnosticRelatedInformation {
  const uri = fileOf(source, place.file);
  return new vscode.DiagnosticRelatedInformation(new vscode.Location(uri, restOfLine(uri, place)), message);
}

function compilerDiagnostic(found: Diagnostic): vscode.Diagnostic {
  const range = new vscode.Range(position(found.line, found.column), position(found.endLine, found.endColumn));
  const diagnostic = new vscode.Diagnostic(range, found.message, severities[found.severity]);
  diagnostic.source = found.source;
  if (found.code !== '') diagnostic.code = found.code;
  return diagnostic;
}

function verifierDiagnostic(
  source: vscode.Uri,
  host: string,
  verdict: ProgramVerdict,
  reason: VerdictReason,
  log: vscode.Uri,
): vscode.Diagnostic {
  const range = restOfLine(fileOf(source, reason.file), reason);
  const message = reason.message === '' ? reason.title : `${reason.title}\n${reason.message}`;
  const diagnostic = new vscode.Diagnostic(
    range,
    `${message}\n(${verdict.name}, verifier of ${host})`,
    vscode.DiagnosticSeverity.Error,
  );
  diagnostic.source = 'verifier';
  diagnostic.code = { value: reason.category, target: log };
  diagnostic.relatedInformation = reason.cause.map((cause) => related(source, cause, cause.message));
  fixesOf.set(diagnostic, reason.fixes);
  programOf.set(diagnostic, verdict.name);
  return diagnostic;
}

/** An accepted program that the next line of code may bring down: said where it is named. */
function limitDiagnostic(source: vscode.Uri, host: string, { name }: ProgramVerdict, limit: string): vscode.Diagnostic {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === source.toString());
  const place = open && scanPrograms(open.getText()).find((program) => program.name === name);
  const start = new vscode.Position(place?.nameLine ?? 0, place?.nameColumn ?? 0);
  const diagnostic = new vscode.Diagnostic(
    new vscode.Range(start, start.translate(0, place === undefined ? 1 : name.length)),
    `${name} is near a limit of the verifier: ${limit}\n(verifier of ${host})`,
    vscode.DiagnosticSeverity.Warning,
  );
  diagnostic.source = 'verifier';
  diagnostic.code = 'near-limit';
  return diagnostic;
}

/** The edits of one proposed fix. */
export function workspaceEdit(source: vscode.Uri, fix: VerdictReason['fixes'][number]): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  for (const { file, startLine, startColumn, endLine, endColumn, text } of fix.edits) {
    edit.replace(
      fileOf(source, file),
      new vscode.Range(position(startLine, startColumn), position(endLine, endColumn)),
      text,
    );
  }
  return edit;
}

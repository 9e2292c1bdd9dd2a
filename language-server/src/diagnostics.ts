/** Compiler findings as an editor shows them: one diagnostic per finding, clang's notes as places related to it. */
import { pathToFileURL } from 'node:url';
import type { Diagnostic as Finding } from '@ringside/core/model';
import {
  DiagnosticSeverity,
  DiagnosticTag,
  type Diagnostic,
  type DiagnosticRelatedInformation,
  type Location,
  type Range,
} from 'vscode-languageserver';

const severities = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  note: DiagnosticSeverity.Information,
} as const;

/**
 * The findings of one build as diagnostics of the document `file` (absolute). What clang found in a header is shown at
 * the document's #include that leads there; in headers that the document does not include by itself, at its top.
 */
export function toLspDiagnostics(findings: readonly Finding[], file: string): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const finding of findings) {
    const last = diagnostics.at(-1);
    // A note explains the finding before it.
    if (finding.severity === 'note' && last) {
      (last.relatedInformation ??= []).push(related(finding));
      continue;
    }
    diagnostics.push(finding.file === file ? own(finding) : inHeader(finding, file));
  }
  return diagnostics;
}

function own(finding: Finding): Diagnostic {
  const diagnostic: Diagnostic = {
    range: rangeOf(finding),
    severity: severities[finding.severity],
    message: finding.message,
    source: finding.source,
  };
  if (finding.code !== '') diagnostic.code = finding.code;
  const tag = tagOf(finding.code);
  if (tag !== undefined) diagnostic.tags = [tag];
  return diagnostic;
}

function inHeader(finding: Finding, file: string): Diagnostic {
  const line = finding.includedFrom?.find((place) => place.file === file)?.line ?? 1;
  const start = { line: line - 1, character: 0 };
  return {
    ...own(finding),
    range: { start, end: { line: line - 1, character: 1000 } },
    message: `${finding.file}:${finding.line}: ${finding.message}`,
    relatedInformation: [related(finding)],
  };
}

function related(finding: Finding): DiagnosticRelatedInformation {
  const location: Location = { uri: pathToFileURL(finding.file).href, range: rangeOf(finding) };
  return { location, message: finding.message };
}

function rangeOf({ line, column, endLine, endColumn }: Finding): Range {
  return {
    start: { line: line - 1, character: column - 1 },
    end: { line: endLine - 1, character: Math.max(endColumn - 1, endLine === line ? column - 1 : 0) },
  };
}

/** Editors fade what is unused and strike through what is deprecated. */
function tagOf(code: string): DiagnosticTag | undefined {
  if (code.startsWith('-Wunused-')) return DiagnosticTag.Unnecessary;
  return code.startsWith('-Wdeprecated') ? DiagnosticTag.Deprecated : undefined;
}

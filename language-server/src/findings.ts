/** Findings as the editor shows them, and their fixes as it offers them. */
import {
  CodeActionKind,
  DiagnosticSeverity,
  type CodeAction,
  type Diagnostic,
  type Range,
} from 'vscode-languageserver';
import { checkKinds, type Finding } from './checks/index.ts';

const severities = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
} as const;

type RangeOf = (start: number, end: number) => Range;

export function toDiagnostic(finding: Finding, rangeOf: RangeOf): Diagnostic {
  const { severity } = checkKinds[finding.code];
  const { code, message, start, end } = finding;
  return { range: rangeOf(start, end), severity: severities[severity], code, source: 'ringside', message };
}

/** Fixes of findings that touch [from, to]. */
export function fixesAt(
  findings: readonly Finding[],
  from: number,
  to: number,
  uri: string,
  rangeOf: RangeOf,
): CodeAction[] {
  return findings
    .filter(({ start, end }) => start <= to && from <= end)
    .flatMap((finding) =>
      finding.fixes.map((fix, index): CodeAction => ({
        title: fix.title,
        kind: CodeActionKind.QuickFix,
        diagnostics: [toDiagnostic(finding, rangeOf)],
        isPreferred: index === 0,
        edit: {
          changes: { [uri]: fix.edits.map(({ start, end, text }) => ({ range: rangeOf(start, end), newText: text })) },
        },
      })),
    );
}

import * as vscode from 'vscode';
import type { RanFile, WalkedReport } from '@ringside/core/model';

/** Lines of one file that ran, or that the verifier has walked; details come when they are asked for. */
export class LineCoverage extends vscode.FileCoverage {
  readonly statements: vscode.StatementCoverage[];

  constructor(file: string, lines: readonly { line: number; covered: boolean }[]) {
    super(
      vscode.Uri.file(file),
      new vscode.TestCoverageCount(lines.filter(({ covered }) => covered).length, lines.length),
    );
    // A number would read as how often a line ran, which nobody has counted.
    this.statements = lines.map(
      ({ line, covered }) => new vscode.StatementCoverage(covered, new vscode.Position(line - 1, 0)),
    );
  }
}

/** Files that a person wrote: what the host's own vmlinux.h inlines is nobody's to test. */
const isOwn = ({ file }: { file: string }): boolean => !/\/vmlinux\.h$/.test(file) && !/\/libbpf\/bpf\//.test(file);

export const walkedFiles = ({ files }: WalkedReport): LineCoverage[] =>
  files.filter(isOwn).map(
    ({ file, lines }) =>
      new LineCoverage(
        file,
        lines.map(({ line, walked }) => ({ line, covered: walked > 0 })),
      ),
  );

/** Of lines of which it is not known whether they ran nothing is said. */
export const ranFiles = (ran: readonly RanFile[]): LineCoverage[] =>
  ran.filter(isOwn).map(({ file, lines }) => {
    const told = lines.filter(({ told }) => told > 0);
    return new LineCoverage(
      file,
      told.map(({ line, ran }) => ({ line, covered: ran > 0 })),
    );
  });

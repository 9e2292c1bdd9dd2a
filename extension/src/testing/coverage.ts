import * as vscode from 'vscode';
import type { WalkedFile, WalkedReport } from '@ringside/core/model';

/** Lines of one file that the verifier has walked, as the coverage view takes them; details come when they are asked for. */
export class WalkedCoverage extends vscode.FileCoverage {
  readonly statements: vscode.StatementCoverage[];

  private constructor(uri: vscode.Uri, statements: vscode.StatementCoverage[]) {
    const covered = statements.filter(({ executed }) => executed === true).length;
    super(uri, new vscode.TestCoverageCount(covered, statements.length));
    this.statements = statements;
  }

  static of({ file, lines }: WalkedFile): WalkedCoverage {
    const statements = lines.map(
      // A number would read as how often a line ran, which the verifier does not know.
      ({ line, walked }) => new vscode.StatementCoverage(walked > 0, new vscode.Position(line - 1, 0)),
    );
    return new WalkedCoverage(vscode.Uri.file(file), statements);
  }
}

/** Files that a person wrote: what the host's own vmlinux.h inlines is nobody's to test. */
export const coveredFiles = ({ files }: WalkedReport): WalkedFile[] =>
  files.filter(({ file }) => !/\/vmlinux\.h$/.test(file) && !/\/libbpf\/bpf\//.test(file));

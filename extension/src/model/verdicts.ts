import * as vscode from 'vscode';
import type { ProgramVerdict } from '@ringside/core/model';

/** A program's verdict with where it comes from. */
export interface KnownVerdict {
  verdict: ProgramVerdict;
  host: string;
  kernel: string;
  /** The whole verifier log of the file on this host, as a virtual document. */
  log: vscode.Uri;
  /** Version of the document that was verified: a later one has not been seen by any verifier. */
  version: number;
}

/** The last verdict of every program, by file. */
export class Verdicts implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #byFile = new Map<string, Map<string, KnownVerdict>>();

  set(uri: vscode.Uri, verdicts: KnownVerdict[]): void {
    this.#byFile.set(uri.toString(), new Map(verdicts.map((known) => [known.verdict.name, known])));
    this.#changed.fire(uri);
  }

  clear(uri: vscode.Uri): void {
    if (this.#byFile.delete(uri.toString())) this.#changed.fire(uri);
  }

  get(uri: vscode.Uri, program: string): KnownVerdict | undefined {
    return this.#byFile.get(uri.toString())?.get(program);
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

import * as vscode from 'vscode';
import type { ProgramVerdict, VerdictStats } from '@ringside/core/model';

/** A program's verdict with where it comes from. */
export interface KnownVerdict {
  verdict: ProgramVerdict;
  host: string;
  kernel: string;
  /** The whole verifier log of the file on this host, as a virtual document. */
  log: vscode.Uri;
  /** Version of the document that was verified: a later one has not been seen by any verifier. */
  version: number;
  /** What it cost the same verifier before the last change that it was accepted with; null when that is not known. */
  before: VerdictStats | null;
}

/** The last verdict of every program, by file. */
export class Verdicts implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #byFile = new Map<string, Map<string, KnownVerdict>>();

  set(uri: vscode.Uri, verdicts: Omit<KnownVerdict, 'before'>[]): void {
    const old = this.#byFile.get(uri.toString());
    const known = verdicts.map((verdict) => ({
      ...verdict,
      before: costBefore(old?.get(verdict.verdict.name), verdict),
    }));
    this.#byFile.set(uri.toString(), new Map(known.map((one) => [one.verdict.name, one])));
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

/**
 * The figures to compare a verdict with. Verifying the same text again, or text that is rejected meanwhile, keeps them;
 * another verifier's figures say nothing about the change.
 */
function costBefore(old: KnownVerdict | undefined, now: Omit<KnownVerdict, 'before'>): VerdictStats | null {
  if (old === undefined || old.host !== now.host || old.kernel !== now.kernel) return null;
  return old.version === now.version || old.verdict.verdict !== 'accepted' ? old.before : old.verdict.stats;
}

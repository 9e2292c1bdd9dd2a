/** A save by hand puts the new version into the live runs of a source or header, where the setting says so. */
import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import type { Attacher } from '../attach/attacher.ts';
import { setting } from '../config.ts';
import { Setting } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import { errorData, type ErrorReporter } from '../errors.ts';
import type { RunList } from '../model/runList.ts';

export interface RedeployOnSaveParts {
  errors: Pick<ErrorReporter, 'show'>;
  runs: Pick<RunList, 'live'>;
  attacher: Pick<Attacher, 'restart' | 'isMadeOf' | 'isRestarting'>;
}

/** What the Problems view or the line above the program says anyway, in words for the status bar. */
const SHOWN_ELSEWHERE: Record<string, string> = {
  'build-failed': 'the new version does not build',
  'verifier-rejected': 'the verifier rejects the new version',
};

export class RedeployOnSave implements vscode.Disposable {
  readonly #parts: RedeployOnSaveParts;
  readonly #disposables = new DisposableStore();
  /** Files that are being saved because somebody wanted it, and not because time went by or the focus changed. */
  readonly #byHand = new Set<string>();
  /** Runs that get a new version now; true: it was saved once more meanwhile. */
  readonly #busy = new Map<string, boolean>();

  constructor(parts: RedeployOnSaveParts) {
    this.#parts = parts;
    this.#disposables.add(
      vscode.workspace.onWillSaveTextDocument(({ document, reason }) => {
        if (reason === vscode.TextDocumentSaveReason.Manual) this.#byHand.add(document.uri.toString());
        else this.#byHand.delete(document.uri.toString());
      }),
    );
    this.#disposables.add(
      vscode.workspace.onDidSaveTextDocument(({ uri }) => {
        if (this.#byHand.delete(uri.toString())) void this.saved(uri);
      }),
    );
  }

  /** Resolves when every live run of the source or header has what was saved last, or goes on as it was. */
  async saved(file: vscode.Uri): Promise<void> {
    if (!vscode.workspace.isTrusted || !setting(Setting.redeployOnSave, file)) return;
    const { runs, attacher } = this.#parts;
    const ofFile = runs.live().filter((run) => isAttached(run) && attacher.isMadeOf(run.id, file.fsPath));
    await Promise.all(ofFile.map((run) => this.#redeploy(run)));
  }

  /** One after the other: what is saved while a version is put in comes after it. */
  async #redeploy(run: RunSummary): Promise<void> {
    const { attacher } = this.#parts;
    if (this.#busy.has(run.id)) {
      this.#busy.set(run.id, true);
      return;
    }
    // A restart by hand saves the source first, and puts it in itself.
    if (attacher.isRestarting(run.id)) return;
    try {
      do {
        this.#busy.set(run.id, false);
        await attacher.restart(run.id, { saved: true }).catch((error: unknown) => this.#failed(run, error));
        // One that ended meanwhile would be attached anew.
      } while (this.#busy.get(run.id) === true && this.#parts.runs.live().some(({ id }) => id === run.id));
    } finally {
      this.#busy.delete(run.id);
    }
  }

  #failed(run: RunSummary, error: unknown): void {
    const why = SHOWN_ELSEWHERE[errorData(error).code];
    if (why !== undefined) vscode.window.setStatusBarMessage(`${run.name} goes on as it was: ${why}`, 8000);
    else void this.#parts.errors.show(error);
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

/** One that is paused at its source would be attached by a new version: nobody has asked for that. */
const isAttached = ({ state, suspendedAt }: RunSummary): boolean =>
  (state === 'running' || state === 'paused') && suspendedAt === undefined;

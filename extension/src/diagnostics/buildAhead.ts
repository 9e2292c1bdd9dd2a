import * as vscode from 'vscode';
import type { BuildResult } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import { isBpfSource } from '../files.ts';

/** A pause in typing: longer than between two keystrokes of a word, shorter than the way to Ctrl+S. */
const pauseMs = 200;

interface Pending {
  document: vscode.TextDocument;
  version: number;
  host: string;
  result: Promise<BuildResult | undefined>;
  abort: AbortController;
}

/**
 * Builds the text while its author pauses, so that the verdict after a save waits for no compiler. Only a build of
 * exactly the saved version is used, also of one with errors; where none came of it, whoever needs it makes one, and says why.
 */
export class BuildAhead implements vscode.Disposable {
  readonly #engine: Pick<Engine, 'build'>;
  readonly #hostOf: (file: vscode.Uri) => string | undefined;
  readonly #changes: vscode.Disposable;
  readonly #saves: vscode.Disposable;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pending: Pending | undefined;

  /** `hostOf` names the host whose verdict a save would ask for, or undefined: then nothing is built. */
  constructor(engine: Pick<Engine, 'build'>, hostOf: (file: vscode.Uri) => string | undefined) {
    this.#engine = engine;
    this.#hostOf = hostOf;
    this.#changes = vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0 && isBpfSource(document.uri)) this.#schedule(document);
    });
    // It may be a header that the build has read as it was.
    this.#saves = vscode.workspace.onDidSaveTextDocument((document) => {
      if (this.#pending !== undefined && document.uri.toString() !== this.#pending.document.uri.toString())
        this.#drop();
    });
  }

  #schedule(document: vscode.TextDocument): void {
    this.#drop();
    this.#timer = setTimeout(() => this.#build(document), pauseMs);
  }

  #build(document: vscode.TextDocument): void {
    const host = this.#hostOf(document.uri);
    if (host === undefined || !document.isDirty) return;
    const abort = new AbortController();
    const request = { file: document.uri.fsPath, text: document.getText(), host };
    const result = this.#engine.build(request, { signal: abort.signal }).catch(() => undefined);
    this.#pending = { document, version: document.version, host, result, abort };
  }

  /** The build of a file as it is saved now, if there is one; it is handed out once. */
  take(file: vscode.Uri, host: string): Promise<BuildResult | undefined> | undefined {
    const pending = this.#pending;
    if (pending === undefined || pending.document.uri.toString() !== file.toString()) return undefined;
    this.#pending = undefined;
    const { document, version } = pending;
    if (pending.host === host && document.version === version && !document.isDirty) return pending.result;
    pending.abort.abort();
    return undefined;
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#pending?.abort.abort();
    this.#pending = undefined;
  }

  dispose(): void {
    this.#drop();
    this.#changes.dispose();
    this.#saves.dispose();
  }
}

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type {
  ExplorationInfo,
  ExplorerTarget,
  ExplorerToHost,
  ExplorerToPanel,
  ExploreQuery,
} from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import { fileOf, restOfLine, workspaceEdit } from '../diagnostics/diagnosticSets.ts';
import { verifyWithLog, type Verifier } from '../diagnostics/verifier.ts';
import { verdictLogFor, wholeLogFor } from '../diagnostics/verdictLogs.ts';
import { untrusted } from '../attach/attacher.ts';
import { withProgress } from '../progress.ts';
import { DisposableStore } from '../disposable.ts';
import { errorData, ExtensionError } from '../errors.ts';
import type { ErrorReporter } from '../errors.ts';
import type { Verdicts } from '../model/verdicts.ts';
import type { VirtualDocuments } from '../virtualDocuments.ts';
import { pickComparison } from './explorerCompare.ts';
import { parseExplorerToHost } from './explorerGuards.ts';
import { explorerLink } from './explorerLink.ts';
import { usePanelPage } from './panelPage.ts';
import { receive } from './receive.ts';

export interface ExplorerPanelParts {
  engine: Engine;
  errors: ErrorReporter;
  documents: VirtualDocuments;
  verifier: Verifier;
  verdicts: Verdicts;
  cacheDir: string;
  extensionUri: vscode.Uri;
  extensionId: string;
}

/** One Explorer panel: a verifier log that the engine holds, and the page that asks for parts of it. */
export class ExplorerPanel {
  readonly #parts: ExplorerPanelParts;
  readonly #panel: vscode.WebviewPanel;
  readonly #disposables = new DisposableStore();
  #target: ExplorerTarget;
  /** The step to begin at when the page is ready; -1 = where the page was. */
  #step: number;
  /** What the page was told last, until it asks about it: before that nobody knows whether it has come. */
  #told: Extract<ExplorerToPanel, { type: 'opened' }> | null = null;
  #opening = false;
  #info: ExplorationInfo | null = null;
  #compared: ExplorationInfo | null = null;
  #abort = new AbortController();
  #ready = false;

  constructor(parts: ExplorerPanelParts, panel: vscode.WebviewPanel, target: ExplorerTarget, step = -1) {
    this.#parts = parts;
    this.#panel = panel;
    this.#target = target;
    this.#step = step;
    this.#disposables.add(panel.onDidDispose(() => this.#dispose()));
    this.#disposables.add(panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)));
    this.#disposables.add(parts.verdicts.onDidChange((file) => this.#verified(file)));
    usePanelPage(panel, parts.extensionUri, 'explorer', 'Ringside verifier explorer', { editor: true });
  }

  shows({ log, program }: ExplorerTarget): boolean {
    return log === this.#target.log && program === this.#target.program;
  }

  onDidDispose(listener: () => void): void {
    this.#disposables.defer(listener);
  }

  reveal(step: number, takeFocus: boolean): void {
    this.#panel.reveal(undefined, !takeFocus);
    if (step >= 0) this.#post({ type: 'go', step });
  }

  /** Reads the log and tells the page; a failure is shown there, where it can be tried again. */
  async #open(step = this.#step): Promise<void> {
    this.#abort.abort();
    const abort = (this.#abort = new AbortController());
    this.#opening = true;
    this.#told = null;
    const before = [this.#info, this.#compared];
    [this.#info, this.#compared] = [null, null];
    for (const info of before) if (info !== null) this.#close(info);
    const { engine } = this.#parts;
    try {
      const { log, record, program } = this.#target;
      const request = { log, record, ...(program !== '' && { program }) };
      const info = await engine.openExploration(request, { signal: abort.signal });
      if (abort.signal.aborted || this.#disposables.disposed) {
        this.#close(info);
        return;
      }
      this.#info = info;
      this.#target = { ...this.#target, program: info.parts[info.part]?.program ?? '' };
      const title = this.#title(info);
      this.#panel.title = `Verifier · ${title}`;
      const noFix = await this.#noFix(info);
      const canVerify = info.file !== '' && info.host !== '';
      if (this.#abort !== abort) return;
      this.#told = { type: 'opened', title, target: this.#target, info, step, noFix, canVerify };
      this.#post(this.#told);
    } catch (error) {
      if (!abort.signal.aborted) this.#post({ type: 'error', error: errorData(error) });
    } finally {
      if (this.#abort === abort) this.#opening = false;
    }
  }

  /** A page asks again until it is answered: a log that takes long is read once, and an answer that was lost is given again. */
  async #greet(): Promise<void> {
    this.#ready = true;
    if (this.#opening) return;
    if (this.#told !== null) {
      this.#post(this.#told);
      return;
    }
    await this.#open();
  }

  #title(info: ExplorationInfo): string {
    const name = info.parts[info.part]?.program ?? '';
    const where = info.host === '' ? basename(this.#target.log) : info.host;
    return name === '' ? where : `${name} on ${where}`;
  }

  /** Why the quick fixes cannot be put into the source as it is now; "" when they can. */
  async #noFix(info: ExplorationInfo): Promise<string> {
    if (info.reason === null || info.reason.fixes.length === 0) return '';
    if (info.file === '') return 'The log alone does not say which file it is about.';
    const names = new Set(info.reason.fixes.flatMap(({ edits }) => edits.map(({ file }) => file)));
    for (const name of names) {
      const at = info.sources.findIndex((source) => source.name === name);
      const verified = at < 0 ? null : await this.#parts.engine.explore(info.id, { ask: 'source', file: at });
      const now = await textOf(fileOf(vscode.Uri.file(info.file), name));
      if (verified === null || verified.partial || now !== verified.text)
        return `${basename(name)} has changed since it was verified: verify it again.`;
    }
    return '';
  }

  /** A new verdict of the file takes the old one's place where the last one is shown. */
  #verified(file: vscode.Uri): void {
    const info = this.#info;
    if (!this.#ready || info === null || info.file !== file.fsPath) return;
    const last = verdictLogFor(this.#parts.cacheDir, file, info.host);
    const whole = wholeLogFor(this.#parts.cacheDir, file, info.host);
    if (last === null || (this.#target.log !== last.log && this.#target.log !== whole?.log)) return;
    this.#target = { ...this.#target, ...last };
    void this.#open(-1);
  }

  #receive(raw: unknown): void {
    receive(this.#parts.errors, 'Explorer', raw, parseExplorerToHost, (message) => this.#handle(message));
  }

  async #handle(message: ExplorerToHost): Promise<void> {
    const { documents, verifier } = this.#parts;
    switch (message.type) {
      case 'ready':
        await this.#greet();
        break;
      case 'ask':
        await this.#ask(message);
        break;
      case 'open':
        this.#target = { ...this.#target, program: message.program };
        await this.#open(-1);
        break;
      case 'fix':
        await this.#fix(message.fix);
        break;
      case 'source':
        await this.#showSource(message);
        break;
      case 'log':
        await documents.show(documents.put(`${this.#panel.title}.verifier.log`, { file: this.#target.log }));
        break;
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
      case 'link':
        await vscode.env.clipboard.writeText(explorerLink(this.#parts.extensionId, this.#target, message.step));
        break;
      case 'whole':
        await this.#takeWholeLog();
        break;
      case 'compare':
        await this.#compare();
        break;
      case 'compare-end':
        if (this.#compared !== null) this.#close(this.#compared);
        this.#compared = null;
        this.#post({ type: 'compared', title: '', info: null });
        break;
      case 'verify':
        if (this.#info !== null && this.#info.file !== '')
          await verifier.verify(vscode.Uri.file(this.#info.file), this.#info.host);
        break;
    }
  }

  /** Verifies the program once more so that every path is in the log: heat and branches need them all. */
  async #takeWholeLog(): Promise<void> {
    const info = this.#info;
    if (info === null || info.file === '' || info.host === '') return;
    if (!vscode.workspace.isTrusted) throw untrusted();
    const { file: path, host } = info;
    const { program } = this.#target;
    const asked = { file: vscode.Uri.file(path), verify: path, host, programs: [program], set: {}, everyPath: true };
    const title = `Ringside: taking the whole log of ${program} on ${host}`;
    const taken = await withProgress(title, (call) => verifyWithLog(this.#parts, asked, call), this.#abort.signal);
    if (taken === undefined || this.#info !== info) return;
    this.#target = { log: taken.log, record: taken.record, program };
    await this.#open(-1);
  }

  async #ask({ id, side, query }: Extract<ExplorerToHost, { type: 'ask' }>): Promise<void> {
    const asked = side === 0 ? this.#info : this.#compared;
    [this.#told, this.#step] = [null, -1];
    try {
      if (asked === null) throw new ExtensionError({ code: 'cancelled', message: 'The log is being opened again.' });
      this.#post({ type: 'answer', id, value: await this.#parts.engine.explore(asked.id, this.#whole(query)) });
    } catch (error) {
      this.#post({ type: 'failed', id, error: errorData(error) });
    }
  }

  /** The page names no explorations: the other side is the one that this panel compares with. */
  #whole(query: ExploreQuery): ExploreQuery {
    return 'other' in query ? { ...query, other: this.#compared?.id ?? 0 } : query;
  }

  async #fix(at: number): Promise<void> {
    const info = this.#info;
    const fix = info?.reason?.fixes[at];
    if (info === null || fix === undefined) return;
    const why = await this.#noFix(info);
    if (why !== '') throw new ExtensionError({ code: 'usage', message: why });
    const file = vscode.Uri.file(info.file);
    if (!(await vscode.workspace.applyEdit(workspaceEdit(file, fix)))) return;
    const first = fix.edits[0];
    if (first !== undefined) await this.#show(fileOf(file, first.file), first.startLine, first.startColumn);
  }

  async #showSource({ file, line, column }: Extract<ExplorerToHost, { type: 'source' }>): Promise<void> {
    const name = this.#info?.sources[file]?.name;
    if (this.#info === null || name === undefined || this.#info.file === '') return;
    await this.#show(fileOf(vscode.Uri.file(this.#info.file), name), line, column);
  }

  async #show(uri: vscode.Uri, line: number, column: number): Promise<void> {
    await vscode.workspace.openTextDocument(uri);
    const selection = restOfLine(uri, { file: '', line, column });
    const beside = this.#panel.viewColumn === vscode.ViewColumn.One ? vscode.ViewColumn.Two : vscode.ViewColumn.One;
    await vscode.window.showTextDocument(uri, { selection, viewColumn: beside });
  }

  async #compare(): Promise<void> {
    const info = this.#info;
    if (info === null) return;
    const picked = await pickComparison(this.#parts.cacheDir, info, this.#target);
    if (picked === undefined || this.#info !== info) return;
    const { program } = this.#target;
    const other = await this.#parts.engine.openExploration({ ...picked.log, ...(program !== '' && { program }) });
    if (this.#compared !== null) this.#close(this.#compared);
    this.#compared = other;
    this.#post({ type: 'compared', title: picked.title, info: other });
  }

  #close({ id }: ExplorationInfo): void {
    this.#parts.engine.closeExploration(id).catch((error: unknown) => this.#parts.errors.log(error));
  }

  #post(message: ExplorerToPanel): void {
    if (!this.#disposables.disposed) void this.#panel.webview.postMessage(message);
  }

  #dispose(): void {
    this.#abort.abort();
    for (const info of [this.#info, this.#compared]) if (info !== null) this.#close(info);
    this.#disposables.dispose();
  }
}

async function textOf(uri: vscode.Uri): Promise<string | null> {
  try {
    return (await vscode.workspace.openTextDocument(uri)).getText();
  } catch {
    return null;
  }
}

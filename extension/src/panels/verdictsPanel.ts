import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { VerdictsPanelState, VerdictsToHost, VerdictsToPanel, VerifyReport } from '@ringside/core/model';
import type { CallOptions, Engine } from '@ringside/core/rpc';
import { untrusted } from '../attach/attacher.ts';
import { fileOf, restOfLine } from '../diagnostics/diagnosticSets.ts';
import { verifyWithLog } from '../diagnostics/verifier.ts';
import { DisposableStore } from '../disposable.ts';
import { ExtensionError } from '../errors.ts';
import type { ErrorReporter } from '../errors.ts';
import type { VirtualDocuments } from '../virtualDocuments.ts';
import type { ExplorerPanels } from './explorerPanels.ts';
import { EachHost } from './eachHost.ts';
import { usePanelPage } from './panelPage.ts';
import { receive } from './receive.ts';
import { parseVerdictsToHost } from './verdictsGuards.ts';
import { verdictsText } from './verdictsText.ts';

export interface VerdictsPanelParts {
  engine: Engine;
  errors: ErrorReporter;
  documents: VirtualDocuments;
  cacheDir: string;
  extensionUri: vscode.Uri;
  explorers: Pick<ExplorerPanels, 'explore'>;
}

/** One Verdicts panel: a file, and what the verifier of each of its hosts says. Nothing is attached by it. */
export class VerdictsPanel {
  readonly #parts: VerdictsPanelParts;
  readonly #panel: vscode.WebviewPanel;
  readonly #disposables = new DisposableStore();
  readonly #file: vscode.Uri;
  readonly #hosts: EachHost<VerifyReport>;
  readonly #logs = new Map<string, vscode.Uri>();
  #ready = false;

  constructor(parts: VerdictsPanelParts, panel: vscode.WebviewPanel, { file, hosts }: VerdictsPanelState) {
    this.#parts = parts;
    this.#panel = panel;
    this.#file = vscode.Uri.file(file);
    this.#hosts = new EachHost(hosts, {
      ask: (name, call) => this.#ask(name, call),
      onChange: (host) => {
        if (this.#ready) this.#post({ type: 'host', host });
      },
      log: (error) => parts.errors.log(error),
      oldReport: 'stays',
    });
    this.#disposables.add(panel.onDidDispose(() => this.#dispose()));
    this.#disposables.add(panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)));
    usePanelPage(panel, parts.extensionUri, 'verdicts', 'Ringside verdicts');
  }

  shows({ file, hosts }: VerdictsPanelState): boolean {
    return file === this.#file.fsPath && hosts.join() === this.#hosts.names().join();
  }

  onDidDispose(listener: () => void): void {
    this.#disposables.defer(listener);
  }

  reveal(takeFocus: boolean): void {
    this.#panel.reveal(undefined, !takeFocus);
  }

  /** Verifies on one host, or on all of them. */
  verify(only: string | null = null): void {
    this.#hosts.start(only);
  }

  async #ask(host: string, call: Required<CallOptions>): Promise<VerifyReport> {
    const file = this.#file;
    const asked = { file, verify: file.fsPath, host, programs: [], set: {} };
    const outcome = await verifyWithLog(this.#parts, asked, call);
    if (outcome === undefined) throw new ExtensionError({ code: 'internal', message: `${host} gave no verdict.` });
    const { report, log } = outcome;
    const name = `${basename(file.fsPath)} on ${host} (${report.kernel}).verifier.log`;
    this.#logs.set(host, this.#parts.documents.put(name, { file: log }));
    return report;
  }

  #receive(raw: unknown): void {
    receive(this.#parts.errors, 'verdicts', raw, parseVerdictsToHost, (message) => this.#handle(message));
  }

  async #handle(message: VerdictsToHost): Promise<void> {
    switch (message.type) {
      case 'ready': {
        this.#ready = true;
        const title = vscode.workspace.asRelativePath(this.#file);
        this.#post({ type: 'hosts', title, file: this.#file.fsPath, hosts: this.#hosts.all() });
        break;
      }
      case 'run':
        if (!vscode.workspace.isTrusted) throw untrusted();
        this.verify(message.host);
        break;
      case 'cancel':
        this.#hosts.cancel();
        break;
      case 'source':
        await this.#showSource(message);
        break;
      case 'log': {
        const log = this.#logs.get(message.host);
        if (log !== undefined) await this.#parts.documents.show(log);
        break;
      }
      case 'explore':
        this.#parts.explorers.explore(this.#file, message.host, message.program);
        break;
      case 'copy-all':
        await vscode.env.clipboard.writeText(verdictsText(this.#hosts.all()));
        break;
    }
  }

  /** The panel names a verdict, never a path: what is opened is what a verifier named. */
  async #showSource({ host, program, cause }: Extract<VerdictsToHost, { type: 'source' }>): Promise<void> {
    const verdict = this.#hosts.get(host)?.report?.programs.find(({ name }) => name === program);
    const place = cause === null ? verdict?.reason : verdict?.reason?.cause[cause];
    if (place === undefined || place === null || place.line === 0) return;
    const uri = fileOf(this.#file, place.file);
    await vscode.workspace.openTextDocument(uri);
    const selection = restOfLine(uri, place);
    const beside = this.#panel.viewColumn === vscode.ViewColumn.One ? vscode.ViewColumn.Two : vscode.ViewColumn.One;
    await vscode.window.showTextDocument(uri, { selection, viewColumn: beside });
  }

  #post(message: VerdictsToPanel): void {
    if (!this.#disposables.disposed) void this.#panel.webview.postMessage(message);
  }

  #dispose(): void {
    this.#hosts.cancel();
    this.#disposables.dispose();
  }
}

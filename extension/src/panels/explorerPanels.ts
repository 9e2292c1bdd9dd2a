import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { ExplorerTarget } from '@ringside/core/model';
import { PanelType } from '../contributions.ts';
import { verdictLogFor } from '../diagnostics/verdictLogs.ts';
import { DisposableStore } from '../disposable.ts';
import { ExtensionError } from '../errors.ts';
import { parseExplorerTarget } from './explorerGuards.ts';
import { ExplorerPanel, type ExplorerPanelParts } from './explorerPanel.ts';
import { panelOptions } from './panelPage.ts';

/** The Explorer panels: one tab a log and program, brought back after a window reload. */
export class ExplorerPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #parts: ExplorerPanelParts;
  readonly #panels = new Set<ExplorerPanel>();
  readonly #disposables = new DisposableStore();

  constructor(parts: ExplorerPanelParts) {
    this.#parts = parts;
    this.#disposables.add(vscode.window.registerWebviewPanelSerializer(PanelType.explorer, this));
  }

  /** Shows the last verdict of a program on a host. Errors: usage. */
  explore(file: vscode.Uri, host: string, program: string, takeFocus = true): void {
    const log = verdictLogFor(this.#parts.cacheDir, file, host);
    if (log === null)
      throw new ExtensionError({
        code: 'usage',
        message: `There is no verifier log of ${basename(file.fsPath)} on ${host}.`,
        remedy: 'Verify it there, then explore it.',
      });
    this.open({ ...log, program }, { takeFocus });
  }

  /** Shows a log, at a step if one is named. */
  open(target: ExplorerTarget, { step = -1, takeFocus = true } = {}): void {
    const existing = [...this.#panels].find((panel) => panel.shows(target));
    if (existing !== undefined) existing.reveal(step, takeFocus);
    else this.#create(target, step, takeFocus);
  }

  #create(target: ExplorerTarget, step: number, takeFocus: boolean): void {
    const panel = vscode.window.createWebviewPanel(
      PanelType.explorer,
      `Verifier · ${target.program === '' ? basename(target.log) : target.program}`,
      { viewColumn: vscode.ViewColumn.Active, preserveFocus: !takeFocus },
      panelOptions(this.#parts.extensionUri),
    );
    this.#add(panel, target, step);
  }

  #add(panel: vscode.WebviewPanel, target: ExplorerTarget, step = -1): void {
    const added = new ExplorerPanel(this.#parts, panel, target, step);
    this.#panels.add(added);
    added.onDidDispose(() => this.#panels.delete(added));
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, saved: unknown): Promise<void> {
    const target = parseExplorerTarget(saved);
    if (target === null) panel.dispose();
    else this.#add(panel, target);
    return Promise.resolve();
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

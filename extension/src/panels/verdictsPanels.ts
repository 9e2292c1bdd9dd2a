import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { VerdictsPanelState } from '@ringside/core/model';
import { PanelType } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import { panelOptions } from './panelPage.ts';
import { parseVerdictsState } from './verdictsGuards.ts';
import { VerdictsPanel, type VerdictsPanelParts } from './verdictsPanel.ts';

/** The Verdicts panels: one tab a file and set of hosts, brought back after a window reload. */
export class VerdictsPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #parts: VerdictsPanelParts;
  readonly #panels = new Set<VerdictsPanel>();
  readonly #disposables = new DisposableStore();

  constructor(parts: VerdictsPanelParts) {
    this.#parts = parts;
    this.#disposables.add(vscode.window.registerWebviewPanelSerializer(PanelType.verdicts, this));
  }

  /** Verifies a file on hosts, and shows how it goes. */
  open(file: vscode.Uri, hosts: string[], takeFocus = true): void {
    const state = { file: file.fsPath, hosts };
    const existing = [...this.#panels].find((panel) => panel.shows(state));
    existing?.reveal(takeFocus);
    (existing ?? this.#create(state, takeFocus)).verify();
  }

  #create(state: VerdictsPanelState, takeFocus: boolean): VerdictsPanel {
    const { extensionUri } = this.#parts;
    const panel = vscode.window.createWebviewPanel(
      PanelType.verdicts,
      `Verdicts · ${basename(state.file)}`,
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: !takeFocus },
      panelOptions(extensionUri),
    );
    return this.#add(panel, state);
  }

  #add(panel: vscode.WebviewPanel, state: VerdictsPanelState): VerdictsPanel {
    const added = new VerdictsPanel(this.#parts, panel, state);
    this.#panels.add(added);
    added.onDidDispose(() => this.#panels.delete(added));
    return added;
  }

  /** After a reload the tab comes back with its hosts; they are asked again when somebody wants it. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, saved: unknown): Promise<void> {
    const state = parseVerdictsState(saved);
    if (state === null) panel.dispose();
    else this.#add(panel, state);
    return Promise.resolve();
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

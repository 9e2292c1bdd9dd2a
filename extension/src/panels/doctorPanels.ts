import * as vscode from 'vscode';
import type { DoctorPanelState } from '@ringside/core/model';
import { PanelType } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import { DoctorPanel, type DoctorPanelParts } from './doctorPanel.ts';
import { parseDoctorState } from './doctorGuards.ts';
import { panelOptions } from './panelPage.ts';

/** The Doctor panels: one tab a host or group, brought back after a window reload. */
export class DoctorPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #parts: DoctorPanelParts;
  readonly #panels = new Set<DoctorPanel>();
  readonly #disposables = new DisposableStore();

  constructor(parts: DoctorPanelParts) {
    this.#parts = parts;
    this.#disposables.add(vscode.window.registerWebviewPanelSerializer(PanelType.doctor, this));
  }

  /** Checks a host, or the hosts of a group, and shows how it goes. */
  open(title: string, hosts: string[]): void {
    const existing = [...this.#panels].find((panel) => panel.shows(title, hosts));
    existing?.reveal();
    (existing ?? this.#create({ title, hosts })).check();
  }

  #create(state: DoctorPanelState): DoctorPanel {
    const { extensionUri } = this.#parts;
    const panel = vscode.window.createWebviewPanel(
      PanelType.doctor,
      `Doctor · ${state.title}`,
      vscode.ViewColumn.Active,
      panelOptions(extensionUri),
    );
    return this.#add(panel, state);
  }

  #add(panel: vscode.WebviewPanel, state: DoctorPanelState): DoctorPanel {
    const added = new DoctorPanel(this.#parts, panel, state);
    this.#panels.add(added);
    added.onDidDispose(() => this.#panels.delete(added));
    return added;
  }

  /** After a reload the tab comes back with its hosts; they are checked again when somebody asks for it. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, saved: unknown): Promise<void> {
    const state = parseDoctorState(saved);
    if (state === null) panel.dispose();
    else this.#add(panel, state);
    return Promise.resolve();
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

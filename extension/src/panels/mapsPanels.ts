import * as vscode from 'vscode';
import type { MapsPanelState, MapsScope, MapTarget, RunSummary } from '@ringside/core/model';
import type { Attacher } from '../attach/attacher.ts';
import { PanelType } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import { isLive } from '../format.ts';
import type { Keeper } from '../kept/keeper.ts';
import { parseMapsState } from './mapsGuards.ts';
import { MapsPanel, type MapsPanelParts } from './mapsPanel.ts';
import { panelOptions } from './panelPage.ts';
import { panelTitle } from './tracePanel.ts';

export interface MapsPanelsParts extends MapsPanelParts {
  attacher: Pick<Attacher, 'onDidReplace'>;
  keeper: Pick<Keeper, 'onDidAdopt'>;
}

/** The Maps panels: one tab a run or host, moved on by restart, brought back after a window reload. */
export class MapsPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #parts: MapsPanelsParts;
  readonly #panels = new Set<MapsPanel>();
  readonly #disposables = new DisposableStore();

  constructor(parts: MapsPanelsParts) {
    this.#parts = parts;
    this.#disposables.add(vscode.window.registerWebviewPanelSerializer(PanelType.maps, this));
    this.#disposables.add(
      parts.attacher.onDidReplace(({ before, run }) => {
        if (run !== null) this.#follow([before], run);
      }),
    );
    this.#disposables.add(parts.keeper.onDidAdopt(({ run, before }) => this.#follow(before, run)));
    this.#disposables.add(parts.runs.onDidChange(({ run }) => this.#found(run)));
  }

  /** Another run has taken the place of these. */
  #follow(before: readonly string[], run: RunSummary): void {
    for (const panel of this.#panels) {
      const { scope } = panel;
      if (scope.kind === 'run' && before.includes(scope.runId)) panel.bind({ kind: 'run', runId: run.id });
    }
  }

  openRun(run: RunSummary): void {
    this.#open({ kind: 'run', runId: run.id }, panelTitle(run), null);
  }

  /** `target`: the map to be shown first. */
  openHost(host: string, target: MapTarget | null = null): void {
    this.#open({ kind: 'host', host }, host, target);
  }

  #open(scope: MapsScope, title: string, target: MapTarget | null): void {
    const existing = [...this.#panels].find((panel) => same(panel.scope, scope));
    if (existing !== undefined) {
      existing.reveal(target);
      return;
    }
    const panel = vscode.window.createWebviewPanel(
      PanelType.maps,
      `Maps · ${title}`,
      vscode.ViewColumn.Active,
      panelOptions(this.#parts.extensionUri),
    );
    this.#add(panel, { ...emptyState, scope, title, target });
  }

  #add(panel: vscode.WebviewPanel, state: MapsPanelState): void {
    const added = new MapsPanel(this.#parts, panel, state);
    this.#panels.add(added);
    added.onDidDispose(() => this.#panels.delete(added));
  }

  /** After a window reload a run has another number: the tab finds it by its name and hosts, as soon as it is there. */
  #found(run: RunSummary): void {
    if (!isLive(run)) return;
    for (const panel of this.#panels) {
      const { scope } = panel;
      const lost = scope.kind === 'run' && this.#parts.runs.get(scope.runId) === undefined;
      if (lost && panel.title === panelTitle(run)) panel.bind({ kind: 'run', runId: run.id });
    }
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, saved: unknown): Promise<void> {
    const state = parseMapsState(saved);
    if (state === null) {
      panel.dispose();
      return Promise.resolve();
    }
    this.#add(panel, state);
    for (const run of this.#parts.runs.live()) this.#found(run);
    return Promise.resolve();
  }

  dispose(): void {
    this.#disposables.dispose();
    // Not closed here: tabs that are open when the window goes away are what comes back.
    this.#panels.clear();
  }
}

function same(a: MapsScope, b: MapsScope): boolean {
  return a.kind === 'run' ? b.kind === 'run' && a.runId === b.runId : b.kind === 'host' && a.host === b.host;
}

const emptyState: Omit<MapsPanelState, 'scope' | 'title' | 'target'> = {
  map: '',
  look: { where: '', sort: { column: '', descending: false }, split: false, rateOf: '', paused: false },
  widths: {},
  view: '',
};

import { basename, dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { ChartSpec, ChartsState, RunSummary } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import type { Attacher } from '../attach/attacher.ts';
import { chartsOfManifest, chartsOfSource } from '../charts/chartText.ts';
import { CostHistory } from '../charts/costHistory.ts';
import { defaultCharts } from '../charts/defaultCharts.ts';
import { PanelType } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import type { ErrorReporter } from '../errors.ts';
import { isLive } from '../format.ts';
import type { Keeper } from '../kept/keeper.ts';
import type { RunList } from '../model/runList.ts';
import { askedNow } from './askedNow.ts';
import { ChartsPanel, chartsTitle, type ChartsPanelParts } from './chartsPanel.ts';
import { parseChartSpec, parseChartsState } from './chartsGuards.ts';
import { panelOptions } from './panelPage.ts';

export interface ChartsPanelsParts {
  engine: Pick<Engine, 'askRows'>;
  errors: ErrorReporter;
  runs: RunList;
  attacher: Pick<Attacher, 'onDidAttach' | 'onDidReplace'>;
  keeper: Pick<Keeper, 'onDidAdopt'>;
  /** Keeps each program's charts over windows. */
  memory: Pick<vscode.Memento, 'get' | 'update'>;
  extensionUri: vscode.Uri;
  showRows: ChartsPanelParts['showRows'];
  showMaps: ChartsPanelParts['showMaps'];
  /** A file's text; "" when there is none. */
  readText(path: string): Promise<string>;
}

const MEMORY_KEY = 'ringside.charts';
/** Programs whose charts are remembered, the last ones. */
const MOST_PROGRAMS = 50;

/** The pages of charts: one a program, whose charts are remembered. */
export class ChartsPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #parts: ChartsPanelsParts;
  readonly #panelParts: ChartsPanelParts;
  readonly #panels = new Set<ChartsPanel>();
  readonly #disposables = new DisposableStore();

  constructor(parts: ChartsPanelsParts) {
    this.#parts = parts;
    const costs = this.#disposables.add(new CostHistory(parts.runs));
    this.#panelParts = {
      ...parts,
      costs,
      remember: (file, charts) => this.#remember(file, charts),
      chartsOf: (file, run) => this.#programCharts(file, run),
    };
    this.#disposables.add(vscode.window.registerWebviewPanelSerializer(PanelType.charts, this));
    this.#disposables.add(parts.attacher.onDidAttach((run) => this.#goOn(run)));
    this.#disposables.add(parts.keeper.onDidAdopt(({ run }) => this.#goOn(run)));
    this.#disposables.add(
      parts.attacher.onDidReplace(({ before, run }) => {
        if (run === null) return;
        for (const panel of this.#panels) if (panel.runId === before) panel.bind(run);
      }),
    );
  }

  /** Shows a run's page; a program that was never charted gets the charts that it names, or those of any program. */
  async open(run: RunSummary): Promise<void> {
    await this.#panelOf(run, askedNow());
  }

  /** Adds a chart to a run's page; the keyboard stays where it was asked for. */
  async add(run: RunSummary, chart: ChartSpec): Promise<void> {
    (await this.#panelOf(run, () => false)).add(chart);
  }

  async #panelOf(run: RunSummary, mayFocus: () => boolean): Promise<ChartsPanel> {
    const existing = [...this.#panels].find((panel) => panel.file === run.file);
    if (existing !== undefined) {
      if (existing.runId !== run.id) existing.bind(run);
      existing.reveal(mayFocus());
      return existing;
    }
    const remembered = this.#remembered()[run.file];
    const { charts, notes } =
      remembered === undefined ? await this.#programCharts(run.file, run) : { charts: remembered, notes: [] };
    const panel = vscode.window.createWebviewPanel(
      PanelType.charts,
      chartsTitle(run),
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: !mayFocus() },
      panelOptions(this.#parts.extensionUri),
    );
    const added = this.#add(panel, { runId: run.id, file: run.file, charts });
    added.setCharts(charts, notes);
    return added;
  }

  /** A page whose run is over shows the program's next one. */
  #goOn(run: RunSummary): void {
    for (const panel of this.#panels) {
      const shown = this.#parts.runs.get(panel.runId);
      if (panel.file === run.file && (shown === undefined || !isLive(shown))) panel.bind(run);
    }
  }

  #add(panel: vscode.WebviewPanel, state: ChartsState): ChartsPanel {
    const added = new ChartsPanel(this.#panelParts, panel, state);
    this.#panels.add(added);
    added.onDidDispose(() => this.#panels.delete(added));
    return added;
  }

  /** After a window reload: the tab comes back with its charts, and shows the program's run when there is one again. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, saved: unknown): Promise<void> {
    const state = parseChartsState(saved);
    if (state === null) panel.dispose();
    else {
      const restored = this.#add(panel, { ...state, runId: '' });
      const run = this.#parts.runs.live().find(({ file }) => file === state.file);
      if (run !== undefined) restored.bind(run);
    }
    return Promise.resolve();
  }

  /** The charts that a program's comments and its manifest name; when there are none, those of any program. */
  async #programCharts(file: string, run: RunSummary | undefined): Promise<{ charts: ChartSpec[]; notes: string[] }> {
    const readText = (path: string): Promise<string> => this.#parts.readText(path);
    const source = chartsOfSource(file.endsWith('.c') ? await readText(file) : '');
    const manifest = chartsOfManifest(await readText(join(dirname(file), 'manifest.json')), basename(file));
    const charts = [...source.charts, ...manifest.charts];
    return {
      charts: charts.length > 0 ? charts : defaultCharts(run),
      notes: [...source.problems, ...manifest.problems].map((problem) => `A chart cannot be made. ${problem}`),
    };
  }

  #remembered(): Record<string, ChartSpec[]> {
    const stored = this.#parts.memory.get<unknown>(MEMORY_KEY);
    if (typeof stored !== 'object' || stored === null) return {};
    const entries = Object.entries(stored).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]));
    return Object.fromEntries(
      entries.map(([file, charts]) => [file, charts.map(parseChartSpec).filter((chart) => chart !== null)]),
    );
  }

  #remember(file: string, charts: readonly ChartSpec[]): void {
    const others = Object.entries(this.#remembered()).filter(([name]) => name !== file);
    const kept = others.slice(1 - MOST_PROGRAMS);
    void this.#parts.memory.update(MEMORY_KEY, Object.fromEntries([...kept, [file, charts]]));
  }

  dispose(): void {
    this.#disposables.dispose();
    // Not closed here: tabs that are open when the window goes away are what comes back.
    this.#panels.clear();
  }
}

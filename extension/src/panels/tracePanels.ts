import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { AttachSpec, ChartSpec, PanelState, RunSummary } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import type { Attacher, WillAttach } from '../attach/attacher.ts';
import type { RememberedSpecs } from '../attach/rememberedSpecs.ts';
import { setting } from '../config.ts';
import { PanelType, Setting } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import type { ErrorReporter } from '../errors.ts';
import { isLive } from '../format.ts';
import type { Keeper } from '../kept/keeper.ts';
import type { KeptRun, KeptRuns } from '../model/keptRuns.ts';
import type { RunList } from '../model/runList.ts';
import { parsePanelState } from './panelGuards.ts';
import { panelOptions } from './panelPage.ts';
import { TraceMemory } from './traceMemory.ts';
import { TraceLayouts } from './traceLayouts.ts';
import { TracePanel, panelTitle } from './tracePanel.ts';

export interface TracePanelsParts {
  engine: Engine;
  errors: ErrorReporter;
  runs: RunList;
  kept: KeptRuns;
  attacher: Attacher;
  keeper: Keeper;
  specs: RememberedSpecs;
  extensionUri: vscode.Uri;
  /** Keeps what belongs to a program and not to a tab. */
  memory: Pick<vscode.Memento, 'get' | 'update'>;
}

export interface TracePanelParts extends Omit<TracePanelsParts, 'memory'> {
  memory: TraceMemory;
  layouts: TraceLayouts;
  /** Attaches again what the panel shows, also when its run is of an earlier window. */
  restart(panel: TracePanel): Promise<void>;
  /** Opens the run's page of charts, with a chart more or (null) as it is. */
  chart(run: RunSummary, chart: ChartSpec | null): Promise<void>;
}

/** The trace panels: one tab a run, opened by attach, moved on by restart, brought back after a window reload. */
export class TracePanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #parts: TracePanelParts;
  readonly #panels = new Set<TracePanel>();
  readonly #disposables = new DisposableStore();
  #onChart: TracePanelParts['chart'] | undefined;

  constructor(parts: TracePanelsParts) {
    this.#parts = {
      ...parts,
      memory: new TraceMemory(parts.memory),
      layouts: new TraceLayouts(parts.memory),
      restart: (panel) => this.#restart(panel),
      chart: async (run, chart) => this.#onChart?.(run, chart),
    };
    this.#disposables.add(vscode.window.registerWebviewPanelSerializer(PanelType.trace, this));
    this.#disposables.add(
      parts.attacher.onWillAttach((attach) => {
        if (setting(Setting.openPanel)) this.#openAhead(attach);
      }),
    );
    this.#disposables.add(
      parts.attacher.onDidAttach((run) => {
        if (setting(Setting.openPanel) && this.#of(run.id).length === 0) this.open(run);
      }),
    );
    this.#disposables.add(
      parts.keeper.onDidAdopt(({ run, before }) => {
        const earlier = before.flatMap((id) => this.#of(id));
        for (const panel of earlier) panel.bind(run);
        if (earlier[0] !== undefined) earlier[0].reveal();
        else if (setting(Setting.openPanel)) this.open(run);
      }),
    );
    this.#disposables.add(
      parts.attacher.onDidReplace(({ before, run }) => {
        if (run === null) return;
        for (const panel of this.#of(before)) panel.bind(run);
      }),
    );
  }

  #of(runId: string): TracePanel[] {
    return [...this.#panels].filter((panel) => panel.runId === runId);
  }

  /** Who opens charts. The charts open traces in turn, so neither can be made with the other. */
  onChart(open: TracePanelParts['chart']): void {
    this.#onChart = open;
  }

  /** Shows a run's rows that pass a filter. */
  show(run: RunSummary, stream: string, where: string): void {
    this.open(run, true);
    for (const panel of this.#of(run.id)) panel.show(stream, where);
  }

  /**
   * Shows the run's panel, a new one beside the source if it has none. Who asked for it goes there with the keyboard; what
   * opens by itself leaves the focus where it is.
   */
  open(run: RunSummary, takeFocus = false): void {
    const existing = this.#of(run.id)[0];
    if (existing !== undefined) {
      existing.reveal(takeFocus);
      return;
    }
    if (isLive(run)) {
      // The tab of an earlier run of the same program has nothing more to show: tabs do not pile up. Its rows stay in Runs.
      const earlier = [...this.#panels].find((panel) => this.#isEarlier(panel.runId, run));
      if (earlier !== undefined) {
        earlier.bind(run);
        earlier.reveal(takeFocus);
        return;
      }
    }
    this.#create(panelTitle(run), takeFocus).bind(run);
  }

  /**
   * A webview takes VS Code a second to bring up, as long as building and attaching take: both go on side by side. The
   * tab closes again when there is no run for it. A source with errors in it gets none: its build will fail.
   */
  #openAhead({ file, hosts, run }: WillAttach): void {
    const broken = vscode.languages
      .getDiagnostics(vscode.Uri.file(file))
      .some((diagnostic) => diagnostic.severity === vscode.DiagnosticSeverity.Error);
    const reusable = [...this.#panels].some((panel) => this.#isEarlier(panel.runId, { file, hosts }));
    if (broken || reusable) return;
    const panel = this.#create(panelTitle({ name: basename(file).replace(/(\.bpf)?\.[co]$/, ''), hosts }));
    const bound = run.then(
      (attached) => (attached === undefined ? panel.close() : panel.bind(attached)),
      () => panel.close(), // whoever began the attach says what went wrong
    );
    void panel.holdDuring(bound);
  }

  /** An empty panel beside the source, or where the others are. */
  #create(title: string, takeFocus = false): TracePanel {
    const column = [...this.#panels].map((panel) => panel.viewColumn).find((found) => found !== undefined);
    const panel = vscode.window.createWebviewPanel(
      PanelType.trace,
      title,
      { viewColumn: column ?? vscode.ViewColumn.Beside, preserveFocus: !takeFocus },
      panelOptions(this.#parts.extensionUri),
    );
    return this.#add(panel, emptyState);
  }

  /** Shows a run in a panel that somebody else has made: the editor of a recording. */
  showIn(panel: vscode.WebviewPanel, run: RunSummary): void {
    this.#add(panel, emptyState).bind(run);
  }

  #isEarlier(runId: string, run: Pick<RunSummary, 'file' | 'hosts'>): boolean {
    const shown = this.#parts.runs.get(runId);
    return (
      shown !== undefined &&
      !isLive(shown) &&
      shown.replay === undefined &&
      shown.file === run.file &&
      shown.hosts.join() === run.hosts.join()
    );
  }

  #add(panel: vscode.WebviewPanel, state: PanelState): TracePanel {
    const added = new TracePanel(this.#parts, panel, state);
    this.#panels.add(added);
    added.onDidDispose(() => this.#panels.delete(added));
    return added;
  }

  /** After a window reload: the tab comes back, and attaches again what was attached when the window went away. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, saved: unknown): Promise<void> {
    const state = parsePanelState(saved) ?? emptyState;
    const remembered = state.spec === null ? undefined : this.#parts.specs.take(state.spec);
    const spec = remembered?.spec ?? null;
    // The run's id is of the engine that went away with the window.
    const restored = this.#add(panel, { ...state, runId: '', spec });
    const kept = this.#parts.kept.ofEarlier(state.runId);
    if (kept.length > 0) {
      void restored.holdDuring(this.#adoptInto(restored, kept));
      return Promise.resolve();
    }
    if (spec === null || !remembered?.live) return Promise.resolve();
    // Not waited for: the tab is restored, and attaching may ask questions.
    // The message is not waited for either: a panel whose attach failed says so and offers it again.
    const attach = (): Promise<void> =>
      this.#attachInto(restored, spec).catch(
        (error: unknown) => void this.#parts.errors.show(error, { retry: attach }),
      );
    void restored.holdDuring(attach());
    return Promise.resolve();
  }

  /** What went on on its hosts while the window was away; each host's share is a run of its own from now on. */
  async #adoptInto(panel: TracePanel, kept: KeptRun[]): Promise<void> {
    for (const [at, one] of kept.entries()) {
      try {
        const run = await this.#parts.keeper.adopt(one, { quiet: at === 0 });
        if (at === 0) panel.bind(run);
      } catch (error) {
        void this.#parts.errors.show(error, { retry: () => this.#adoptInto(panel, [one]) });
      }
    }
  }

  async #restart(panel: TracePanel): Promise<void> {
    const run = this.#parts.runs.get(panel.runId);
    const left = run === undefined ? [] : this.#parts.kept.leftOf(run);
    // Another copy of what still runs is not what somebody wants who left it.
    if (left.length > 0) for (const one of left) await this.#parts.keeper.adopt(one);
    else if (this.#parts.runs.get(panel.runId) !== undefined) await this.#parts.attacher.restart(panel.runId);
    else if (panel.spec !== null) await this.#attachInto(panel, panel.spec);
  }

  async #attachInto(panel: TracePanel, spec: AttachSpec): Promise<void> {
    panel.bind(await this.#parts.attacher.attach(spec));
  }

  dispose(): void {
    this.#disposables.dispose();
    // Not closed here: tabs that are open when the window goes away are what comes back.
    this.#panels.clear();
  }
}

const emptyState: PanelState = { runId: '', stream: '', where: '', hidden: [], widths: {}, spec: null };

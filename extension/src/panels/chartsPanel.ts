import * as vscode from 'vscode';
import type { ChartSpec, ChartsState, ChartsToHost, ChartsToPanel, RowsAsk, RunSummary } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import type { CostHistory } from '../charts/costHistory.ts';
import { DisposableStore } from '../disposable.ts';
import type { ErrorReporter } from '../errors.ts';
import type { RunList } from '../model/runList.ts';
import { Throttle } from '../throttle.ts';
import { parseChartsToHost } from './chartsGuards.ts';
import { OpenQuestions } from './openQuestions.ts';
import { usePanelPage } from './panelPage.ts';
import { receive } from './receive.ts';

/** Run summaries and costs reach a page at most so often; its data it asks for itself. */
const SUMMARY_INTERVAL_MS = 500;

export interface ChartsPanelParts {
  engine: Pick<Engine, 'askRows'>;
  errors: ErrorReporter;
  runs: RunList;
  costs: CostHistory;
  extensionUri: vscode.Uri;
  /** Remembers a program's charts. */
  remember(file: string, charts: readonly ChartSpec[]): void;
  /** The charts that a program's source and manifest name, or those of any program. */
  chartsOf(file: string, run: RunSummary | undefined): Promise<{ charts: ChartSpec[]; notes: string[] }>;
  showRows(run: RunSummary, stream: string, where: string): void;
  showMaps(run: RunSummary): void;
}

/** One page of charts: the host's side of the webview, bound to a program and one of its runs. */
export class ChartsPanel {
  readonly #parts: ChartsPanelParts;
  readonly #panel: vscode.WebviewPanel;
  readonly #disposables = new DisposableStore();
  readonly #summary: Throttle;
  readonly #questions = new OpenQuestions();
  #state: ChartsState;
  #notes: string[] = [];
  #ready = false;

  constructor(parts: ChartsPanelParts, panel: vscode.WebviewPanel, state: ChartsState) {
    this.#parts = parts;
    this.#panel = panel;
    this.#state = state;
    this.#summary = this.#disposables.add(new Throttle(SUMMARY_INTERVAL_MS, () => this.#postSummary()));
    this.#disposables.add(panel.onDidDispose(() => this.#disposables.dispose()));
    this.#disposables.add(panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)));
    this.#disposables.add(panel.onDidChangeViewState(() => this.#summary.request()));
    this.#disposables.add(
      parts.runs.onDidChange(({ run }) => {
        if (run.id === this.#state.runId) this.#summary.request();
      }),
    );
    usePanelPage(panel, parts.extensionUri, 'charts', 'Ringside charts');
  }

  get runId(): string {
    return this.#state.runId;
  }

  get file(): string {
    return this.#state.file;
  }

  onDidDispose(listener: () => void): void {
    this.#disposables.defer(listener);
  }

  /** Brings it to the front; the keyboard stays where it is unless it is to come too. */
  reveal(takeFocus: boolean): void {
    this.#panel.reveal(undefined, !takeFocus);
  }

  /** Shows another run of the program, with the same charts. */
  bind(run: RunSummary): void {
    this.#state = { ...this.#state, runId: run.id, file: run.file };
    this.#panel.title = chartsTitle(run);
    if (this.#ready) this.#init();
  }

  /** Takes charts in place of those that are there. */
  setCharts(charts: readonly ChartSpec[], notes: readonly string[]): void {
    this.#state = { ...this.#state, charts: [...charts] };
    this.#notes = [...notes];
    if (this.#ready) this.#init();
  }

  add(chart: ChartSpec): void {
    if (this.#ready) this.#post({ type: 'add', chart });
    else this.#state = { ...this.#state, charts: [...this.#state.charts, chart] };
  }

  #receive(raw: unknown): void {
    receive(this.#parts.errors, 'charts', raw, parseChartsToHost, (message) => this.#handle(message));
  }

  async #handle(message: ChartsToHost): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        this.#init();
        break;
      case 'summary': {
        const { runId, ...rest } = message.query;
        await this.#answer(message.id, runId, { ask: 'summary', ...rest });
        break;
      }
      case 'mapSummary': {
        const { runId, ...rest } = message.query;
        await this.#answer(message.id, runId, { ask: 'mapSummary', ...rest });
        break;
      }
      case 'maps': {
        const run = this.#parts.runs.get(this.#state.runId);
        if (run !== undefined) this.#parts.showMaps(run);
        break;
      }
      case 'state':
        // The run and its program are ours to say.
        this.#state = { ...this.#state, charts: message.state.charts };
        if (this.#state.file !== '') this.#parts.remember(this.#state.file, message.state.charts);
        break;
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
      case 'trace': {
        const run = this.#parts.runs.get(this.#state.runId);
        if (run !== undefined) this.#parts.showRows(run, message.stream, message.where);
        break;
      }
      case 'reset': {
        const { charts, notes } = await this.#parts.chartsOf(this.#state.file, this.#parts.runs.get(this.#state.runId));
        this.setCharts(charts, notes);
        break;
      }
    }
  }

  /** Answers a question about this page's own run; everything else, and too much at once, is refused. */
  async #answer(id: number, runId: string, ask: Extract<RowsAsk, { ask: 'summary' | 'mapSummary' }>): Promise<void> {
    const refusal = runId === this.#state.runId ? null : 'This page shows another run now.';
    await this.#questions.answer(
      id,
      refusal,
      async (): Promise<ChartsToPanel> => ({
        type: 'summary',
        id,
        page: await this.#parts.engine.askRows(runId, ask),
      }),
      (message) => this.#post(message),
    );
  }

  #init(): void {
    const { runs, costs } = this.#parts;
    const run = runs.get(this.#state.runId) ?? null;
    const past = [...costs.of(this.#state.runId)];
    this.#post({ type: 'init', run, state: this.#state, costs: past, notes: this.#notes });
  }

  /** A hidden page costs nothing; when it is shown again it asks for what it missed. */
  #postSummary(): void {
    const run = this.#parts.runs.get(this.#state.runId);
    if (run === undefined || !this.#ready || !this.#panel.visible) return;
    this.#post({ type: 'run', run, cost: this.#parts.costs.of(run.id).at(-1) ?? null });
  }

  #post(message: ChartsToPanel): void {
    if (!this.#disposables.disposed) void this.#panel.webview.postMessage(message);
  }
}

export const chartsTitle = (run: Pick<RunSummary, 'name' | 'hosts'>): string =>
  `Charts · ${run.name} · ${run.hosts.join(', ')}`;

import * as vscode from 'vscode';
import type { PanelState, RunSummary, ToHost, ToPanel } from '@ringside/core/model';
import { Command } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import { isLive } from '../format.ts';
import { Throttle } from '../throttle.ts';
import { exportRows } from './exportRows.ts';
import { showDeclaration } from './declaration.ts';
import { OpenQuestions } from './openQuestions.ts';
import { usePanelPage } from './panelPage.ts';
import { receive } from './receive.ts';
import { controlCommands, parseToHost } from './panelGuards.ts';
import { applyRemedy } from './remedies.ts';
import type { TracePanelParts } from './tracePanels.ts';

/** Run summaries reach a panel at most so often; rows it asks for itself. */
const summaryIntervalMs = 250;

/** One panel: the host's side of the trace webview, bound to one run at a time. */
export class TracePanel {
  readonly #parts: TracePanelParts;
  readonly #panel: vscode.WebviewPanel;
  readonly #disposables = new DisposableStore();
  readonly #summary: Throttle;
  readonly #questions = new OpenQuestions();
  #state: PanelState;
  #ready = false;
  /** While the panel's run is being attached again, it is told nothing: it would say that nothing is attached. */
  #held = false;

  constructor(parts: TracePanelParts, panel: vscode.WebviewPanel, state: PanelState) {
    this.#parts = parts;
    this.#panel = panel;
    this.#state = state;
    this.#summary = this.#disposables.add(new Throttle(summaryIntervalMs, () => this.#postSummary()));
    this.#disposables.add(panel.onDidDispose(() => this.#disposables.dispose()));
    this.#disposables.add(panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)));
    this.#disposables.add(panel.onDidChangeViewState(() => this.#summary.request()));
    this.#disposables.add(
      parts.runs.onDidChange(({ run }) => {
        if (run.id === this.#state.runId) this.#summary.request();
      }),
    );
    this.#disposables.add(parts.kept.onDidChange(() => this.#summary.request()));
    usePanelPage(panel, parts.extensionUri, 'trace', 'Ringside trace');
  }

  get runId(): string {
    return this.#state.runId;
  }

  get viewColumn(): vscode.ViewColumn | undefined {
    return this.#panel.viewColumn;
  }

  onDidDispose(listener: () => void): void {
    this.#disposables.defer(listener);
  }

  /** Brings it to the front; the keyboard stays where it is unless it is to come too. */
  reveal(takeFocus = false): void {
    this.#panel.reveal(undefined, !takeFocus);
  }

  /** Shows another run in the same tab, with the same filter and columns. */
  bind(run: RunSummary): void {
    const spec = this.#parts.attacher.specOf(run.id) ?? this.#state.spec;
    // A program without records shows its first map: "" would mean its prints, of which there may never be any.
    const stream = this.#state.stream === '' ? (run.schemas[0]?.stream ?? '') : this.#state.stream;
    const remembered = this.#parts.memory.of(run);
    // Rows of another run have other numbers: its bookmarks mean nothing here.
    const bookmarks = run.id === this.#state.runId ? (this.#state.bookmarks ?? []) : remembered.bookmarks;
    const known = this.#state.layout === undefined ? this.#parts.layouts.of(run.file) : null;
    this.#state = { ...this.#state, ...known, runId: run.id, stream, spec, colours: remembered.colours, bookmarks };
    // The tab of a recording has its file's name.
    if (run.replay === undefined) this.#panel.title = panelTitle(run);
    if (this.#ready) this.#init();
  }

  /** Shows rows of a stream ("" = the one that is shown) that pass a filter. */
  show(stream: string, where: string): void {
    this.#state = { ...this.#state, where, stream: stream === '' ? this.#state.stream : stream };
    if (this.#ready) this.#init();
  }

  /** Keeps the panel waiting until a job is over. */
  async holdDuring(job: Promise<unknown>): Promise<void> {
    this.#held = true;
    await job;
    this.#held = false;
    if (this.#ready) this.#init();
  }

  #receive(raw: unknown): void {
    receive(this.#parts.errors, 'trace', raw, parseToHost, (message) => this.#handle(message));
  }

  async #handle(message: ToHost): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        this.#init();
        break;
      case 'rows':
        await this.#answer(message.id, message.query.runId, async () => {
          const page = await this.#parts.engine.rows(message.query);
          return { type: 'rows', id: message.id, page };
        });
        break;
      case 'detail':
        await this.#answer(message.id, message.runId, async () => {
          const detail = await this.#parts.engine.row(message.runId, message.stream, message.seq);
          return { type: 'detail', id: message.id, detail };
        });
        break;
      case 'state':
        // The run and its spec are ours to say; the panel only decides how it is shown.
        this.#remember(message.state);
        this.#state = { ...message.state, runId: this.#state.runId, spec: this.#state.spec };
        this.#parts.memory.keep(this.#parts.runs.get(this.#state.runId), message.state);
        break;
      case 'pause':
        await this.#parts.attacher.pause(this.#state.runId, message.paused);
        break;
      case 'stop':
        await this.#onRun((run) => this.#parts.keeper.stop(run));
        break;
      case 'keep':
        await this.#onRun((run) => this.#parts.keeper.ask(run));
        break;
      case 'record':
        await vscode.commands.executeCommand(Command.runRecord, this.#state.runId);
        break;
      case 'control':
        await vscode.commands.executeCommand(controlCommands[message.what], this.#state.runId);
        break;
      case 'restart':
        await this.#parts.restart(this);
        break;
      case 'complete':
        await this.#answer(message.id, message.runId, async () => {
          const { stream, text, at } = message;
          const completions = await this.#parts.engine.askRows(message.runId, { ask: 'complete', stream, text, at });
          return { type: 'completions', id: message.id, completions };
        });
        break;
      case 'ask':
        await this.#answer(message.id, message.runId, async () => {
          const answer = await this.#parts.engine.askRows(message.runId, message.ask);
          return { type: 'answer', id: message.id, answer };
        });
        break;
      case 'declaration':
        await this.#onRun((run) => showDeclaration(run.file, message.record, message.path));
        break;
      case 'remedy':
        await this.#onRun((run) => applyRemedy(message.remedy, run, message.stream));
        break;
      case 'find':
        await this.#answer(message.id, message.runId, async () => {
          const found = await this.#parts.engine.askRows(message.runId, { ask: 'find', ...message.ask });
          return { type: 'found', id: message.id, found };
        });
        break;
      case 'groups':
        await this.#answer(message.id, message.query.runId, async () => {
          const { runId, ...query } = message.query;
          const page = await this.#parts.engine.askRows(runId, { ask: 'summary', ...query });
          return { type: 'groups', id: message.id, page };
        });
        break;
      case 'export':
        await this.#onRun((run) => exportRows(this.#parts.engine, run, message));
        break;
      case 'chart':
        await this.#onRun((run) => this.#parts.chart(run, message.chart));
        break;
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
    }
  }

  async #onRun(action: (run: RunSummary) => Promise<void>): Promise<void> {
    const run = this.#parts.runs.get(this.#state.runId);
    if (run !== undefined) await action(run);
  }

  /** The next panel of the same program begins with what was chosen here. */
  #remember({ hidden, widths, layout }: PanelState): void {
    const file = this.#parts.runs.get(this.#state.runId)?.file;
    if (file === undefined) return;
    if (layout !== undefined) this.#parts.layouts.set(file, { hidden, widths, layout });
    // Only who took something back says so: another tab that never had a layout does not.
    else if (this.#state.layout !== undefined) this.#parts.layouts.forget(file);
  }

  get spec(): PanelState['spec'] {
    return this.#state.spec;
  }

  /** Answers a question about this panel's own run; everything else, and too much at once, is refused. */
  async #answer(id: number, runId: string, ask: () => Promise<ToPanel>): Promise<void> {
    const refusal = runId === this.#state.runId ? null : 'This panel shows another run now.';
    await this.#questions.answer(id, refusal, ask, (message) => this.#post(message));
  }

  #init(): void {
    if (this.#held) return;
    const run = this.#parts.runs.get(this.#state.runId);
    this.#post({ type: 'init', run: run === undefined ? null : this.#asItIs(run), state: this.#state });
  }

  /** A hidden panel costs nothing; when it is shown again, onDidChangeViewState brings it up to date. */
  #postSummary(): void {
    const run = this.#parts.runs.get(this.#state.runId);
    if (run !== undefined && this.#ready && this.#panel.visible) this.#post({ type: 'run', run: this.#asItIs(run) });
  }

  /** An ended run that was left says where it goes on only as long as it does. */
  #asItIs(run: RunSummary): RunSummary {
    if (isLive(run) || run.kept.length === 0) return run;
    const kept = this.#parts.kept.leftOf(run).map(({ host, run: name, expires }) => ({ host, run: name, expires }));
    return { ...run, kept };
  }

  #post(message: ToPanel): void {
    if (!this.#disposables.disposed) void this.#panel.webview.postMessage(message);
  }

  close(): void {
    this.#panel.dispose();
  }
}

export const panelTitle = (run: Pick<RunSummary, 'name' | 'hosts'>): string => `${run.name} · ${run.hosts.join(', ')}`;

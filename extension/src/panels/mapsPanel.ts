import * as vscode from 'vscode';
import type {
  ChartSpec,
  MapsAnswers,
  MapsListing,
  MapsPanelState,
  MapsQuery,
  MapsScope,
  MapsToHost,
  MapsToPanel,
  MapSummary,
  MapTarget,
  RunSummary,
} from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import { Command } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import { ExtensionError, type ErrorReporter } from '../errors.ts';
import type { RunList } from '../model/runList.ts';
import { parseMapsToHost } from './mapsGuards.ts';
import { OpenQuestions } from './openQuestions.ts';
import { usePanelPage } from './panelPage.ts';
import { receive } from './receive.ts';

export interface MapsPanelParts {
  engine: Engine;
  errors: ErrorReporter;
  runs: RunList;
  extensionUri: vscode.Uri;
  /** Adds a chart to a run's page. */
  chart(run: RunSummary, chart: ChartSpec): Promise<void>;
}

/** One Maps panel: the host's side. It passes questions to the engine, and asks before what is not ours is written. */
export class MapsPanel {
  readonly #parts: MapsPanelParts;
  readonly #panel: vscode.WebviewPanel;
  readonly #disposables = new DisposableStore();
  readonly #questions = new OpenQuestions();
  /** Maps of others that may be written without asking again. */
  readonly #allowed = new Set<string>();
  #state: MapsPanelState;
  #ready = false;
  #view: Promise<number> | null = null;
  #listing: MapsListing | null = null;

  constructor(parts: MapsPanelParts, panel: vscode.WebviewPanel, state: MapsPanelState) {
    this.#parts = parts;
    this.#panel = panel;
    this.#state = state;
    this.#disposables.add(panel.onDidDispose(() => this.#dispose()));
    this.#disposables.add(panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)));
    usePanelPage(panel, parts.extensionUri, 'maps', 'Ringside maps');
  }

  get scope(): MapsScope {
    return this.#state.scope;
  }

  get title(): string {
    return this.#state.title;
  }

  onDidDispose(listener: () => void): void {
    this.#disposables.defer(listener);
  }

  /** Comes to the front, with this map if one is named. */
  reveal(target: MapTarget | null): void {
    this.#panel.reveal();
    if (target === null) return;
    this.#state = { ...this.#state, target };
    if (this.#ready) this.#init();
  }

  /** Shows another run in the same tab: the same program, started again. */
  bind(scope: MapsScope): void {
    this.#closeView();
    // Its maps have other numbers; the panel goes on with the one of the same name.
    this.#state = { ...this.#state, scope, target: null };
    if (this.#ready) this.#init();
  }

  #receive(raw: unknown): void {
    receive(this.#parts.errors, 'maps', raw, parseMapsToHost, (message) => this.#handle(message));
  }

  async #handle(message: MapsToHost): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        this.#init();
        break;
      case 'ask':
        await this.#answer(message.id, message.query);
        break;
      case 'state':
        // Whose maps they are is ours to say; the panel only decides how they are shown.
        this.#state = { ...message.state, scope: this.#state.scope, title: this.#state.title };
        break;
      case 'chart': {
        const { scope } = this.#state;
        const run = scope.kind === 'run' ? this.#parts.runs.get(scope.runId) : undefined;
        if (run !== undefined) await this.#parts.chart(run, message.chart);
        break;
      }
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
      case 'reconnect':
        await this.#reconnect();
        break;
    }
  }

  async #answer(id: number, query: MapsQuery): Promise<void> {
    await this.#questions.answer(
      id,
      null,
      async (): Promise<MapsToPanel> => ({ type: 'answer', id, ask: query.ask, value: await this.#ask(query) }),
      (message) => this.#post(message),
    );
  }

  async #ask(query: MapsQuery): Promise<MapsAnswers[MapsQuery['ask']]> {
    if (query.ask === 'change') await this.#mayWrite(query.target);
    const view = await this.#viewOf();
    const value = await this.#parts.engine.askMapsView(view, query);
    if (query.ask === 'list') this.#listing = value as MapsListing;
    return value;
  }

  #viewOf(): Promise<number> {
    this.#view ??= this.#parts.engine.openMapsView(this.#state.scope).catch((error: unknown) => {
      // The next question tries again.
      this.#view = null;
      throw error;
    });
    return this.#view;
  }

  /** A map that Ringside does not own is written only by somebody who was told so. */
  async #mayWrite(target: MapTarget): Promise<void> {
    const map = this.#listing?.maps.find(({ host, id }) => host === target.host && id === target.id);
    const key = `${target.host} ${target.id}`;
    if (map?.owned === true || this.#allowed.has(key)) return;
    const [write, always] = ['Write', 'Write, and Do Not Ask Again for It'];
    const answer = await vscode.window.showWarningMessage(
      `Write to ${map?.name ?? 'map'} (${target.id}) on ${target.host}?`,
      { modal: true, detail: `${holderWords(map)} Whoever reads it sees the change at once.` },
      write,
      always,
    );
    if (answer === always) this.#allowed.add(key);
    if (answer === undefined) throw new ExtensionError({ code: 'cancelled', message: 'Nothing was written.' });
  }

  /** Connects what is away; a run that ended with its connection is started again once its hosts are back. */
  async #reconnect(): Promise<void> {
    const { scope } = this.#state;
    if (scope.kind === 'run' && this.#listing?.restartable === true) {
      await vscode.commands.executeCommand(Command.runStartAgain, scope.runId);
      return;
    }
    const away = this.#listing?.away.map(({ host }) => host) ?? [];
    const run = scope.kind === 'run' ? this.#parts.runs.get(scope.runId) : undefined;
    const hosts = scope.kind === 'host' ? [scope.host] : away.length > 0 ? away : (run?.hosts ?? []);
    await Promise.all(hosts.map((host) => this.#parts.engine.connect(host)));
  }

  #init(): void {
    const { title } = this.#state;
    this.#post({ type: 'init', title, state: this.#state });
  }

  #post(message: MapsToPanel): void {
    if (!this.#disposables.disposed) void this.#panel.webview.postMessage(message);
  }

  #closeView(): void {
    const view = this.#view;
    this.#view = null;
    this.#listing = null;
    view?.then((id) => this.#parts.engine.closeMapsView(id)).catch((error: unknown) => this.#parts.errors.log(error));
  }

  #dispose(): void {
    this.#closeView();
    this.#disposables.dispose();
  }
}

function holderWords(map: MapSummary | undefined): string {
  const pins = map?.pins ?? [];
  const held = map?.owner ?? '';
  if (held === '' && pins.length === 0) return 'It is no map of a run of this window.';
  const by = held === '' ? '' : `It is held by ${held}`;
  const at = pins.length === 0 ? '' : `${by === '' ? 'It is' : ', and'} pinned at ${pins.join(', ')}`;
  return `${by}${at}, and is no map of a run of this window.`;
}

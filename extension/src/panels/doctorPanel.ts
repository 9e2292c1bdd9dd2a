import * as vscode from 'vscode';
import type { CheckedHost, DoctorPanelState, DoctorToHost, DoctorToPanel } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import { doctorText } from '../controllers/doctorText.ts';
import { DisposableStore } from '../disposable.ts';
import { ExtensionError, errorData } from '../errors.ts';
import type { ErrorReporter } from '../errors.ts';
import { stepWords } from '../progress.ts';
import { usePanelPage } from './panelPage.ts';
import { parseDoctorToHost } from './doctorGuards.ts';

export interface DoctorPanelParts {
  engine: Engine;
  errors: ErrorReporter;
  extensionUri: vscode.Uri;
}

/** Hosts that are checked at the same time; the others wait for their turn. */
const mostAtOnce = 8;

/** One Doctor panel: the host's side. It runs the checks of its hosts, and tells the page how far they are. */
export class DoctorPanel {
  readonly #parts: DoctorPanelParts;
  readonly #panel: vscode.WebviewPanel;
  readonly #disposables = new DisposableStore();
  readonly #title: string;
  readonly #hosts: Map<string, CheckedHost>;
  /** One a check that waits or runs. */
  readonly #running = new Map<string, AbortController>();
  readonly #waiting: string[] = [];
  #ready = false;

  constructor(parts: DoctorPanelParts, panel: vscode.WebviewPanel, { title, hosts }: DoctorPanelState) {
    this.#parts = parts;
    this.#panel = panel;
    this.#title = title;
    this.#hosts = new Map(hosts.map((name) => [name, notChecked(name)]));
    this.#disposables.add(panel.onDidDispose(() => this.#dispose()));
    this.#disposables.add(panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)));
    usePanelPage(panel, parts.extensionUri, 'doctor', 'Ringside doctor');
  }

  /** A group whose hosts have changed is another one. */
  shows(title: string, hosts: string[]): boolean {
    return title === this.#title && hosts.join() === [...this.#hosts.keys()].join();
  }

  onDidDispose(listener: () => void): void {
    this.#disposables.defer(listener);
  }

  reveal(): void {
    this.#panel.reveal();
  }

  /** Checks one host, or all of them; those that are being checked already go on. */
  check(only: string | null = null): void {
    for (const name of this.#hosts.keys()) {
      if ((only !== null && name !== only) || this.#running.has(name)) continue;
      this.#running.set(name, new AbortController());
      this.#waiting.push(name);
      this.#change(name, { state: 'waiting', step: 'Waiting for its turn' });
    }
    this.#next();
  }

  #next(): void {
    const begun = this.#running.size - this.#waiting.length;
    for (const name of this.#waiting.splice(0, Math.max(0, mostAtOnce - begun))) void this.#checkOne(name);
  }

  async #checkOne(name: string): Promise<void> {
    const abort = this.#running.get(name);
    if (abort === undefined) return;
    this.#change(name, { state: 'running', step: `Connecting to ${name}` });
    try {
      const report = await this.#parts.engine.doctor(name, {
        signal: abort.signal,
        progress: (step) => {
          // A step that was under way when it ended says nothing of now.
          if (this.#running.get(name) === abort) this.#change(name, { step: stepWords(step) });
        },
      });
      this.#end(name, abort, { state: 'done', report, error: null, checkedAt: Date.now() });
    } catch (thrown) {
      const error = errorData(thrown);
      if (error.code === 'cancelled') this.#end(name, abort, { state: 'cancelled' });
      else {
        this.#parts.errors.log(thrown);
        this.#end(name, abort, { state: 'failed', error, report: null, checkedAt: Date.now() });
      }
    }
    this.#next();
  }

  #end(name: string, abort: AbortController, change: Partial<CheckedHost>): void {
    if (this.#running.get(name) !== abort) return;
    this.#running.delete(name);
    this.#change(name, { ...change, step: '' });
  }

  #cancel(): void {
    for (const name of this.#waiting.splice(0)) {
      this.#running.delete(name);
      this.#change(name, { state: 'cancelled', step: '' });
    }
    for (const abort of this.#running.values()) abort.abort();
  }

  #change(name: string, change: Partial<CheckedHost>): void {
    const host = { ...this.#hosts.get(name)!, ...change };
    this.#hosts.set(name, host);
    if (this.#ready) this.#post({ type: 'host', host });
  }

  #receive(raw: unknown): void {
    const message = parseDoctorToHost(raw);
    if (message === null) {
      this.#parts.errors.log(new Error('A message of the doctor panel was not understood and dropped.'));
      return;
    }
    this.#handle(message).catch((error: unknown) => void this.#parts.errors.show(error));
  }

  async #handle(message: DoctorToHost): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        this.#post({ type: 'hosts', title: this.#title, hosts: [...this.#hosts.values()] });
        break;
      case 'run':
        if (!vscode.workspace.isTrusted)
          throw new ExtensionError({
            code: 'no-permission',
            message: 'This window is in Restricted Mode.',
            remedy: 'Trust the workspace to reach hosts.',
          });
        this.check(message.host);
        break;
      case 'cancel':
        this.#cancel();
        break;
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
      case 'copy-all':
        await vscode.env.clipboard.writeText([...this.#hosts.values()].map(hostText).join('\n'));
        break;
    }
  }

  #post(message: DoctorToPanel): void {
    if (!this.#disposables.disposed) void this.#panel.webview.postMessage(message);
  }

  #dispose(): void {
    this.#cancel();
    this.#disposables.dispose();
  }
}

const notChecked = (name: string): CheckedHost => ({
  name,
  state: 'cancelled',
  step: '',
  report: null,
  error: null,
  checkedAt: null,
});

/** A host as text, also when there is no report of it. */
function hostText({ name, report, error }: CheckedHost): string {
  if (report !== null) return doctorText(report);
  if (error === null) return `${name}: not checked\n`;
  const lines = [`${name}: ✗ ${error.message} (${error.code})`, error.remedy === '' ? '' : `    → ${error.remedy}`];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

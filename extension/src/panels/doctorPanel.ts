import * as vscode from 'vscode';
import type { CheckedHost, DoctorPanelState, DoctorReport, DoctorToHost, DoctorToPanel } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import { doctorText } from '../controllers/doctorText.ts';
import { DisposableStore } from '../disposable.ts';
import { ExtensionError } from '../errors.ts';
import type { ErrorReporter } from '../errors.ts';
import { EachHost } from './eachHost.ts';
import { usePanelPage } from './panelPage.ts';
import { receive } from './receive.ts';
import { parseDoctorToHost } from './doctorGuards.ts';

export interface DoctorPanelParts {
  engine: Engine;
  errors: ErrorReporter;
  extensionUri: vscode.Uri;
}

/** One Doctor panel: the host's side. It runs the checks of its hosts, and tells the page how far they are. */
export class DoctorPanel {
  readonly #parts: DoctorPanelParts;
  readonly #panel: vscode.WebviewPanel;
  readonly #disposables = new DisposableStore();
  readonly #title: string;
  readonly #hosts: EachHost<DoctorReport>;
  #ready = false;

  constructor(parts: DoctorPanelParts, panel: vscode.WebviewPanel, { title, hosts }: DoctorPanelState) {
    this.#parts = parts;
    this.#panel = panel;
    this.#title = title;
    this.#hosts = new EachHost(hosts, {
      ask: (name, call) => parts.engine.doctor(name, call),
      onChange: (host) => {
        if (this.#ready) this.#post({ type: 'host', host });
      },
      log: (error) => parts.errors.log(error),
      oldReport: 'goes',
    });
    this.#disposables.add(panel.onDidDispose(() => this.#dispose()));
    this.#disposables.add(panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)));
    usePanelPage(panel, parts.extensionUri, 'doctor', 'Ringside doctor');
  }

  /** A group whose hosts have changed is another one. */
  shows(title: string, hosts: string[]): boolean {
    return title === this.#title && hosts.join() === this.#hosts.names().join();
  }

  onDidDispose(listener: () => void): void {
    this.#disposables.defer(listener);
  }

  reveal(): void {
    this.#panel.reveal();
  }

  /** Checks one host, or all of them; those that are being checked already go on. */
  check(only: string | null = null): void {
    this.#hosts.start(only);
  }

  #receive(raw: unknown): void {
    receive(this.#parts.errors, 'doctor', raw, parseDoctorToHost, (message) => this.#handle(message));
  }

  async #handle(message: DoctorToHost): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        this.#post({ type: 'hosts', title: this.#title, hosts: this.#hosts.all() });
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
        this.#hosts.cancel();
        break;
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
      case 'copy-all':
        await vscode.env.clipboard.writeText(this.#hosts.all().map(hostText).join('\n'));
        break;
    }
  }

  #post(message: DoctorToPanel): void {
    if (!this.#disposables.disposed) void this.#panel.webview.postMessage(message);
  }

  #dispose(): void {
    this.#hosts.cancel();
    this.#disposables.dispose();
  }
}

/** A host as text, also when there is no report of it. */
function hostText({ name, report, error }: CheckedHost): string {
  if (report !== null) return doctorText(report);
  if (error === null) return `${name}: not checked\n`;
  const lines = [`${name}: ✗ ${error.message} (${error.code})`, error.remedy === '' ? '' : `    → ${error.remedy}`];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

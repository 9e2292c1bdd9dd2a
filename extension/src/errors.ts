/** The one place that turns a failure into a message with buttons. Everything unforeseen is logged with its stack. */
import * as vscode from 'vscode';
import type { ErrorCode, ErrorData } from '@ringside/core/rpc';
import { Command } from './contributions.ts';
import { isDeclined } from './declined.ts';
import type { VirtualDocuments } from './virtualDocuments.ts';

/** Detail up to this length is logged only; longer detail (a verifier log, compiler output) gets its own document. */
const inlineDetail = 200;

export interface ShowOptions {
  /** Called by a Retry button. */
  retry?: () => unknown;
  /** More buttons, before the common ones. */
  actions?: { title: string; run: () => unknown }[];
}

/** Failures that a setting can repair. */
const settingFor: Partial<Record<ErrorCode, string>> = {
  'no-compiler': 'ringside.clang',
  'compiler-without-bpf': 'ringside.clang',
  'ssh-config': 'ringside.ssh',
  'ssh-transport': 'ringside.ssh',
  'sudo-denied': 'ringside.sudo',
  'sudo-password-needed': 'ringside.sudo',
};

/** Failures where trying again, unchanged, can help. */
const retryable: ReadonlySet<ErrorCode> = new Set([
  'host-unreachable',
  'host-timeout',
  'host-lost',
  'host-key-unknown',
  'auth-failed',
  'sudo-password-wrong',
  'sudo-password-needed',
  'agent-exited',
  'agent-start',
  'lease-expired',
  'no-space',
  'no-memory',
]);

export class ErrorReporter {
  readonly #log: vscode.LogOutputChannel;
  readonly #documents: VirtualDocuments;

  constructor(log: vscode.LogOutputChannel, documents: VirtualDocuments) {
    this.#log = log;
    this.#documents = documents;
  }

  /** Shows the failure and runs the button that was pressed; resolves when the message is gone. */
  async show(error: unknown, options: ShowOptions = {}): Promise<void> {
    const data = errorData(error);
    if (data.code === 'cancelled') return;
    this.log(error);
    // Whoever has just said no in a dialog is not told so by another.
    if (isDeclined(data)) {
      vscode.window.setStatusBarMessage(`Not confirmed. ${declinedText(error)}`, 5000);
      return;
    }
    const actions = this.#actions(data, options);
    const text = data.remedy === '' ? data.message : `${data.message} ${data.remedy}`;
    const chosen = await vscode.window.showErrorMessage(text, ...actions.map((action) => action.title));
    await actions.find((action) => action.title === chosen)?.run();
  }

  /** Writes the failure to the log, for places that show it otherwise (a tree node, a panel). */
  log(error: unknown): void {
    const data = errorData(error);
    const stack = data.code === 'internal' && error instanceof Error ? `\n${error.stack ?? ''}` : '';
    const detail = data.detail === '' || stack !== '' ? '' : `\n${data.detail.slice(0, 4000)}`;
    this.#log.error(`${data.code}: ${data.message} ${data.remedy}${detail}${stack}`);
  }

  #actions(data: ErrorData, options: ShowOptions): { title: string; run: () => unknown }[] {
    const actions = [...(options.actions ?? [])];
    if (options.retry !== undefined && retryable.has(data.code)) actions.push({ title: 'Retry', run: options.retry });
    if (data.detail.length > inlineDetail) {
      actions.push({ title: 'Show Details', run: () => this.showDetails(data) });
    }
    const prefix = settingFor[data.code];
    if (prefix !== undefined) {
      actions.push({
        title: 'Open Settings',
        run: () => vscode.commands.executeCommand('workbench.action.openSettings', prefix),
      });
    }
    const place = data.links.map(parsePlace).find((found) => found !== null);
    if (place)
      actions.push({ title: `Open ${place.file.split('/').at(-1) ?? place.file}`, run: () => openPlace(place) });
    actions.push({ title: 'Show Log', run: () => vscode.commands.executeCommand(Command.showLog) });
    return actions;
  }

  async showDetails(data: ErrorData): Promise<void> {
    const links = data.links.length === 0 ? '' : `\n\n${data.links.join('\n')}`;
    const text = `${data.message}\n${data.remedy}\n\n${data.detail}${links}\n`;
    await this.#documents.show(this.#documents.put(`${data.code}.log`, { text }));
  }
}

/**
 * Any thrown value as error data. By shape and not by class: errors arrive through the worker, and the extension host
 * holds no copy of core's code.
 */
export function errorData(error: unknown): ErrorData {
  if (isErrorData(error)) {
    const { code, message, remedy, detail, links } = error;
    return { code, message, remedy, detail, links };
  }
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'Canceled')) {
    return { code: 'cancelled', message: 'Cancelled.', remedy: '', detail: '', links: [] };
  }
  return {
    code: 'internal',
    message: error instanceof Error ? error.message : String(error),
    remedy: 'This is a fault in Ringside. Please report it with the log.',
    detail: error instanceof Error ? (error.stack ?? '') : '',
    links: [],
  };
}

function isErrorData(value: unknown): value is ErrorData {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, remedy, detail, links } = value as Partial<ErrorData>;
  return [code, message, remedy, detail].every((field) => typeof field === 'string') && Array.isArray(links);
}

/** An error thrown by the extension itself, in the engine's shape. */
export class ExtensionError extends Error implements ErrorData {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly detail: string;
  readonly links: string[];

  constructor(data: Pick<ErrorData, 'code' | 'message'> & Partial<ErrorData>) {
    super(data.message);
    this.name = 'RingsideError';
    this.code = data.code;
    this.remedy = data.remedy ?? '';
    this.detail = data.detail ?? '';
    this.links = data.links ?? [];
  }
}

/** A new version that was not confirmed: what it was to replace is attached as before. */
export class DeclinedVersion extends ExtensionError {
  readonly program: string;

  constructor(declined: ErrorData, program: string) {
    super(declined);
    this.program = program;
  }
}

/** What is attached after a guard's question was answered with no. */
export const declinedText = (error: unknown): string =>
  error instanceof DeclinedVersion ? `${error.program} goes on as it was.` : 'Nothing is attached.';

/** "file:line" of an error's link, such as a known_hosts entry. */
export function parsePlace(link: string): { file: string; line: number } | null {
  const match = /^(\/.+):(\d+)$/.exec(link);
  return match ? { file: match[1]!, line: Number(match[2]) } : null;
}

async function openPlace(place: { file: string; line: number }): Promise<void> {
  const position = new vscode.Position(Math.max(0, place.line - 1), 0);
  await vscode.window.showTextDocument(vscode.Uri.file(place.file), {
    selection: new vscode.Range(position, position),
  });
}

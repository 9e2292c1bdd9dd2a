import { join } from 'node:path';
import * as vscode from 'vscode';
import type { AuthoringTarget } from '@ringside/core/model';
import type { LanguageClient } from 'vscode-languageclient/node';
import type { AppContext } from '../appContext.ts';
import { onSettingChange, setting } from '../config.ts';
import { ContextKey, scriptLanguage, Setting } from '../contributions.ts';
import { setContextKey } from '../contextKeys.ts';
import { isBpfSource } from '../files.ts';
import { onDidRecognise } from '../sources.ts';
import { AuthoringTargets } from '../model/authoringTargets.ts';
import { suggestSection } from '../model/firstSuggestion.ts';

/** Starts the language server for the first BPF source that is opened; without trust it runs no compiler. */
export function registerLanguageClient(context: AppContext): void {
  const { disposables } = context;
  const server = disposables.add(new LanguageServer(context));
  const consider = (document: vscode.TextDocument): void => {
    const isSource = document.languageId === 'c' && isBpfSource(document.uri);
    if (isSource || (document.languageId === scriptLanguage && document.uri.scheme === 'file')) server.start();
  };
  const considerAll = (): void => vscode.workspace.textDocuments.forEach(consider);
  disposables.add(vscode.workspace.onDidOpenTextDocument(consider));
  disposables.add(onDidRecognise(consider));
  disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(() => server.restart()));
  disposables.add(vscode.extensions.onDidChange(() => server.clangdMayHaveChanged()));
  disposables.add(context.verifier.onDidBuildFor((target) => server.setTarget(target)));
  disposables.add(context.verifier.onDidChangeBusy((busy) => server.setBusy(busy)));
  const targets = disposables.add(new AuthoringTargets(context, (target, others) => server.setHost(target, others)));
  server.onDidStart(() => targets.follow());
  disposables.add(
    onSettingChange([Setting.clangPath, Setting.clangdPath, Setting.clangdEnabled], () => server.restart()),
  );
  context.language.connect((method, params) => {
    targets.follow();
    return server.ask(method, params);
  });
  considerAll();
}

/** The kernel that programs are checked against; the counterpart is language-server/src/protocol.ts. */
type TargetParams = Partial<Omit<AuthoringTarget, 'arch'>> & {
  vmlinuxHeader: string | null;
  arch: string | null;
  others?: OtherTarget[];
};
type OtherTarget = Pick<AuthoringTarget, 'host' | 'kernel' | 'btf' | 'targets' | 'cached'>;
const targetNotification = 'ringside/target';
/** A verdict is being waited for, or no more: `{ busy: boolean }`. */
const busyNotification = 'ringside/busy';

/** The clangd extension, when it is installed and enabled. */
function hasClangd(): boolean {
  if (vscode.extensions.getExtension('llvm-vs-code-extensions.vscode-clangd') === undefined) return false;
  return vscode.workspace.getConfiguration().get('clangd.enable') !== false;
}

class LanguageServer implements vscode.Disposable {
  readonly #context: AppContext;
  /** The client, while it starts, runs or stops; steps are done one after the other. */
  #client: LanguageClient | undefined;
  /** The kernel of the last build. */
  #built: TargetParams | undefined;
  /** The host of the program that is being written. */
  #host: AuthoringTarget | null = null;
  /** Further hosts that it is written for. */
  #others: OtherTarget[] = [];
  #sent = '';
  /** Whether clangd served the editor when the server was started. */
  #withClangd = false;
  #started: (() => void) | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(context: AppContext) {
    this.#context = context;
  }

  start(): void {
    this.#enqueue(() => this.#start());
  }

  restart(): void {
    this.#enqueue(async () => {
      if (this.#client === undefined) return;
      await this.#stop();
      await this.#start();
    });
  }

  onDidStart(listener: () => void): void {
    this.#started = listener;
  }

  /** Also remembered for a server that starts later. */
  setTarget(target: TargetParams): void {
    this.#built = target;
    this.#enqueue(() => this.#sendTarget());
  }

  setHost(target: AuthoringTarget | null, others: readonly AuthoringTarget[]): void {
    this.#host = target;
    this.#others = others.map(({ host, kernel, btf, targets, cached }) => ({ host, kernel, btf, targets, cached }));
    this.#enqueue(() => this.#sendTarget());
  }

  /** What nobody waits for gives way to a verdict; a server that is not there does nothing that could. */
  setBusy(busy: boolean): void {
    const send = this.#client?.sendNotification(busyNotification, { busy });
    send?.catch((error: unknown) => this.#context.errors.log(error));
  }

  /** A question beyond the protocol; the first one starts the server. */
  async ask(method: string, params: unknown): Promise<unknown> {
    this.start();
    await this.#queue;
    if (this.#client === undefined) throw new Error('The language server does not run; the log says why.');
    return await this.#client.sendRequest(method, params);
  }

  /** Generic C is clangd's where it serves the editor: who does what is settled when the server starts. */
  clangdMayHaveChanged(): void {
    if (hasClangd() !== this.#withClangd) this.restart();
  }

  async #sendTarget(): Promise<void> {
    const target = this.#host?.vmlinuxHeader ? this.#host : { ...this.#host, ...this.#built };
    const { vmlinuxHeader = null, arch = null } = target;
    const params: TargetParams = { ...target, vmlinuxHeader, arch, others: this.#others };
    const text = JSON.stringify(params);
    if (text === this.#sent || this.#client === undefined || (!this.#host && !this.#built)) return;
    await this.#client.sendNotification(targetNotification, params);
    this.#sent = text;
    this.#context.language.changed();
  }

  #enqueue(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(step).catch((error: unknown) => this.#context.errors.log(error));
  }

  async #start(): Promise<void> {
    if (this.#client !== undefined) return;
    const { distDir, cacheDir, log } = this.#context;
    // The client is a third of the bundle: loaded when it is needed.
    const { LanguageClient: Client, TransportKind } = await import('vscode-languageclient/node');
    const module = join(distDir, 'language-server.js');
    this.#withClangd = hasClangd();
    this.#sent = '';
    const client = new Client(
      'ringside',
      'Ringside Language Server',
      { run: { module, transport: TransportKind.ipc }, debug: { module, transport: TransportKind.ipc } },
      {
        documentSelector: [
          { scheme: 'file', language: 'c', pattern: '**/*.c' },
          { scheme: 'file', language: scriptLanguage },
        ],
        outputChannel: log,
        initializationOptions: {
          resourceDir: distDir,
          cacheDir,
          compilerPath: setting(Setting.clangPath),
          trusted: vscode.workspace.isTrusted,
          genericC: !this.#withClangd,
          ...(!this.#withClangd && setting(Setting.clangdEnabled) && { clangd: { path: setting(Setting.clangdPath) } }),
        },
      },
    );
    this.#client = client;
    try {
      await client.start();
      await this.#sendTarget();
      setContextKey(ContextKey.languageServer, true);
      this.#started?.();
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
    await suggestSection(isBpfSource); // behind the server's start: what fails in it says nothing about the server
  }

  async #stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    setContextKey(ContextKey.languageServer, false);
    await client?.stop();
  }

  dispose(): void {
    this.#enqueue(() => this.#stop());
  }
}

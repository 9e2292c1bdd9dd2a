import { join } from 'node:path';
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import type { AppContext } from '../appContext.ts';
import { onSettingChange, setting } from '../config.ts';
import { ContextKey, Setting } from '../contributions.ts';
import { setContextKey } from '../contextKeys.ts';
import { isBpfSource } from '../files.ts';

/** Starts the language server for the first BPF source that is opened in a trusted window. */
export function registerLanguageClient(context: AppContext): void {
  const { disposables } = context;
  const server = disposables.add(new LanguageServer(context));
  const consider = (document: vscode.TextDocument): void => {
    if (vscode.workspace.isTrusted && document.languageId === 'c' && isBpfSource(document.uri)) server.start();
  };
  const considerAll = (): void => vscode.workspace.textDocuments.forEach(consider);
  disposables.add(vscode.workspace.onDidOpenTextDocument(consider));
  disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(considerAll));
  disposables.add(context.verifier.onDidBuildFor((target) => server.setTarget(target)));
  disposables.add(onSettingChange([Setting.clangPath], () => server.restart()));
  considerAll();
}

/** The kernel that programs are checked against; the counterpart is language-server/src/protocol.ts. */
interface TargetParams {
  vmlinuxHeader: string | null;
  arch: string | null;
}
const targetNotification = 'ringside/target';

class LanguageServer implements vscode.Disposable {
  readonly #context: AppContext;
  /** The client, while it starts, runs or stops; steps are done one after the other. */
  #client: LanguageClient | undefined;
  #target: TargetParams | undefined;
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

  /** Also remembered for a server that starts later. */
  setTarget(target: TargetParams): void {
    if (target.vmlinuxHeader === this.#target?.vmlinuxHeader && target.arch === this.#target.arch) return;
    this.#target = target;
    this.#enqueue(() => this.#sendTarget());
  }

  async #sendTarget(): Promise<void> {
    if (this.#target !== undefined) await this.#client?.sendNotification(targetNotification, this.#target);
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
    const client = new Client(
      'ringside',
      'Ringside Language Server',
      { run: { module, transport: TransportKind.ipc }, debug: { module, transport: TransportKind.ipc } },
      {
        documentSelector: [{ scheme: 'file', language: 'c', pattern: '**/*.bpf.c' }],
        outputChannel: log,
        initializationOptions: {
          resourceDir: distDir,
          cacheDir,
          compilerPath: setting(Setting.clangPath),
          trusted: true,
        },
      },
    );
    this.#client = client;
    try {
      await client.start();
      await this.#sendTarget();
      setContextKey(ContextKey.languageServer, true);
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
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

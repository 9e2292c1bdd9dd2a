/** One clangd process and what is said to it. */
import { constants, setPriority } from 'node:os';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type CancellationToken,
  type InitializeResult,
  type ProtocolConnection,
} from 'vscode-languageserver/node';

export interface ChildOptions {
  path: string;
  /** More arguments, for tests. */
  args?: readonly string[];
}

/**
 * No diagnostics (clang's are ours to tell), no includes inserted (they would be user space's), no index of a project:
 * programs are few files, and the kernel's types alone are a hundred thousand names.
 */
const usualArguments = [
  '--log=error',
  '--background-index=false',
  '--clang-tidy=false',
  '--header-insertion=never',
  '--compile_args_from=lsp',
  '--offset-encoding=utf-16',
  '--pch-storage=disk',
  '-j=2',
];

const clientCapabilities = {
  offsetEncoding: ['utf-16'],
  textDocument: {
    completion: {
      // "." behind a pointer becomes "->".
      editsNearCursor: true,
      completionItem: { snippetSupport: true, documentationFormat: ['markdown', 'plaintext'], deprecatedSupport: true },
    },
    hover: { contentFormat: ['markdown', 'plaintext'] },
    documentSymbol: { hierarchicalDocumentSymbolSupport: true },
    signatureHelp: { signatureInformation: { parameterInformation: { labelOffsetSupport: true } } },
    rename: { prepareSupport: true },
  },
};

/** Of what clangd says on stderr. */
const MAX_LAST_WORDS = 2000;

export class ClangdChild {
  /** Its capabilities; rejects when it ends before. */
  readonly ready: Promise<InitializeResult>;
  /** How it ended. */
  readonly ended: Promise<string>;
  /** What was asked last. */
  doing = 'starting';
  /** When it last answered something. */
  heard = Date.now();
  hasEnded = false;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly connection: ProtocolConnection;
  private lastWords = '';

  constructor({ path, args = [] }: ChildOptions) {
    const child = (this.child = spawn(path, [...usualArguments, ...args], { stdio: 'pipe', windowsHide: true }));
    giveWay(child.pid);
    this.connection = createProtocolConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    this.connection.onError(() => undefined); // a broken pipe: its end says more
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => {
      this.lastWords = (this.lastWords + chunk.toString('utf8')).slice(-MAX_LAST_WORDS);
    });
    // A server that ends by itself takes its child with it; one that is killed closes the child's stdin, which ends it.
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        if (this.hasEnded) return;
        this.hasEnded = true;
        process.removeListener('exit', kill);
        this.connection.dispose();
        const words = this.lastWords.trim();
        resolve(words === '' ? how : `${how}:\n${words}`);
      };
      child.once('error', (error) => end(`it could not be started: ${error.message}`));
      child.once('close', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
    this.connection.listen();
    this.ready = this.initialize();
    this.ready.catch(() => undefined);
  }

  private async initialize(): Promise<InitializeResult> {
    const params = { processId: process.pid, rootUri: null, capabilities: clientCapabilities };
    const answer = this.connection.sendRequest<InitializeResult>('initialize', params);
    const result = await Promise.race([answer, this.ended.then((how) => Promise.reject(new Error(how)))]);
    this.heard = Date.now();
    this.notify('initialized', {});
    return result;
  }

  notify(method: string, params: object): void {
    if (!this.hasEnded) this.connection.sendNotification(method, params).catch(() => undefined);
  }

  /** The answer; rejects when clangd says an error or ends. */
  async request<T>(method: string, params: object, token: CancellationToken): Promise<T> {
    const answer = this.connection.sendRequest<T>(method, params, token);
    try {
      return await Promise.race([answer, this.ended.then((how) => Promise.reject(new Error(how)))]);
    } finally {
      if (!this.hasEnded) this.heard = Date.now();
    }
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** Ends it the proper way, or after a moment by force. */
  async end(): Promise<void> {
    if (this.hasEnded) return;
    const timer = setTimeout(() => this.kill(), 1000);
    this.connection.sendRequest('shutdown').then(
      () => this.notify('exit', {}),
      () => undefined,
    );
    await this.ended;
    clearTimeout(timer);
  }
}

/** An edit above `vmlinux.h` has clangd read it anew, for a second: builds and verdicts, which are waited for, go first. */
function giveWay(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already, or the system does not let us: then it runs as everything does.
  }
}

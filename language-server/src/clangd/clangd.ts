/**
 * clangd over the life of the server: started for the first program, told of the programs' text and flags, started
 * again when it crashes or hangs, ended when no program has been open for a while.
 */
import { CancellationTokenSource, type CancellationToken } from 'vscode-languageserver';
import { Calm } from './calm.ts';
import type { ClangdChild } from './child.ts';

/** What is used of a process. */
export type Child = Pick<
  ClangdChild,
  'ready' | 'ended' | 'doing' | 'heard' | 'hasEnded' | 'notify' | 'request' | 'kill' | 'end'
>;

export interface CompileCommand {
  file: string;
  cwd: string;
  arguments: string[];
}

export interface ClangdServices {
  /** A clangd; new ones are made by this after a crash. */
  start(): Child;
  /** An open program as the editor has it; null when it is closed, or nothing for clangd. */
  document(uri: string): { version: number; text: string } | null;
  command(uri: string): Promise<CompileCommand>;
  log(message: string): void;
}

export interface Patience {
  /** Milliseconds before each new start after a crash; after the last there is none. */
  restarts: readonly number[];
  /** A clangd that lived that long is forgiven its crashes. */
  forgiven: number;
  /** No answer at all for that long, while something is asked: it hangs. */
  hang: number;
  /** Without any open program. */
  idle: number;
}

const usualPatience: Patience = {
  restarts: [1000, 4000, 15_000, 60_000],
  forgiven: 120_000,
  hang: 60_000,
  idle: 60_000,
};

/** The first answer comes after the kernel's types have been read: seconds, on a busy machine many. */
const PATIENCE_MS = 45_000;

interface Entry {
  /** undefined until it has been asked for, and again after `generation` has moved on. */
  command: CompileCommand | undefined;
  generation: number;
  /** What is being told to clangd, one thing after the other. */
  queue: Promise<void>;
}

/** What one process has been told. */
interface Session {
  child: Child;
  started: number;
  told: Map<string, Told>;
}

interface Told {
  version: number;
  command: CompileCommand;
  /** All up to the last header: when it changes, clangd reads the kernel's types anew, for a second of a processor. */
  preamble: string;
}

export interface AskOptions {
  token?: CancellationToken | undefined;
  /** Milliseconds. */
  within?: number;
  /** The editor asks by itself after each edit: what would be dear waits until nobody types or waits for a verdict. */
  automatic?: boolean;
}

export class Clangd {
  private readonly entries = new Map<string, Entry>();
  private readonly patience: Patience;
  private readonly calm = new Calm();
  private session: Session | null = null;
  private crashes = 0;
  private timer: NodeJS.Timeout | undefined;
  private isDisposed = false;

  constructor(
    private readonly services: ClangdServices,
    patience: Partial<Patience> = {},
  ) {
    this.patience = { ...usualPatience, ...patience };
  }

  /** The program is parsed from now on, before somebody waits for it. */
  open(uri: string): void {
    if (this.entries.has(uri)) return;
    this.entries.set(uri, { command: undefined, generation: 0, queue: Promise.resolve() });
    if (this.session) {
      clearTimeout(this.timer);
      void this.sync(this.session, uri);
    } else if (this.crashes === 0) this.start();
  }

  /** Its text has changed: clangd is told when somebody asks. */
  changed(): void {
    this.calm.stir();
  }

  /** Somebody waits for a verdict, or no more. */
  setBusy(busy: boolean): void {
    this.calm.setBusy(busy);
  }

  close(uri: string): void {
    if (!this.entries.delete(uri)) return;
    if (this.session?.told.delete(uri)) this.session.child.notify('textDocument/didClose', { textDocument: { uri } });
    if (this.entries.size > 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.stop(), this.patience.idle);
    this.timer.unref();
  }

  /** Another kernel, or a changed build file: every program's flags are asked for again. */
  retarget(): void {
    for (const [uri, entry] of this.entries) {
      entry.command = undefined;
      entry.generation++;
      if (this.session) void this.sync(this.session, uri);
    }
  }

  /** Flags that a build has found out. */
  setArguments(uri: string, args: readonly string[]): void {
    const entry = this.entries.get(uri);
    if (!entry?.command || JSON.stringify(entry.command.arguments) === JSON.stringify(args)) return;
    entry.command = { ...entry.command, arguments: [...args] };
    if (this.session) void this.sync(this.session, uri);
  }

  /**
   * Asks about a program as the editor has it now. null when clangd has nothing to say, does not run, or takes longer
   * than `within` milliseconds.
   */
  async ask<T>(
    method: string,
    uri: string,
    params: object,
    { token, within = PATIENCE_MS, automatic = false }: AskOptions = {},
  ): Promise<T | null> {
    const { session } = this;
    if (!session || !this.entries.has(uri)) return null;
    return limited(token, within, async (cancel) => {
      if (automatic) await this.calm.hold(() => this.isDear(session, uri), cancel);
      if (cancel.isCancellationRequested) return null;
      await this.sync(session, uri);
      return this.answer<T>(session, method, uri, params, cancel);
    });
  }

  /** True when clangd would have to read the headers of a program anew to know it as it is now. */
  private isDear({ told }: Session, uri: string): boolean {
    const before = told.get(uri);
    const document = this.services.document(uri);
    if (!before || !document || before.version === document.version) return false;
    return before.preamble !== preambleOf(document.text);
  }

  /** Asks about a program's text as if it lay at another place. */
  async askElsewhere<T>(
    method: string,
    uri: string,
    elsewhere: string,
    params: object,
    token: CancellationToken,
  ): Promise<T | null> {
    const { session } = this;
    const document = this.services.document(uri);
    if (!session || !document) return null;
    const { child } = session;
    return limited(token, PATIENCE_MS, async (cancel) => {
      await child.ready.catch(() => undefined);
      child.notify('textDocument/didOpen', { textDocument: { ...document, uri: elsewhere, languageId: 'c' } });
      try {
        return await this.answer<T>(session, method, uri, params, cancel);
      } finally {
        child.notify('textDocument/didClose', { textDocument: { uri: elsewhere } });
      }
    });
  }

  private async answer<T>(
    session: Session,
    method: string,
    uri: string,
    params: object,
    token: CancellationToken,
  ): Promise<T | null> {
    const { child } = session;
    if (child.hasEnded || token.isCancellationRequested) return null;
    child.doing = `${method} of ${uri}`;
    const asked = Date.now();
    const watch = setTimeout(() => {
      if (child.heard > asked || child.hasEnded) return;
      this.services.log(`clangd has not answered for ${Math.round(this.patience.hang / 1000)} s: it is ended`);
      child.kill();
    }, this.patience.hang);
    watch.unref();
    try {
      return await child.request<T>(method, params, token);
    } catch {
      return null; // cancelled, a text that it cannot read, or its end, which is told elsewhere
    } finally {
      clearTimeout(watch);
    }
  }

  private start(): void {
    clearTimeout(this.timer);
    if (this.isDisposed) return;
    const session: Session = { child: this.services.start(), started: Date.now(), told: new Map() };
    this.session = session;
    const { child } = session;
    child.ready.then(
      ({ serverInfo }) => this.services.log(`clangd runs: ${serverInfo?.version ?? 'version unknown'}`),
      () => undefined,
    );
    void child.ended.then((how) => this.ended(session, how));
    for (const uri of this.entries.keys()) void this.sync(session, uri);
  }

  private ended(session: Session, how: string): void {
    if (this.session !== session) return; // it was told to
    this.session = null;
    if (Date.now() - session.started >= this.patience.forgiven) this.crashes = 0;
    const delay = this.patience.restarts[this.crashes++];
    const next = delay === undefined ? 'it is not started again' : `it is started again in ${delay / 1000} s`;
    this.services.log(`clangd ended during ${session.child.doing} with ${how}\n${next}`);
    if (delay === undefined) return;
    this.timer = setTimeout(() => {
      if (this.entries.size > 0) this.start();
      else this.crashes = 0; // the next program starts it
    }, delay);
    this.timer.unref();
  }

  /** Makes the process know the program as it is now. */
  private sync(session: Session, uri: string): Promise<void> {
    const entry = this.entries.get(uri);
    if (!entry) return Promise.resolve();
    entry.queue = entry.queue
      .then(() => this.tell(session, uri, entry))
      .catch((error: unknown) => this.services.log(`clangd could not be told of ${uri}: ${String(error)}`));
    return entry.queue;
  }

  private async tell({ child, told }: Session, uri: string, entry: Entry): Promise<void> {
    await child.ready.catch(() => undefined);
    const command = await this.commandOf(uri, entry);
    const document = this.services.document(uri);
    if (child.hasEnded || !document || this.entries.get(uri) !== entry) return;
    const before = told.get(uri);
    if (before?.command !== command) {
      const compilationCommand = ['clang', ...command.arguments, '-x', 'c', command.file];
      const compilationDatabaseChanges = { [command.file]: { workingDirectory: command.cwd, compilationCommand } };
      child.notify('workspace/didChangeConfiguration', { settings: { compilationDatabaseChanges } });
    }
    const { version, text } = document;
    if (!before) {
      child.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'c', version, text } });
    } else if (before.version !== version) {
      const contentChanges = [{ text }];
      child.notify('textDocument/didChange', {
        ...{ textDocument: { uri, version }, contentChanges },
        wantDiagnostics: false,
      });
    }
    told.set(uri, { version, command, preamble: preambleOf(text) });
  }

  private async commandOf(uri: string, entry: Entry): Promise<CompileCommand> {
    for (;;) {
      if (entry.command) return entry.command;
      const { generation } = entry;
      const command = await this.services.command(uri);
      if (generation === entry.generation) entry.command ??= command;
    }
  }

  private async stop(): Promise<void> {
    clearTimeout(this.timer);
    const { session } = this;
    this.session = null;
    this.crashes = 0;
    await session?.child.end();
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
    this.entries.clear();
    await this.stop();
  }
}

/** A text up to its last line that includes a header. */
function preambleOf(text: string): string {
  const last = [...text.matchAll(/^[ \t]*#[ \t]*include\b.*$/gm)].at(-1);
  return last === undefined ? '' : text.slice(0, last.index + last[0].length);
}

/** Does something for so many milliseconds at most, then cancels it; null when it is too late. */
async function limited<T>(
  token: CancellationToken | undefined,
  within: number,
  work: (cancel: CancellationToken) => Promise<T | null>,
): Promise<T | null> {
  const cancel = new CancellationTokenSource();
  const forwarded = token?.onCancellationRequested(() => cancel.cancel());
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      cancel.cancel();
      resolve(null);
    }, within);
  });
  try {
    return await Promise.race([work(cancel.token), late]);
  } finally {
    clearTimeout(timer);
    forwarded?.dispose();
  }
}

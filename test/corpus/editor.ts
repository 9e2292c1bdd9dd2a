/** What the language server says of the sources of a corpus when they are opened, each written for the host that they are tried on. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type Diagnostic,
  type InitializeResult,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver-protocol/node.js';
import type { AuthoringTarget } from '../../core/src/model/index.ts';
import type { Said } from './alarms.ts';

export interface EditorOptions {
  /** The checkout: its dist/ is what is opened with. */
  root: string;
  cacheDir: string;
  /** Of the host; null where it says nothing of its kernel. */
  target: AuthoringTarget | null;
  /** Milliseconds that the server may take for a file. */
  patience: number;
  signal: AbortSignal;
}

/** The first answer comes after the host's types have been read and its header precompiled. */
const START_MS = 60_000;

/**
 * Opens the files one after the other, as a person would, and closes them again; as far as it came when it is interrupted.
 * Errors: a server that does not answer, or ends.
 */
export async function openAll(files: readonly string[], options: EditorOptions): Promise<Map<string, Said[]>> {
  const { root, target, signal, patience } = options;
  const server = spawn(process.execPath, [join(root, 'dist', 'language-server.js'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const kill = (): void => void server.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  connection.onError(() => undefined); // a broken pipe: its end says more
  server.stdin.on('error', () => undefined);
  connection.listen();
  const ended = endOf(server);
  const said = new Map<string, Said[]>();
  try {
    await within(START_MS, 'it starts', [
      connection.sendRequest<InitializeResult>('initialize', initialization(options)),
      ended,
    ]);
    await connection.sendNotification('initialized', {});
    if (target) await connection.sendNotification('ringside/target', target);
    for (const file of files) {
      if (signal.aborted) break;
      const ms = said.size === 0 ? Math.max(START_MS, patience) : patience;
      const { text, answer, close } = await open(connection, file);
      const found = await within(ms, file, [answer, ended]);
      said.set(
        file,
        found.map((each) => toSaid(each, text)),
      );
      await close();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    connection.dispose();
    kill();
  }
  return said;
}

function endOf(server: ChildProcess): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    server.once('error', reject);
    server.once('close', (code, signal) =>
      reject(new Error(`the language server ended with ${signal ?? `exit code ${code}`}`)),
    );
  });
  ended.catch(() => undefined); // its end is expected when nobody waits any more
  return ended;
}

/** As the extension starts it where no clangd is: what clangd answers is no diagnostic of ours. */
function initialization({ root, cacheDir }: EditorOptions): object {
  const initializationOptions = { resourceDir: join(root, 'dist'), cacheDir, compilerPath: '', trusted: true };
  return { processId: process.pid, rootUri: null, capabilities: {}, initializationOptions };
}

/** `answer`: the first that the server says of the text; `close` ends what was opened. */
async function open(connection: ProtocolConnection, file: string) {
  const uri = pathToFileURL(file).href;
  const text = await readFile(file, 'utf8');
  let stop: () => void = () => undefined;
  const answer = new Promise<Diagnostic[]>((resolve) => {
    const said = (params: PublishDiagnosticsParams): void => {
      if (params.uri === uri) resolve(params.diagnostics);
    };
    const listener = connection.onNotification('textDocument/publishDiagnostics', said);
    stop = () => listener.dispose();
  });
  const textDocument = { uri, languageId: 'c', version: 1, text };
  await connection.sendNotification('textDocument/didOpen', { textDocument });
  const close = async (): Promise<void> => {
    stop();
    await connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  };
  return { text, answer, close };
}

function toSaid({ range, severity, source, code, message }: Diagnostic, text: string): Said {
  const { line } = range.start;
  return {
    line: line + 1,
    severity: (['error', 'warning', 'information', 'hint'] as const)[(severity ?? 1) - 1]!,
    ours: source === 'ringside',
    code: String(code ?? ''),
    message,
    text: text.split(/\r?\n/)[line] ?? '',
  };
}

/** The first of some promises, or an error that says what did not come. */
async function within<T>(ms: number, what: string, first: readonly (Promise<T> | Promise<never>)[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the language server says nothing in ${ms / 1000} s: ${what}`)), ms);
  });
  try {
    return await Promise.race([...first, late]);
  } finally {
    clearTimeout(timer);
  }
}

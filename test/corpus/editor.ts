/** What the language server says of the sources of a corpus when they are opened, each written for the host that they are tried on. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type Diagnostic,
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

/** Opens the files one after the other, as a person would, and closes them again. Errors: a server that does not answer. */
export async function openAll(files: readonly string[], options: EditorOptions): Promise<Map<string, Said[]>> {
  const { root, target, signal } = options;
  const server = spawn(process.execPath, [join(root, 'dist', 'language-server.js'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    signal,
    killSignal: 'SIGKILL',
  });
  server.on('error', () => undefined); // that it does not answer says it
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  connection.onError(() => undefined);
  connection.listen();
  try {
    await within(START_MS, 'start', connection.sendRequest('initialize', initialization(options)));
    await connection.sendNotification('initialized', {});
    if (target) await connection.sendNotification('ringside/target', target);
    const said = new Map<string, Said[]>();
    for (const file of files) {
      if (signal.aborted) break;
      said.set(file, await open(connection, file, said.size === 0 ? START_MS : options.patience));
    }
    return said;
  } finally {
    connection.dispose();
    server.kill('SIGKILL');
  }
}

/** As the extension starts it where no clangd is: what clangd answers is no diagnostic of ours. */
function initialization({ root, cacheDir }: EditorOptions): object {
  const initializationOptions = { resourceDir: join(root, 'dist'), cacheDir, compilerPath: '', trusted: true };
  return { processId: process.pid, rootUri: null, capabilities: {}, initializationOptions };
}

async function open(connection: ProtocolConnection, file: string, patience: number): Promise<Said[]> {
  const uri = pathToFileURL(file).href;
  const text = await readFile(file, 'utf8');
  let stop: (() => void) | undefined;
  const answer = new Promise<Diagnostic[]>((resolve) => {
    const said = (params: PublishDiagnosticsParams): void => {
      if (params.uri === uri) resolve(params.diagnostics);
    };
    const listener = connection.onNotification('textDocument/publishDiagnostics', said);
    stop = () => listener.dispose();
  });
  try {
    const textDocument = { uri, languageId: 'c', version: 1, text };
    await connection.sendNotification('textDocument/didOpen', { textDocument });
    return (await within(patience, file, answer)).map((each) => toSaid(each, text));
  } finally {
    stop?.();
    await connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  }
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

async function within<T>(ms: number, what: string, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the language server says nothing in ${ms / 1000} s: ${what}`)), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

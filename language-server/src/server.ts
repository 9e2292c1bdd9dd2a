/** The language server: connection and documents around the checker. */
import { fileURLToPath } from 'node:url';
import { buildObject, localVmlinuxHeader, needsVmlinux } from '@ringside/core/build';
import {
  DidChangeWatchedFilesNotification,
  TextDocuments,
  TextDocumentSyncKind,
  type Connection,
  type InitializeResult,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Checker, type CheckedDocument } from './checker.ts';
import { isInitializationOptions, isTargetParams, targetNotification } from './protocol.ts';

/** Serves one connection until it ends. */
export function serve(connection: Connection): void {
  const documents = new TextDocuments(TextDocument);
  let checker: Checker | undefined;
  let watchesFiles = false;

  connection.onInitialize(({ initializationOptions, capabilities }): InitializeResult => {
    if (!isInitializationOptions(initializationOptions)) {
      throw new Error('initializationOptions must hold resourceDir, cacheDir, compilerPath and trusted');
    }
    watchesFiles = capabilities.workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    checker = new Checker(initializationOptions, {
      build: (options) => buildObject(options),
      localHeader: (cacheDir) => localVmlinuxHeader(cacheDir),
      needsVmlinux,
      publish: (uri, version, diagnostics) => void connection.sendDiagnostics({ uri, version, diagnostics }),
      log: (message) => connection.console.warn(message),
    });
    return {
      capabilities: { textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental } },
      serverInfo: { name: 'ringside' },
    };
  });

  connection.onInitialized(() => {
    if (!watchesFiles) return;
    const watchers = [{ globPattern: '**/*.h' }];
    void connection.client.register(DidChangeWatchedFilesNotification.type, { watchers });
  });
  connection.onDidChangeWatchedFiles(() => checker?.recheck());
  connection.onNotification(targetNotification, (params: unknown) => {
    if (isTargetParams(params)) checker?.setTarget(params);
    else connection.console.warn(`${targetNotification}: malformed parameters`);
  });
  connection.onShutdown(() => checker?.dispose());

  // TextDocuments reports a change for every opened document too.
  const opened = new Set<string>();
  documents.onDidChangeContent(({ document }) => {
    const checked = checkedDocument(document);
    if (!checked) return;
    if (opened.has(checked.uri)) checker?.change(checked);
    else checker?.open(checked);
    opened.add(checked.uri);
  });
  documents.onDidClose(({ document }) => {
    opened.delete(document.uri);
    checker?.close(document.uri);
  });
  documents.listen(connection);
  connection.listen();
}

/** Programs on the disk only: a text without a path has no folder for its includes. */
function checkedDocument(document: TextDocument): CheckedDocument | null {
  if (!document.uri.startsWith('file:') || !document.uri.endsWith('.bpf.c')) return null;
  try {
    return {
      uri: document.uri,
      file: fileURLToPath(document.uri),
      version: document.version,
      text: document.getText(),
    };
  } catch {
    return null; // a file URI with a host, or another that names no local path
  }
}

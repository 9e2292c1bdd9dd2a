/** The language server: connection and documents around the checker and what is known of BPF. */
import { buildObject, localVmlinuxHeader, needsVmlinux } from '@ringside/core/build';
import {
  DidChangeWatchedFilesNotification,
  TextDocuments,
  TextDocumentSyncKind,
  type Connection,
  type InitializeResult,
  type ServerCapabilities,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Authoring, isScript } from './authoring.ts';
import { completeScript, hoverScript } from './bpftrace/script.ts';
import type { Clangd } from './clangd/clangd.ts';
import { GenericC } from './clangd/generic.ts';
import { makeClangd, withoutReporting } from './clangd/make.ts';
import { Checker, type CheckedDocument } from './checker.ts';
import {
  busyNotification,
  isBusyParams,
  isInitializationOptions,
  isTargetParams,
  targetNotification,
} from './protocol.ts';
import { actionKinds } from './features/actions/index.ts';
import {
  navigationCapabilities,
  serveNavigation,
  serveWorkspaceSymbols,
  workspaceSymbolCapabilities,
} from './navigation/serve.ts';
import { WorkspaceSymbols } from './navigation/workspaceSymbols.ts';
import { Programs } from './programs.ts';
import { servePoints } from './servePoints.ts';
import { Publisher } from './publisher.ts';

const capabilities: ServerCapabilities = {
  textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
  completionProvider: { triggerCharacters: ['"', '/', '.', '>', '(', ',', ':', '@'], resolveProvider: true },
  hoverProvider: true,
  signatureHelpProvider: { triggerCharacters: ['(', ','] },
  codeActionProvider: { codeActionKinds: actionKinds },
};

/** Serves one connection until it ends. */
export function serve(connection: Connection): void {
  const documents = new TextDocuments(TextDocument);
  const programs = new Programs();
  const checkedDocument = (document: TextDocument): CheckedDocument | null => programs.read(document);
  let checker: Checker | undefined;
  let authoring: Authoring | undefined;
  let publisher: Publisher | undefined;
  let clangd: Clangd | null = null;
  let generic: GenericC | undefined;
  let watchesFiles = false;

  connection.onInitialize(({ initializationOptions, capabilities: client, workspaceFolders }): InitializeResult => {
    if (!isInitializationOptions(initializationOptions)) {
      throw new Error('initializationOptions must hold resourceDir, cacheDir, compilerPath and trusted');
    }
    watchesFiles = client.workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    const log = (message: string): void => connection.console.warn(message);
    const knowing = (authoring = new Authoring(initializationOptions, {
      document: (uri) => documents.get(uri),
      checked: checkedDocument,
      log: (message) => connection.console.log(message),
    }));
    const out = (publisher = new Publisher({
      ours: (uri) => knowing.diagnose(uri),
      version: (uri) => documents.get(uri)?.version,
      send: (uri, version, diagnostics) => void connection.sendDiagnostics({ uri, version, diagnostics }),
      debounceMs: initializationOptions.debounceMs,
      trusted: initializationOptions.trusted,
    }));
    checker = new Checker(initializationOptions, {
      build: (options) => buildObject(options),
      localHeader: (cacheDir) => localVmlinuxHeader(cacheDir),
      needsVmlinux,
      built: (uri, flags) => clangd?.setArguments(uri, withoutReporting(flags)),
      publish: (uri, version, diagnostics) => out.compiled(uri, version, diagnostics),
      log,
    });
    const { target } = checker;
    clangd = makeClangd(initializationOptions, {
      program,
      needsVmlinux,
      header: () => target.header(),
      arch: () => target.arch,
      log: (message) => connection.console.log(message),
    });
    const serverInfo = { name: 'ringside' };
    if (initializationOptions.genericC !== false) {
      const symbols = new WorkspaceSymbols(() => documents.all().filter(({ uri }) => program(uri) !== null));
      symbols.setFolders((workspaceFolders ?? []).map(({ uri }) => uri));
      serveWorkspaceSymbols(connection, symbols);
    }
    if (!clangd) {
      // Another C tool in the editor answers these itself.
      if (initializationOptions.genericC === false) return { capabilities, serverInfo };
      const { resourceDir } = initializationOptions;
      serveNavigation(connection, { authoring: () => authoring, header: () => target.header(), resourceDir });
      return { capabilities: { ...capabilities, ...navigationCapabilities }, serverInfo };
    }
    const { cacheDir, clangd: { besideOursMs } = {} } = initializationOptions;
    generic = new GenericC({ clangd, cacheDir, besideOursMs, fileOf: (uri) => program(uri)?.file ?? null });
    const generics = generic.serve(connection, client);
    return { capabilities: { ...capabilities, ...workspaceSymbolCapabilities, ...generics }, serverInfo };
  });
  const program = (uri: string): CheckedDocument | null => {
    const document = documents.get(uri);
    return document ? checkedDocument(document) : null;
  };

  connection.onInitialized(() => {
    if (!watchesFiles) return;
    // Headers, and what says how a project builds.
    const watchers = [{ globPattern: '**/{*.h,Makefile,*.mk,CMakeLists.txt,compile_commands.json}' }];
    void connection.client.register(DidChangeWatchedFilesNotification.type, { watchers });
  });
  connection.onDidChangeWatchedFiles(() => {
    authoring?.recheck();
    checker?.recheck();
    clangd?.retarget();
  });
  connection.onNotification(targetNotification, (params: unknown) => {
    if (!isTargetParams(params)) {
      connection.console.warn(`${targetNotification}: malformed parameters`);
      return;
    }
    authoring?.setTarget(params);
    checker?.setTarget(params);
    clangd?.retarget();
    publisher?.checkAll(documents.keys());
  });
  connection.onNotification(busyNotification, (params: unknown) => {
    if (isBusyParams(params)) clangd?.setBusy(params.busy);
    else connection.console.warn(`${busyNotification}: malformed parameters`);
  });
  connection.onShutdown(() => {
    checker?.dispose();
    publisher?.dispose();
    return clangd?.dispose();
  });

  connection.onCompletion((params, token) => {
    if (!authoring) return null;
    const { textDocument, position } = params;
    if (isScript(textDocument.uri)) return authoring.script(textDocument.uri, position, completeScript);
    const ours = authoring.complete(textDocument.uri, position);
    return generic?.complete(params, token, ours, authoring.isOurs(textDocument.uri, position)) ?? ours;
  });
  connection.onCompletionResolve((item) => authoring?.resolve(item) ?? item);
  connection.onHover((params, token) => {
    if (!authoring) return null;
    if (isScript(params.textDocument.uri)) {
      return authoring.script(params.textDocument.uri, params.position, (text, offset, world, rangeOf) => {
        const found = hoverScript(text, offset, world);
        return (
          found && {
            contents: { kind: 'markdown' as const, value: found.markdown },
            range: rangeOf(found.start, found.end),
          }
        );
      });
    }
    const ours = authoring.hover(params.textDocument.uri, params.position);
    return generic?.hover(params, token, ours) ?? ours;
  });
  connection.onSignatureHelp((params, token) => {
    if (!authoring) return null;
    const ours = authoring.signatureHelp(params.textDocument.uri, params.position);
    return generic?.signatureHelp(params, token, ours) ?? ours;
  });
  connection.onCodeAction(({ textDocument, range, context }) =>
    authoring?.codeActions(textDocument.uri, range, context.only),
  );

  servePoints(connection, () => authoring);

  // TextDocuments reports a change for every opened document too.
  const opened = new Set<string>();
  documents.onDidChangeContent(({ document }) => {
    const checked = checkedDocument(document);
    if (!checked) return;
    if (opened.has(checked.uri)) {
      checker?.change(checked);
      clangd?.changed();
    } else {
      checker?.open(checked);
      clangd?.open(checked.uri);
      generic?.offerFormatting(connection, checked);
    }
    opened.add(checked.uri);
    publisher?.changed(checked.uri);
  });
  documents.onDidClose(({ document }) => {
    if (!opened.delete(document.uri)) return;
    programs.forget(document.uri);
    clangd?.close(document.uri);
    authoring?.close(document.uri);
    publisher?.close(document.uri);
    checker?.close(document.uri);
  });
  documents.listen(connection);
  connection.listen();
}

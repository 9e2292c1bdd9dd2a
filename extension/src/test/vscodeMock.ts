/**
 * A stand-in for the `vscode` module in unit tests: the data types as they are, and the few functions that the tested
 * code calls, each a plain value that a test can replace. Used through vi.mock('vscode', () => import('…/vscodeMock.ts')).
 */
export class EventEmitter<T> {
  readonly #listeners = new Set<(value: T) => unknown>();
  readonly event = (listener: (value: T) => unknown) => {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  };
  fire(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
  dispose(): void {
    this.#listeners.clear();
  }
}

export class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
  translate(lines: number, characters: number): Position {
    return new Position(this.line + lines, this.character + characters);
  }
}

export class Range {
  readonly start: Position;
  readonly end: Position;
  constructor(...args: [Position, Position] | [number, number, number, number]) {
    this.start = args.length === 4 ? new Position(args[0], args[1]) : args[0];
    this.end = args.length === 4 ? new Position(args[2], args[3]) : args[1];
  }
}

export class InlayHint {
  paddingLeft?: boolean;
  tooltip?: unknown;
  constructor(
    readonly position: Position,
    readonly label: string,
  ) {}
}

export class MarkdownString {
  constructor(readonly value: string) {}
}

export class Location {
  constructor(
    readonly uri: Uri,
    readonly range: Range,
  ) {}
}

export class Diagnostic {
  source?: string;
  code?: unknown;
  relatedInformation?: DiagnosticRelatedInformation[];
  constructor(
    readonly range: Range,
    readonly message: string,
    readonly severity: number,
  ) {}
}

export class DiagnosticRelatedInformation {
  constructor(
    readonly location: Location,
    readonly message: string,
  ) {}
}

export const DiagnosticSeverity = { Error: 0, Warning: 1, Information: 2, Hint: 3 };
export const ProgressLocation = { SourceControl: 1, Window: 10, Notification: 15 };
export const QuickPickItemKind = { Separator: -1, Default: 0 };
export const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };
export class TreeItem {
  constructor(
    readonly label: string,
    readonly collapsibleState = 0,
  ) {}
}
export class ThemeIcon {
  constructor(
    readonly id: string,
    readonly color?: ThemeColor,
  ) {}
}
export class ThemeColor {
  constructor(readonly id: string) {}
}
export const ConfigurationTarget = { Global: 1, Workspace: 2, WorkspaceFolder: 3 };
export const extensions = { getExtension: (): unknown => undefined };
export const ViewColumn = { Beside: -2, Active: -1, One: 1, Two: 2 };

export class Uri {
  private constructor(
    readonly scheme: string,
    readonly path: string,
  ) {}
  static file(path: string): Uri {
    return new Uri('file', path);
  }
  static from({ scheme, path }: { scheme: string; path: string }): Uri {
    return new Uri(scheme, path);
  }
  static parse(text: string): Uri {
    const colon = text.indexOf(':');
    return new Uri(text.slice(0, colon), decodeURIComponent(text.slice(colon + 1).replace(/^\/\//, '')));
  }
  static joinPath(base: Uri, ...parts: string[]): Uri {
    return new Uri(base.scheme, [base.path, ...parts].join('/'));
  }
  get fsPath(): string {
    return this.path;
  }
  toString(): string {
    return `${this.scheme}://${encodeURI(this.path)}`;
  }
}

/** The edits of a fix, by file. */
export class WorkspaceEdit {
  readonly edits: { file: string; range: Range; text: string }[] = [];
  replace(uri: Uri, range: Range, text: string): void {
    this.edits.push({ file: uri.fsPath, range, text });
  }
  insert(uri: Uri, at: Position, text: string): void {
    this.replace(uri, new Range(at, at), text);
  }
}

export const Disposable = {
  from: (...items: { dispose(): unknown }[]) => ({ dispose: () => items.forEach((i) => i.dispose()) }),
};

/** Collections by name, so that a test can look into them. */
export const collections = new Map<string, Map<string, Diagnostic[]>>();
const diagnosticsChanged = new EventEmitter<{ uris: Uri[] }>();
export const languages = {
  onDidChangeDiagnostics: diagnosticsChanged.event,
  getDiagnostics: (uri: Uri) => [...collections.values()].flatMap((files) => files.get(uri.toString()) ?? []),
  createDiagnosticCollection(name: string) {
    const files = new Map<string, Diagnostic[]>();
    collections.set(name, files);
    return {
      set: (uri: Uri, diagnostics: Diagnostic[]) => {
        files.set(uri.toString(), diagnostics);
        diagnosticsChanged.fire({ uris: [uri] });
      },
      get: (uri: Uri) => files.get(uri.toString()),
      delete: (uri: Uri) => files.delete(uri.toString()),
      dispose: () => files.clear(),
    };
  },
};

/** Settings of the test; what is not here has the manifest's default. */
export const settings = new Map<string, unknown>();
export const defaults = new Map<string, unknown>();

export const TextDocumentSaveReason = { Manual: 1, AfterDelay: 2, FocusOut: 3 };
export const willSave = new EventEmitter<{ document: { uri: Uri }; reason: number }>();
export const didSave = new EventEmitter<{ uri: Uri }>();

export const workspace = {
  isTrusted: true,
  textDocuments: [] as unknown[],
  workspaceFolders: undefined as { uri: Uri }[] | undefined,
  asRelativePath: (uri: Uri) => uri.fsPath.replace(/^\/w\//, ''),
  openTextDocument: (uri: Uri) => Promise.resolve({ uri }),
  getConfiguration: () => ({ get: (id: string) => settings.get(id) ?? defaults.get(id) }),
  onDidChangeConfiguration: () => ({ dispose: () => undefined }),
  onWillSaveTextDocument: willSave.event,
  onDidSaveTextDocument: didSave.event,
};

interface Progress {
  report(value: { message?: string }): void;
}
interface Token {
  onCancellationRequested(listener: () => void): { dispose(): void };
}

/** What was shown, oldest first; `answer` decides the button. */
export const shown: { text: string; buttons: string[] }[] = [];
interface Dialogs {
  answer(text: string, buttons: string[]): string | undefined;
  input(title: string): string | undefined;
  pick(items: readonly unknown[]): unknown;
  /** Where to save to, or what to open. */
  path(options: { title: string }): Uri | undefined;
}
/** Answers of the person at the editor; by default every dialog is closed without one. */
export const dialogs: Dialogs = {
  answer: () => undefined,
  input: () => undefined,
  pick: () => undefined,
  path: () => undefined,
};

const message = (text: string, ...rest: unknown[]) => {
  const buttons = rest.filter((item): item is string => typeof item === 'string');
  shown.push({ text, buttons });
  return Promise.resolve(dialogs.answer(text, buttons));
};

/** What the status bar said for a while, oldest first. */
export const statusBarSaid: string[] = [];

export const activeEditorChanged = new EventEmitter<{ document: { uri: Uri } } | undefined>();

export const window = {
  visibleTextEditors: [] as { document: unknown }[],
  activeTextEditor: undefined as { document: { uri: Uri } } | undefined,
  onDidChangeActiveTextEditor: activeEditorChanged.event,
  showErrorMessage: message,
  showWarningMessage: message,
  showInformationMessage: message,
  setStatusBarMessage: (text: string) => {
    statusBarSaid.push(text);
    return { dispose: () => undefined };
  },
  showInputBox: ({ title }: { title: string }) => Promise.resolve(dialogs.input(title)),
  showQuickPick: (items: readonly unknown[]) => Promise.resolve(dialogs.pick(items)),
  showSaveDialog: (options: { title: string }) => Promise.resolve(dialogs.path(options)),
  showOpenDialog: (options: { title: string }) => {
    const path = dialogs.path(options);
    return Promise.resolve(path && [path]);
  },
  /** Documents that were brought to the front. */
  opened: [] as unknown[],
  showTextDocument: (document: unknown) => Promise.resolve(window.opened.push(document)),
  createTreeView: () => ({
    ...{ visible: false, dispose: () => undefined, reveal: () => Promise.resolve() },
    onDidChangeVisibility: () => ({ dispose: () => undefined }),
  }),
  withProgress: async <T>(_options: unknown, job: (progress: Progress, token: Token) => Promise<T>): Promise<T> => {
    const token = { onCancellationRequested: () => ({ dispose: () => undefined }) };
    return await job({ report: () => undefined }, token);
  },
};

export const executed: unknown[][] = [];
/** Handlers of commands by their id. */
export const registered = new Map<string, (...args: unknown[]) => unknown>();
export const commands = {
  registerCommand: (id: string, handler: (...args: unknown[]) => unknown) => {
    registered.set(id, handler);
    return { dispose: () => registered.delete(id) };
  },
  executeCommand: (...args: unknown[]) => {
    executed.push(args);
    return Promise.resolve(undefined);
  },
};

/** A Memento in memory. */
export class MemoryMemento {
  readonly #values = new Map<string, unknown>();
  keys(): string[] {
    return [...this.#values.keys()];
  }
  get(key: string, fallback?: unknown): unknown {
    return this.#values.has(key) ? structuredClone(this.#values.get(key)) : fallback;
  }
  update(key: string, value: unknown): Promise<void> {
    this.#values.set(key, structuredClone(value));
    return Promise.resolve();
  }
}

/** What was copied last. */
export const env = {
  copied: '',
  clipboard: {
    writeText: (text: string) => {
      env.copied = text;
      return Promise.resolve();
    },
  },
};

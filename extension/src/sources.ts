/** C files that hold BPF programs though their names do not end in .bpf.c: seen when they are opened or typed into. */
import * as vscode from 'vscode';
import { setContextKey } from './contextKeys.ts';
import { ContextKey } from './contributions.ts';

const section = /\bSEC\s*\(\s*"/;
/** A source that is longer is looked at up to here. */
const looked = 1 << 20;

/** Paths, of open documents. */
const recognised = new Set<string>();
const emitter = new vscode.EventEmitter<vscode.TextDocument>();

/** Called with each open document that turns out to hold programs. */
export const onDidRecognise = emitter.event;

/** Source or object that was edited last, while it is open: what a command means that is given beside it. */
let lastEdited: vscode.Uri | undefined;
export const lastSource = (): vscode.Uri | undefined => lastEdited;
/** What commands for a program can be given. */
export const isProgramFile = ({ scheme, fsPath }: vscode.Uri): boolean =>
  scheme === 'file' && /\.(bpf\.c|c|o)$/.test(fsPath);

export const isRecognised = (path: string): boolean => recognised.has(path);
export const recognisedPaths = (): string[] => [...recognised];

/** What a document has to be before its text is looked at. */
const isCandidate = ({ languageId, uri }: vscode.TextDocument): boolean =>
  languageId === 'c' && uri.scheme === 'file' && uri.fsPath.endsWith('.c') && !uri.fsPath.endsWith('.bpf.c');

function look(document: vscode.TextDocument, text: () => string): void {
  const path = document.uri.fsPath;
  if (!isCandidate(document) || recognised.has(path) || !section.test(text())) return;
  recognised.add(path);
  setContextKey(ContextKey.sources, recognisedPaths());
  emitter.fire(document);
}

/** The lines that an edit touched. */
function edited(document: vscode.TextDocument, changes: readonly vscode.TextDocumentContentChangeEvent[]): string {
  return changes
    .map(({ range, text }) => {
      const last = range.start.line + text.split('\n').length;
      return document.getText(new vscode.Range(range.start.line, 0, last, 0));
    })
    .join('\n');
}

/** A file stays recognised until it is closed: a section that is typed anew does not make everything flicker. */
export function followSources(): vscode.Disposable {
  const open = (document: vscode.TextDocument): void => look(document, () => document.getText().slice(0, looked));
  const edit = (active: vscode.TextEditor | undefined): void => {
    if (active !== undefined && isProgramFile(active.document.uri)) lastEdited = active.document.uri;
  };
  vscode.workspace.textDocuments.forEach(open);
  edit(vscode.window.activeTextEditor);
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(edit),
    vscode.workspace.onDidOpenTextDocument(open),
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) =>
      look(document, () => edited(document, contentChanges)),
    ),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      if (lastEdited?.toString() === uri.toString()) lastEdited = undefined;
      if (recognised.delete(uri.fsPath)) setContextKey(ContextKey.sources, recognisedPaths());
    }),
  );
}

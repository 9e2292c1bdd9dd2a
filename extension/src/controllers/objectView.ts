import * as vscode from 'vscode';
import type { CodeListing } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { Command, objectEditor } from '../contributions.ts';
import { errorData } from '../errors.ts';

/** Documents of this scheme are the objects of their paths; read when they are shown, and anew when the file changes. */
export const objectScheme = 'ringside-object';

/** "/w/exec.bpf.o" → "ringside-object:/w/exec.bpf.o.txt": a text for the editor, whatever the object is called. */
export const objectDocument = (file: vscode.Uri): vscode.Uri =>
  vscode.Uri.from({ scheme: objectScheme, path: `${file.path}.txt` });

const fileOf = (document: vscode.Uri): vscode.Uri =>
  vscode.Uri.from({ scheme: 'file', path: document.path.replace(/\.txt$/, '') });

const heading = /^([A-Z][A-Z -]+(?: [a-z]+)*) \(\d+\)$/;

/** Objects as documents: found, copied and compared like any text. */
export class ObjectDocuments
  implements vscode.TextDocumentContentProvider, vscode.DocumentSymbolProvider, vscode.DocumentLinkProvider
{
  readonly #engine: Pick<AppContext['engine'], 'objectText'>;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #places = new Map<string, CodeListing['places']>();

  constructor(engine: Pick<AppContext['engine'], 'objectText'>) {
    this.#engine = engine;
  }

  /** What is no object is said in the document: there is no other place that stays. */
  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const file = fileOf(uri);
    try {
      const { text, places } = await this.#engine.objectText(file.fsPath);
      this.#places.set(uri.toString(), places);
      return text;
    } catch (error) {
      this.#places.delete(uri.toString());
      const { message, remedy, code } = errorData(error);
      return [file.fsPath, '', `This cannot be shown as a BPF object (${code}).`, message, remedy]
        .filter((line, i) => i === 1 || line !== '')
        .join('\n');
    }
  }

  changed(file: vscode.Uri): void {
    this.#changed.fire(objectDocument(file));
  }

  closed(document: vscode.Uri): void {
    this.#places.delete(document.toString());
  }

  provideDocumentSymbols(document: vscode.TextDocument): vscode.DocumentSymbol[] {
    const parts: vscode.DocumentSymbol[] = [];
    for (let at = 0; at < document.lineCount; at++) {
      const { text, range } = document.lineAt(at);
      const title = heading.exec(text)?.[1];
      const { Namespace, Function: Code } = vscode.SymbolKind;
      if (title !== undefined) parts.push(new vscode.DocumentSymbol(title, '', Namespace, range, range));
      const name = /^([A-Za-z_]\w*): {2}/.exec(text)?.[1];
      const part = parts.at(-1);
      if (part === undefined) continue;
      if (name !== undefined)
        part.children.push(new vscode.DocumentSymbol(name, text.slice(name.length + 3), Code, range, range));
      part.range = new vscode.Range(part.range.start, range.end);
      const last = part.children.at(-1);
      if (last) last.range = new vscode.Range(last.range.start, range.end);
    }
    return parts;
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    const places = this.#places.get(document.uri.toString()) ?? new Map<number, { file: string; line: number }>();
    return [...places]
      .filter(([at, { file }]) => at < document.lineCount && file.startsWith('/'))
      .map(([at, { file, line }]) => {
        const { text, range } = document.lineAt(at);
        const start = Math.max(text.lastIndexOf(' '), 0) + 1;
        const target = vscode.Uri.file(file).with({ fragment: `L${line}` });
        return new vscode.DocumentLink(new vscode.Range(at, start, at, range.end.character), target);
      });
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

/** Opens in place of the bytes: the text takes the tab's place. */
class ObjectEditor implements vscode.CustomReadonlyEditorProvider {
  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  async resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): Promise<void> {
    const viewColumn = panel.viewColumn ?? vscode.ViewColumn.Active;
    await vscode.window.showTextDocument(objectDocument(uri), { viewColumn, preview: false });
    panel.dispose();
  }
}

export function registerObjectView({ disposables, errors, engine }: AppContext): void {
  const documents = disposables.add(new ObjectDocuments(engine));
  const selector = { scheme: objectScheme };
  disposables.add(vscode.workspace.registerTextDocumentContentProvider(objectScheme, documents));
  disposables.add(vscode.languages.registerDocumentSymbolProvider(selector, documents));
  disposables.add(vscode.languages.registerDocumentLinkProvider(selector, documents));
  disposables.add(vscode.window.registerCustomEditorProvider(objectEditor, new ObjectEditor()));
  disposables.add(
    vscode.workspace.onDidCloseTextDocument(({ uri }) => uri.scheme === objectScheme && documents.closed(uri)),
  );
  const watcher = disposables.add(vscode.workspace.createFileSystemWatcher('**/*.o'));
  disposables.add(watcher.onDidChange((uri) => documents.changed(uri)));
  disposables.add(watcher.onDidCreate((uri) => documents.changed(uri)));
  disposables.add(
    registerCommand(errors, Command.objectShow, async (uri) => {
      const file = uri ?? (await pickObject());
      if (file !== undefined) await vscode.window.showTextDocument(objectDocument(file), { preview: false });
    }),
  );
}

async function pickObject(): Promise<vscode.Uri | undefined> {
  const options = {
    title: 'Show BPF Object',
    openLabel: 'Show',
    filters: { 'BPF objects': ['o'], 'All files': ['*'] },
  };
  return (await vscode.window.showOpenDialog(options))?.[0];
}

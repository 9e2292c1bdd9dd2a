import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { commandOf, registerCommand } from '../commands.ts';
import { Command, NodeContext, View } from '../contributions.ts';
import { parseSnippet } from './snippetManifest.ts';
import type { Snippet } from './snippetManifest.ts';

/** A program of the gallery. */
export class SnippetNode {
  readonly snippet: Snippet;
  constructor(snippet: Snippet) {
    this.snippet = snippet;
  }
}

/** The programs in a gallery folder; one with a broken manifest is left out and logged. */
async function readGallery(folder: string, logBroken: (name: string, reason: unknown) => void): Promise<Snippet[]> {
  const names = await readdir(folder).catch(() => []);
  const read = names.map(async (name): Promise<Snippet[]> => {
    const path = join(folder, name, 'manifest.json');
    try {
      return [parseSnippet(join(folder, name), JSON.parse(await readFile(path, 'utf8')))];
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code;
      if (missing !== 'ENOENT' && missing !== 'ENOTDIR') logBroken(name, error);
      return [];
    }
  });
  return (await Promise.all(read)).flat().sort((a, b) => a.title.localeCompare(b.title));
}

class GalleryTree implements vscode.TreeDataProvider<SnippetNode> {
  readonly #load: () => Promise<Snippet[]>;
  constructor(load: () => Promise<Snippet[]>) {
    this.#load = load;
  }

  async getChildren(parent?: SnippetNode): Promise<SnippetNode[]> {
    return parent ? [] : (await this.#load()).map((snippet) => new SnippetNode(snippet));
  }

  getTreeItem(node: SnippetNode): vscode.TreeItem {
    const { snippet } = node;
    const item = new vscode.TreeItem(snippet.title);
    item.id = `snippet:${snippet.name}`;
    item.description = snippet.name;
    item.tooltip = snippet.description;
    item.iconPath = new vscode.ThemeIcon('file-code');
    item.contextValue = NodeContext.snippet;
    item.command = commandOf(Command.snippetOpen, 'View Source', node);
    return item;
  }
}

export function registerGalleryView(context: AppContext): void {
  const { disposables, errors, log, distDir } = context;
  let loaded: Promise<Snippet[]> | undefined;
  const load = (): Promise<Snippet[]> =>
    (loaded ??= readGallery(join(distDir, 'bpf-snippets'), (name, reason) =>
      log.warn(`The gallery's ${name} was left out: ${String(reason)}`),
    ));

  disposables.add(vscode.window.createTreeView(View.gallery, { treeDataProvider: new GalleryTree(load) }));
  disposables.add(
    registerCommand(errors, Command.snippetOpen, async (node) => {
      if (node === undefined) return;
      const text = await readFile(node.snippet.source, 'utf8');
      const uri = context.documents.put(basename(node.snippet.source), { text });
      const document = await vscode.workspace.openTextDocument(uri);
      await vscode.languages.setTextDocumentLanguage(document, 'c');
      await vscode.window.showTextDocument(document, { preview: true });
    }),
  );
  disposables.add(
    registerCommand(errors, Command.snippetCreate, async (node) => {
      const snippet = node?.snippet ?? (await pickSnippet(await load()));
      if (snippet !== undefined) await createCopy(snippet);
    }),
  );
}

async function pickSnippet(snippets: Snippet[]): Promise<Snippet | undefined> {
  const items = snippets.map((snippet) => ({
    label: snippet.title,
    description: snippet.name,
    detail: snippet.description,
    snippet,
  }));
  const options = {
    title: 'New Program from Gallery',
    placeHolder: 'What should the program show?',
    matchOnDescription: true,
    matchOnDetail: true,
  };
  return (await vscode.window.showQuickPick(items, options))?.snippet;
}

/** Copies the source where the user says, and opens it. In a workspace the name is offered in its first folder. */
async function createCopy(snippet: Snippet): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = basename(snippet.source);
  const target = await vscode.window.showSaveDialog({
    title: `New program: ${snippet.title}`,
    saveLabel: 'Create',
    filters: { 'BPF program': ['bpf.c', 'c'] },
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, name) } : {}),
  });
  if (target === undefined) return;
  await vscode.workspace.fs.copy(vscode.Uri.file(snippet.source), target, { overwrite: true });
  await vscode.window.showTextDocument(target);
}

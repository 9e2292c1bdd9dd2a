import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import type { Template } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { commandOf, registerCommand } from '../commands.ts';
import { Command, NodeContext, View } from '../contributions.ts';

/** A program of the gallery. */
export class SnippetNode {
  readonly template: Template;
  constructor(template: Template) {
    this.template = template;
  }
}

/** The Gallery view: programs to look at and to start from. Read when it is first seen. */
class GalleryTree implements vscode.TreeDataProvider<SnippetNode> {
  readonly #load: () => Promise<Template[]>;
  constructor(load: () => Promise<Template[]>) {
    this.#load = load;
  }

  async getChildren(parent?: SnippetNode): Promise<SnippetNode[]> {
    return parent ? [] : (await this.#load()).map((template) => new SnippetNode(template));
  }

  getTreeItem(node: SnippetNode): vscode.TreeItem {
    const { name, title, description, needs } = node.template;
    const item = new vscode.TreeItem(title);
    item.id = `snippet:${name}`;
    item.description = name;
    item.tooltip = `${description}\nNeeds kernel ${needs.kernel} with ${needs.features.join(', ')}.`;
    item.iconPath = new vscode.ThemeIcon('file-code');
    item.contextValue = NodeContext.snippet;
    item.command = commandOf(Command.snippetOpen, 'View Source', node);
    return item;
  }
}

export function registerGalleryView(context: AppContext): void {
  const { disposables, errors, engine } = context;
  const load = (): Promise<Template[]> => engine.templates();
  disposables.add(vscode.window.createTreeView(View.gallery, { treeDataProvider: new GalleryTree(load) }));
  disposables.add(
    registerCommand(errors, Command.snippetOpen, (node) => (node ? viewSource(context, node.template) : undefined)),
  );
  disposables.add(
    registerCommand(errors, Command.snippetCreate, async (node) => {
      const template = node?.template ?? (await pickTemplate(await load()));
      const folder = template && (await askFolder(template.name));
      if (template === undefined || folder === undefined) return;
      const created = await engine.createFromTemplate(template.name, folder);
      await vscode.window.showTextDocument(vscode.Uri.file(created.source));
    }),
  );
}

/** Read-only: the copy that a user makes is the one to edit. */
async function viewSource({ documents, distDir }: AppContext, { name, source }: Template): Promise<void> {
  const text = await readFile(join(distDir, 'bpf-snippets', name, source), 'utf8');
  const document = await vscode.workspace.openTextDocument(documents.put(source, { text }));
  await vscode.languages.setTextDocumentLanguage(document, 'c');
  await vscode.window.showTextDocument(document, { preview: true });
}

async function pickTemplate(templates: Template[]): Promise<Template | undefined> {
  const items = templates.map((template) => ({
    label: template.title,
    description: template.name,
    detail: template.description,
    template,
  }));
  const options = {
    title: 'New Program from Gallery',
    placeHolder: 'What should the program show?',
    matchOnDescription: true,
    matchOnDetail: true,
  };
  return (await vscode.window.showQuickPick(items, options))?.template;
}

/** A folder in the workspace by its name; without a workspace one of the machine's, with the program's below it. */
async function askFolder(name: string): Promise<string | undefined> {
  const workspace = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (workspace === undefined) {
    const options = {
      canSelectFolders: true,
      canSelectFiles: false,
      openLabel: 'Create Here',
      title: `New program: ${name}`,
    };
    const [chosen] = (await vscode.window.showOpenDialog(options)) ?? [];
    return chosen && join(chosen.fsPath, name);
  }
  const typed = await vscode.window.showInputBox({
    title: 'New Program from Gallery',
    prompt: `Folder in ${workspace} that is made for it`,
    value: name,
    validateInput: (text) => (text.trim() === '' ? 'A folder is needed.' : undefined),
  });
  const folder = typed?.trim();
  return folder === undefined ? undefined : isAbsolute(folder) ? folder : join(workspace, folder);
}

import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { ProjectPlan, ProjectRequest } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { withProgress } from '../progress.ts';
import { bpfSelector } from '../files.ts';

type Language = ProjectRequest['language'];

const languages: { label: string; description: string; detail: string; language: Language }[] = [
  { label: 'C', description: 'libbpf', detail: 'Skeleton by bpftool, Makefile', language: 'c' },
  { label: 'Go', description: 'cilium/ebpf', detail: 'Compiled by bpf2go, Makefile', language: 'go' },
  { label: 'Rust', description: 'libbpf-rs', detail: 'Compiled by libbpf-cargo, Makefile', language: 'rust' },
];

/** What was tried in the editor becomes a project of its own, in a folder that the user chooses. */
export function registerProject(context: AppContext): void {
  const { disposables, errors } = context;
  disposables.add(registerCommand(errors, Command.projectCreate, (uri) => createProject(context, uri)));
  disposables.add(
    vscode.languages.registerCodeActionsProvider(bpfSelector, new ProjectActions(), {
      providedCodeActionKinds: [ProjectActions.kind],
    }),
  );
}

/** On the whole file: shown among the refactorings. */
class ProjectActions implements vscode.CodeActionProvider {
  static readonly kind = vscode.CodeActionKind.Refactor.append('project');

  provideCodeActions(document: vscode.TextDocument): vscode.CodeAction[] {
    if (!vscode.workspace.isTrusted || document.isUntitled) return [];
    const title = 'Create project from this program…';
    const action = new vscode.CodeAction(title, ProjectActions.kind);
    action.command = { command: Command.projectCreate, title, arguments: [document.uri] };
    return [action];
  }
}

async function createProject({ engine }: AppContext, uri?: vscode.Uri): Promise<void> {
  const document = uri ? await vscode.workspace.openTextDocument(uri) : vscode.window.activeTextEditor?.document;
  if (document?.uri.scheme !== 'file') {
    await vscode.window.showInformationMessage('Open a .bpf.c file first: a project is made from the program in it.');
    return;
  }
  if (document.isDirty && !(await document.save())) return;
  const file = document.uri.fsPath;
  const language = await vscode.window.showQuickPick(languages, {
    title: `Create project from ${basename(file)}`,
    placeHolder: 'In which language is its user space?',
  });
  const parent = language && (await askFolder(basename(file)));
  if (language === undefined || parent === undefined) return;
  const dir = join(parent, basename(file).replace(/(\.bpf)?\.c$/, ''));
  const plan = await withProgress(`Planning a project from ${basename(file)}`, (call) =>
    engine.planProject({ file, language: language.language, dir }, call),
  );
  if (!(await agreed(plan))) return;
  await engine.writeProject(plan);
  await offerToOpen(plan);
}

async function askFolder(name: string): Promise<string | undefined> {
  const [chosen] =
    (await vscode.window.showOpenDialog({
      canSelectFolders: true,
      canSelectFiles: false,
      openLabel: 'Create Here',
      title: `Folder that gets the project of ${name}`,
      ...(vscode.workspace.workspaceFolders?.[0] && { defaultUri: vscode.workspace.workspaceFolders[0].uri }),
    })) ?? [];
  return chosen?.fsPath;
}

/** Shows what would be written, and where; false when something is in the way, or the user does not want it. */
async function agreed({ dir, files, existing }: ProjectPlan): Promise<boolean> {
  const list = files.map(({ path }) => `${path}${existing.includes(path) ? '  (exists)' : ''}`).join('\n');
  if (existing.length > 0) {
    const detail = `Nothing is overwritten. Choose another folder, or move these away.\n\n${list}`;
    await vscode.window.showWarningMessage(`${dir} has files of these names already.`, { modal: true, detail });
    return false;
  }
  const create = 'Create';
  const options = { modal: true, detail: list };
  return (
    (await vscode.window.showInformationMessage(`Create ${files.length} files in ${dir}?`, options, create)) === create
  );
}

async function offerToOpen({ dir, name }: ProjectPlan): Promise<void> {
  const [readme, folder] = ['Open README', 'Open Folder'];
  const chosen = await vscode.window.showInformationMessage(`Created the project ${name} in ${dir}.`, readme, folder);
  if (chosen === readme) await vscode.window.showTextDocument(vscode.Uri.file(join(dir, 'README.md')));
  if (chosen === folder)
    await vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(dir), { forceNewWindow: true });
}

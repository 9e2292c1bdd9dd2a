import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { declarationOf, localIncludes, type SourceText } from './sourcePlaces.ts';

/** Headers that are looked into, and how large one may be: the kernel's own types are not what a program's records are. */
const mostFiles = 32;
const mostBytes = 1 << 20;

/** Goes to the line of the source, or of a header of its own, that declares a record's field. */
export async function showDeclaration(source: string, record: string, path: string): Promise<void> {
  const files = source.endsWith('.c') || source.endsWith('.h') ? await filesOf(source) : [];
  const place = declarationOf(files, record, path);
  const file = files.find((each) => each.path === place?.path);
  if (place === null || file === undefined) {
    const where = files.length === 0 ? 'The run has no source to look into.' : `It is not in ${source} or its headers.`;
    void vscode.window.showInformationMessage(`${record === '' ? 'The record' : record} was not found. ${where}`);
    return;
  }
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file.path));
  const selection = new vscode.Range(document.positionAt(place.start), document.positionAt(place.end));
  await vscode.window.showTextDocument(document, { selection, viewColumn: sourceColumn(document) });
}

/** The column where the file is open already, else the first one: the panel keeps its own. */
function sourceColumn(document: vscode.TextDocument): vscode.ViewColumn {
  const open = vscode.window.visibleTextEditors.find((editor) => editor.document === document);
  return open?.viewColumn ?? vscode.ViewColumn.One;
}

/** A source and the headers that it includes by a path from where they are. */
async function filesOf(source: string): Promise<SourceText[]> {
  const files: SourceText[] = [];
  const wanted = [source];
  for (const path of wanted) {
    if (files.length >= mostFiles) break;
    const text = await textOf(path);
    if (text === null) continue;
    files.push({ path, text });
    for (const name of localIncludes(text)) {
      const included = join(dirname(path), name);
      if (!wanted.includes(included)) wanted.push(included);
    }
  }
  return files;
}

/** As it is in an editor, saved or not, else as it is on the disk. */
async function textOf(path: string): Promise<string | null> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.fsPath === path);
  if (open !== undefined) return open.getText();
  try {
    return (await stat(path)).size > mostBytes ? null : await readFile(path, 'utf8');
  } catch {
    return null;
  }
}

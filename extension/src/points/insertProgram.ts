/** A program put into a source, or a source made for it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import type { PointStart } from '@ringside/core/model';
import { ExtensionError } from '../errors.ts';
import { isBpfSource } from '../files.ts';

/** Headers that macros of libbpf come from. */
const headers: readonly { path: string; needed: RegExp }[] = [
  { path: 'bpf/bpf_helpers.h', needed: /\bSEC\(/ },
  { path: 'bpf/bpf_tracing.h', needed: /\bBPF_(PROG|K?RET|KPROBE|KSYSCALL|UPROBE|URETPROBE|STRUCT_OPS)/ },
  { path: 'bpf/usdt.bpf.h', needed: /\bBPF_USDT\(/ },
];

export interface Insertion {
  /** Offset and text of what is added, in the order of the source. */
  edits: { at: number; text: string }[];
  /** Where the cursor belongs in the new text. */
  cursor: number;
}

/** What adds a program at the end of a source: headers that it lacks, and a name that is free. */
export function insertionOf(source: string, start: PointStart): Insertion {
  const eol = source.includes('\r\n') ? '\r\n' : '\n';
  const name = freeName(source, start.name);
  const program = start.text.replace(new RegExp(`\\b${start.name}\\b(?=[,(])`), name).replaceAll('\n', eol);
  const edits: Insertion['edits'] = [];
  const missing = headers.filter(({ path, needed }) => needed.test(program) && !source.includes(`<${path}>`));
  const includes = [...source.matchAll(/^[ \t]*#[ \t]*include\b[^\n]*/gm)];
  const last = includes.at(-1);
  if (missing.length > 0) {
    const lines = missing.map(({ path }) => `#include <${path}>`).join(eol);
    const end = last ? last.index + last[0].replace(/\r$/, '').length : 0;
    edits.push({ at: end, text: last ? `${eol}${lines}` : `${lines}${eol}${eol}` });
  }
  const gap = source.trim() === '' ? '' : source.endsWith(`${eol}${eol}`) ? '' : source.endsWith(eol) ? eol : eol + eol;
  edits.push({ at: source.length, text: gap + program });
  const before = edits.slice(0, -1).reduce((sum, { text }) => sum + text.length, 0);
  const brace = program.indexOf(`{${eol}`) + 1 + eol.length;
  return { edits, cursor: source.length + before + gap.length + brace };
}

function freeName(source: string, wanted: string): string {
  const isTaken = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(source);
  if (!isTaken(wanted)) return wanted;
  for (let i = 2; ; i++) if (!isTaken(`${wanted}${i}`)) return `${wanted}${i}`;
}

const emptySource = `// SPDX-License-Identifier: GPL-2.0
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";
`;

/** The source in front, or one of those in view; undefined when there is none. */
export function openSource(): vscode.TextEditor | undefined {
  const isOurs = (editor: vscode.TextEditor | undefined): boolean =>
    editor !== undefined && isBpfSource(editor.document.uri);
  if (isOurs(vscode.window.activeTextEditor)) return vscode.window.activeTextEditor;
  return vscode.window.visibleTextEditors.find(isOurs);
}

export async function insertInto(document: vscode.TextDocument, start: PointStart): Promise<void> {
  const { edits, cursor } = insertionOf(document.getText(), start);
  const change = new vscode.WorkspaceEdit();
  for (const { at, text } of edits) change.insert(document.uri, document.positionAt(at), text);
  if (!(await vscode.workspace.applyEdit(change)))
    throw new ExtensionError({
      code: 'usage',
      message: 'The editor did not take the change.',
      remedy: 'Is the file read-only?',
    });
  const place = document.positionAt(cursor);
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(place, place) });
}

/** Makes a source with the program in a place of the user's choice, and opens it. */
export async function newSource(start: PointStart): Promise<void> {
  const suggested = `${start.name.replace(/^handle_/, '')}.bpf.c`;
  const file = await askFile(suggested);
  if (file === undefined) return;
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(file, emptySource, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new ExtensionError({ code: 'usage', message: `${file} is there already.`, remedy: 'Choose another name.' });
  }
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
  await insertInto(document, start);
  await document.save();
}

async function askFile(suggested: string): Promise<string | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (folder === undefined) {
    const chosen = await vscode.window.showSaveDialog({
      title: 'New BPF program',
      filters: { 'BPF program': ['bpf.c'] },
    });
    // Of another name it would be no BPF source, for us and for whoever builds it.
    return chosen && (chosen.fsPath.endsWith('.bpf.c') ? chosen.fsPath : `${chosen.fsPath.replace(/\.c$/, '')}.bpf.c`);
  }
  const typed = await vscode.window.showInputBox({
    title: 'New BPF program',
    prompt: `File in ${folder}`,
    value: suggested,
    valueSelection: [0, suggested.length - '.bpf.c'.length],
    validateInput: (text) => (text.trim().endsWith('.bpf.c') ? undefined : 'Its name ends with .bpf.c.'),
  });
  const name = typed?.trim();
  return name === undefined ? undefined : isAbsolute(name) ? name : join(folder, name);
}

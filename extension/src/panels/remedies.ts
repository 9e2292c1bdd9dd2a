import * as vscode from 'vscode';
import type { Remedy, RunSummary } from '@ringside/core/model';
import { Command, Setting } from '../contributions.ts';
import { isLive } from '../format.ts';
import { ringSizeIn } from './sourcePlaces.ts';

/** Does what the ledger of a trace proposes against loss. */
export async function applyRemedy(remedy: Remedy, run: RunSummary, stream: string): Promise<void> {
  switch (remedy) {
    case 'ring':
      await growRing(run, stream);
      break;
    case 'store':
      await openSetting(Setting.storeMegabytes);
      break;
    case 'recording':
      await openSetting(Setting.recordingFolder);
      break;
    case 'globals':
      await vscode.commands.executeCommand(Command.runGlobals, run.id);
      break;
    case 'log':
      await vscode.commands.executeCommand(Command.showLog);
      break;
  }
}

async function openSetting(id: string): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.openSettings', id);
}

/** Writes twice the size into the source, shows it there, and offers to attach again. It can be undone as any typing. */
async function growRing(run: RunSummary, map: string): Promise<void> {
  if (!run.file.endsWith('.c')) {
    await say(
      `${run.name} was attached from an object file. Give ${map} another size where it is built, or with \`ringside attach --map-size ${map}=BYTES\`.`,
    );
    return;
  }
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(run.file));
  const size = ringSizeIn(document.getText(), map);
  if (size === null || size === 'perf') {
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.One });
    await say(
      size === null
        ? `The size of ${map} was not found in ${run.file}: it may be in a header or a macro.`
        : `${map} is a perf buffer, whose size its reader chooses. Its code action "Turn ${map} into a ring buffer" gives it a size of its own.`,
    );
    return;
  }
  const range = new vscode.Range(document.positionAt(size.start), document.positionAt(size.end));
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, range, size.doubled);
  if (!(await vscode.workspace.applyEdit(edit))) return;
  const selection = new vscode.Range(
    document.positionAt(size.start),
    document.positionAt(size.start + size.doubled.length),
  );
  await vscode.window.showTextDocument(document, { selection, viewColumn: vscode.ViewColumn.One });
  const now =
    size.bytes === null ? 'is twice as large' : `was ${kilobytes(size.bytes)} and is ${kilobytes(2 * size.bytes)}`;
  const again = 'Save and Attach Again';
  const chosen = await vscode.window.showInformationMessage(
    `${map} ${now} in the source. It counts from the next attach on.`,
    ...(isLive(run) ? [again] : []),
  );
  if (chosen !== again) return;
  await document.save();
  await vscode.commands.executeCommand(Command.runRestart, run.id);
}

const kilobytes = (bytes: number): string => (bytes % 1024 === 0 ? `${bytes / 1024} KB` : `${bytes} bytes`);

/** Not waited for: the panel goes on while the message stands there. */
function say(text: string): Promise<void> {
  void vscode.window.showInformationMessage(text);
  return Promise.resolve();
}

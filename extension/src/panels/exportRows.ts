import { createWriteStream, type WriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { ExportPage, RunSummary, ToHost } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';

export type ExportWish = Omit<Extract<ToHost, { type: 'export' }>, 'type'>;

const NAMES: Record<ExportWish['format'], { ending: string; name: string }> = {
  csv: { ending: 'csv', name: 'CSV' },
  jsonl: { ending: 'jsonl', name: 'JSON lines' },
  markdown: { ending: 'md', name: 'Markdown' },
};

/** Asks where to, writes the rows of a view there, and says what became of them. */
export async function exportRows(engine: Pick<Engine, 'askRows'>, run: RunSummary, wish: ExportWish): Promise<void> {
  const { ending, name } = NAMES[wish.format];
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.file(join(dirname(run.file), `${run.name}.${ending}`)),
    filters: { [name]: [ending] },
    title: 'Export rows',
  });
  if (target === undefined) return;
  const written = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Exporting ${run.name}`, cancellable: true },
    (progress, token) =>
      writeRows(engine, run.id, wish, target.fsPath, {
        cancelled: () => token.isCancellationRequested,
        report: (rows) => progress.report({ message: `${rows.toLocaleString('en-US')} rows` }),
      }),
  );
  if (written === null) return;
  const missed = written.missed === 0 ? '' : ` ${written.missed.toLocaleString('en-US')} had left the store before.`;
  const open = 'Open';
  const message = `Exported ${written.rows.toLocaleString('en-US')} rows to ${target.fsPath}.${missed}`;
  // Not waited for: the panel goes on while the message stands there.
  void vscode.window.showInformationMessage(message, open).then((chosen) => {
    if (chosen === open) void vscode.commands.executeCommand('vscode.open', target);
  });
}

export interface ExportWatcher {
  cancelled(): boolean;
  report(rows: number): void;
}

/** Writes page after page, of the rows that there are when it begins. Half a file does not stay: null when cancelled. */
export async function writeRows(
  engine: Pick<Engine, 'askRows'>,
  runId: string,
  { stream, where, format, columns, sort, look }: ExportWish,
  path: string,
  watcher: ExportWatcher,
): Promise<{ rows: number; missed: number } | null> {
  const file = createWriteStream(path);
  // A full disk is told by whichever comes first, the write or the end.
  const failed = new Promise<never>((_, reject) => file.once('error', reject));
  failed.catch(() => undefined);
  try {
    let rows = 0;
    let missed = 0;
    let to = 0;
    for (let from: number | null = 0; from !== null;) {
      if (watcher.cancelled()) {
        await drop(file, path);
        return null;
      }
      const shown = { ...(sort && { sort }), ...(look && { look }) };
      const ask = { ask: 'export' as const, stream, where, format, columns, from, to, rows: 0, ...shown };
      const page: ExportPage = await engine.askRows(runId, ask);
      if (to === 0) to = page.delivered;
      if (!file.write(page.text)) await Promise.race([once(file, 'drain'), failed]);
      rows += page.rows;
      missed += page.missed;
      watcher.report(rows);
      from = page.next;
    }
    file.end();
    await Promise.race([once(file, 'close'), failed]);
    return { rows, missed };
  } catch (error) {
    await drop(file, path);
    throw error;
  }
}

/** Takes a file back, also one that is only being opened: it would be made after it was removed. */
async function drop(file: WriteStream, path: string): Promise<void> {
  file.destroy();
  if (!file.closed) await new Promise<void>((resolve) => file.once('close', () => resolve()));
  await rm(path, { force: true });
}

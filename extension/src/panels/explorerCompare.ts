/** With what a verdict can be compared: the one before the last change, other hosts' of the same file, any log. */
import { open, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { ExplorationInfo, ExplorerTarget } from '@ringside/core/model';
import { isVerdictLogId } from '../diagnostics/verdictLogs.ts';

export interface Comparable {
  title: string;
  log: { log: string; record: string | null };
}

type Item = vscode.QuickPickItem & { comparable: Comparable | null };

/** Undefined when the person changed their mind. */
export async function pickComparison(
  cacheDir: string,
  info: ExplorationInfo,
  target: ExplorerTarget,
): Promise<Comparable | undefined> {
  const items: Item[] = (await recorded(join(cacheDir, 'verifier-logs'), info.file, target.log)).map((found) => ({
    label: found.before ? `$(history) Before the last change, on ${found.host}` : `$(server) ${found.host}`,
    description: `kernel ${found.kernel}`,
    comparable: {
      title: found.before ? `${found.host} before the last change` : found.host,
      log: { log: found.log, record: found.record },
    },
  }));
  items.push({ label: '$(file) Another verifier log…', comparable: null });
  const picked = await vscode.window.showQuickPick(items, {
    title: 'Compare With',
    placeHolder: 'Another verdict of this program',
  });
  if (picked === undefined) return undefined;
  if (picked.comparable !== null) return picked.comparable;
  const [file] =
    (await vscode.window.showOpenDialog({ title: 'Compare With a Verifier Log', openLabel: 'Compare' })) ?? [];
  return file && { title: basename(file.fsPath), log: { log: file.fsPath, record: null } };
}

interface Recorded {
  log: string;
  record: string;
  host: string;
  kernel: string;
  before: boolean;
}

/** Kept verifications of a file, without the one that is shown. */
async function recorded(folder: string, file: string, shown: string): Promise<Recorded[]> {
  const names = await readdir(folder).catch(() => []);
  const found: Recorded[] = [];
  for (const name of names.filter((one) => one.endsWith('.json') && isVerdictLogId(basename(one, '.json')))) {
    const record = join(folder, name);
    const log = record.replace(/\.json$/, '.log');
    const head = log === shown || file === '' ? null : await headOf(record);
    if (head?.file === file) found.push({ log, record, ...head, before: name.includes('.before.') });
  }
  return found.sort((a, b) => Number(b.before) - Number(a.before) || a.host.localeCompare(b.host));
}

/** A record begins with what it is about; the object behind that is large. */
async function headOf(record: string): Promise<{ file: string; host: string; kernel: string } | null> {
  const handle = await open(record, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(16_384), 0, 16_384, 0);
    const head =
      /^\{"version":\d+,"file":("(?:[^"\\]|\\.)*"),"host":("(?:[^"\\]|\\.)*"),"kernel":("(?:[^"\\]|\\.)*")/.exec(
        buffer.toString('utf8', 0, bytesRead),
      );
    if (head === null) return null;
    const [file, host, kernel] = head.slice(1).map((text) => JSON.parse(text) as string);
    return { file: file!, host: host!, kernel: kernel! };
  } catch {
    return null;
  } finally {
    await handle.close();
  }
}

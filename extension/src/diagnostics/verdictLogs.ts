/** The logs that verifications leave for the explorer: of each file on each host the last one, and the one before its last change. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type * as vscode from 'vscode';

export interface VerdictLog {
  log: string;
  record: string;
}

/** A verification under way: it writes beside the last one, which stays until there is a new verdict. */
export interface PendingLog extends VerdictLog {
  /** Puts the new log in the last one's place. */
  keep(): Promise<VerdictLog>;
  discard(): Promise<void>;
}

const at = (folder: string, name: string): VerdictLog => ({
  log: join(folder, `${name}.log`),
  record: join(folder, `${name}.json`),
});

const folderOf = (cacheDir: string): string => join(cacheDir, 'verifier-logs');

/** The name of the logs of a file on a host: the same in every window. */
export const verdictLogId = (file: vscode.Uri, host: string): string =>
  createHash('sha256').update(`${host}\n${file.toString()}`).digest('hex').slice(0, 16);

export const isVerdictLogId = (id: string): boolean => /^[0-9a-f]{16}(?:\.before|\.whole)?$/.test(id);

/** Where the last log of an id is; `${id}.before` is the one before the last change. Null when there is none. */
export function verdictLog(cacheDir: string, id: string): VerdictLog | null {
  const found = at(folderOf(cacheDir), id);
  return existsSync(found.log) && existsSync(found.record) ? found : null;
}

export const verdictLogFor = (cacheDir: string, file: vscode.Uri, host: string): VerdictLog | null =>
  verdictLog(cacheDir, verdictLogId(file, host));

/** The log of the verification before the last change of the object or its kernel. */
export const verdictLogBefore = (cacheDir: string, file: vscode.Uri, host: string): VerdictLog | null =>
  verdictLog(cacheDir, `${verdictLogId(file, host)}.before`);

let pending = 0;

/** The log with every path that was taken for the explorer last. */
export const wholeLogFor = (cacheDir: string, file: vscode.Uri, host: string): VerdictLog | null =>
  verdictLog(cacheDir, `${verdictLogId(file, host)}.whole`);

export async function newVerdictLog(
  cacheDir: string,
  file: vscode.Uri,
  host: string,
  kind: '' | '.whole' = '',
): Promise<PendingLog> {
  const folder = folderOf(cacheDir);
  await mkdir(folder, { recursive: true });
  const id = verdictLogId(file, host);
  const [last, before] = [at(folder, `${id}${kind}`), at(folder, `${id}.before`)];
  const next = at(folder, `${id}.new-${process.pid}-${pending++}`);
  return {
    ...next,
    keep: async () => {
      const changed =
        kind === '' && existsSync(last.record) && (await verified(last.record)) !== (await verified(next.record));
      if (changed) {
        await rename(last.log, before.log).catch(() => undefined);
        await rename(last.record, before.record).catch(() => undefined);
      }
      // Nothing is written when no program was loaded.
      await rename(next.log, last.log).catch(() => undefined);
      // Without a record (no program was loaded) the old one would tell of another log.
      await rename(next.record, last.record).catch(() => rm(last.record, { force: true }));
      return last;
    },
    discard: async () => {
      await rm(next.log, { force: true });
      await rm(next.record, { force: true });
    },
  };
}

/** What was verified, on which kernel: the beginning of a record names both. */
async function verified(record: string): Promise<string> {
  try {
    const handle = await open(record, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(16_384), 0, 16_384, 0);
      const head = buffer.toString('utf8', 0, bytesRead);
      const field = (name: string): string => new RegExp(`"${name}":"([^"]*)"`).exec(head)?.[1] ?? '';
      return `${field('kernel')} ${field('sha256')}`;
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
}

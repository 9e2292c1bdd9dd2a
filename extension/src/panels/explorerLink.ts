/** Links that open the explorer at an instruction: for a review, a chat, an issue. */
import * as vscode from 'vscode';
import type { ExplorerTarget } from '@ringside/core/model';
import { basename, isAbsolute } from 'node:path';
import { isVerdictLogId, verdictLog } from '../diagnostics/verdictLogs.ts';

/** What follows the extension's id in a link. */
export const explorePath = '/explore';

/** A log of a verification goes by its id, so that the link names no folder; a saved one by its path. */
export function explorerLink(extensionId: string, target: ExplorerTarget, step: number): string {
  const id = basename(target.log, '.log');
  const log = target.record !== null && isVerdictLogId(id) ? id : target.log;
  const query = new URLSearchParams({ log, program: target.program, step: String(step) });
  return `${vscode.env.uriScheme}://${extensionId}${explorePath}?${query.toString()}`;
}

/** What a link opens; null when it is none of these, or its log is gone. */
export function linkedTarget(cacheDir: string, query: string): { target: ExplorerTarget; step: number } | null {
  const fields = new URLSearchParams(query);
  const log = fields.get('log') ?? '';
  const program = fields.get('program') ?? '';
  const step = Number(fields.get('step') ?? '-1');
  if (!Number.isInteger(step) || program.length > 512) return null;
  if (isVerdictLogId(log)) {
    const found = verdictLog(cacheDir, log);
    return found && { target: { ...found, program }, step };
  }
  return isAbsolute(log) && /\.(?:log|txt)$/.test(log) ? { target: { log, record: null, program }, step } : null;
}

/** Where a recording goes, and what it is called. */
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import { setting } from '../config.ts';
import { Setting } from '../contributions.ts';

/** As the setting says; made when it is not there. */
export async function recordingFolder(): Promise<string> {
  const workspace = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const wanted = setting(Setting.recordingFolder).trim();
  const folder = folderOf(wanted, workspace, homedir());
  await mkdir(folder, { recursive: true });
  return folder;
}

export function folderOf(wanted: string, workspace: string | undefined, home: string): string {
  if (wanted === '') return workspace === undefined ? join(home, 'ringside-recordings') : join(workspace, 'recordings');
  if (wanted === '~' || wanted.startsWith('~/')) return join(home, wanted.slice(1));
  return isAbsolute(wanted) ? wanted : join(workspace ?? home, wanted);
}

/** "execsnoop-web-1-2026-11-26-19-30-05.ringside": no two of one run within a second. */
export function recordingName({ name, hosts }: Pick<RunSummary, 'name' | 'hosts'>, at: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())];
  const time = [two(at.getHours()), two(at.getMinutes()), two(at.getSeconds())];
  const host = hosts.length === 1 ? hosts[0]! : `${hosts.length}-hosts`;
  return `${[name, host].map(plain).join('-')}-${[...day, ...time].join('-')}.ringside`;
}

/** What every file system takes. */
const plain = (text: string): string => text.replace(/[^\w.-]+/g, '_').slice(0, 80);

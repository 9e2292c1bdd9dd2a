/** What is looked at in a corpus beside running it: its headers, what the editor says of it, and what its buffers carry. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthoringTarget } from '../../core/src/model/index.ts';
import type { Engine } from '../../core/src/runs/api.ts';
import { compareHeaders, type HeaderComparison } from '../integration/support/headers.ts';
import { alarmLines, judge, sumAlarms, type OpenedFile } from './alarms.ts';
import { openAll } from './editor.ts';
import { headerLines } from './headers.ts';
import { bufferRows, missingBuffers, recordLines, sumRecords, type BufferRow } from './records.ts';
import type { FileResult } from './tryFile.ts';

export const partNames = ['headers', 'editor', 'records'] as const;
export type Part = (typeof partNames)[number];

export interface ExamineOptions {
  parts: readonly Part[];
  engine: Engine;
  host: string;
  root: string;
  cacheDir: string;
  /** Milliseconds that a step of one file may take. */
  stepMs: number;
  signal: AbortSignal;
}

/** null: that part was left out. */
export interface Examined {
  headers: HeaderComparison | null;
  opened: OpenedFile[] | null;
  buffers: BufferRow[] | null;
  /** Buffers that a person has read in a source and that are not in its object. */
  missing: string[];
}

/** Takes what running has said of the files. Errors: a host without types, no bpftool, a language server that is silent. */
export async function examine(results: readonly FileResult[], options: ExamineOptions): Promise<Examined> {
  const { parts, engine, host } = options;
  const sources = results.filter(({ file }) => file.endsWith('.c'));
  const target = await engine.authoring(host, options);
  const examined: Examined = { headers: null, opened: null, buffers: null, missing: [] };
  if (parts.includes('headers') && sources.length > 0) examined.headers = await headers(sources, target, options);
  if (parts.includes('editor')) examined.opened = await opened(sources, target, options);
  if (parts.includes('records')) {
    examined.buffers = [];
    for (const { file, builds } of results) {
      if (builds.ok === false || options.signal.aborted) continue;
      const rows = bufferRows(file, await readFile(await objectOf(file, options)));
      examined.buffers.push(...rows);
      examined.missing.push(...missingBuffers(file, rows).map((map) => `${file}: ${map}`));
    }
  }
  return examined;
}

async function headers(
  sources: readonly FileResult[],
  target: AuthoringTarget | null,
  { root }: ExamineOptions,
): Promise<HeaderComparison> {
  if (!target?.btf) throw new Error('The host does not say its types: there is no header to compare.');
  const folder = await mkdtemp(join(tmpdir(), 'ringside-corpus-'));
  try {
    const kernel = { btf: await readFile(target.btf), arch: target.arch, folder, resourceDir: join(root, 'dist') };
    const files = sources.map(({ file }) => file);
    return await compareHeaders(kernel, files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function opened(
  sources: readonly FileResult[],
  target: AuthoringTarget | null,
  { root, cacheDir, stepMs, signal }: ExamineOptions,
): Promise<OpenedFile[]> {
  const files = sources.map(({ file }) => file);
  const said = await openAll(files, { root, cacheDir, target, patience: stepMs, signal });
  return sources.filter(({ file }) => said.has(file)).map((result) => judge(result, said.get(result.file)!));
}

async function objectOf(file: string, { engine, host, signal }: ExamineOptions): Promise<string> {
  return file.endsWith('.c') ? (await engine.build({ file, host }, { signal })).object : file;
}

/** The tables, one below the other. */
export function examinedLines({ headers, opened, buffers, missing }: Examined, base: string): string {
  const parts = [
    headers && headerLines(headers, base),
    opened && alarmLines(opened, base),
    buffers && recordLines(buffers, base),
    missing.length > 0 ? missing.map((text) => `not there: ${text}`).join('\n') : null,
  ];
  return parts.filter((part) => part !== null).join('\n\n');
}

/** True when nothing that was looked at is other than it should be. */
export function isClean({ headers, opened, buffers, missing }: Examined): boolean {
  const { whole } = sumRecords(buffers ?? []);
  const alarms = sumAlarms(opened ?? []).alarms;
  return (headers?.differences ?? []).length + alarms + whole.wrong + whole.unknown + missing.length === 0;
}

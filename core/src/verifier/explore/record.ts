/**
 * What a verification leaves beside its log, so that the log can be explored later as it was: the object with its line
 * information, the sources as the compiler saw them, and the verdicts.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { readFileSync } from 'node:fs';
import { BpfObject } from '../../bpf/index.ts';
import type { ProgramVerdict, VerifyReport } from '../../model/index.ts';

const VERSION = 2;
/** Of all sources together; a generated header is no source that anybody steps through. */
const MOST_SOURCE = 4 << 20;
const MOST_RECORD = 256 << 20;

export interface VerificationRecord {
  file: string;
  host: string;
  kernel: string;
  /** ms since the epoch. */
  at: number;
  /** Of the object: two verifications of the same one differ in nothing but the host. */
  sha256: string;
  object: Uint8Array;
  /** By the names that line information has for them. */
  sources: Record<string, string>;
  programs: ProgramVerdict[];
  /** Which of the logs of the same program it is about: an object for a smaller instruction set may be tried second. */
  attempt: number;
}

export async function writeRecord(
  path: string,
  file: string,
  object: Uint8Array,
  report: VerifyReport,
  attempt = 0,
): Promise<void> {
  const record = {
    version: VERSION,
    ...{ file, host: report.host, kernel: report.kernel, at: Date.now() },
    sha256: createHash('sha256').update(object).digest('hex'),
    object: Buffer.from(object).toString('base64'),
    sources: sourcesOf(file, object),
    programs: report.programs,
    attempt,
  };
  await writeFile(path, JSON.stringify(record));
}

function sourcesOf(file: string, bytes: Uint8Array): Record<string, string> {
  const sources: Record<string, string> = {};
  let left = MOST_SOURCE;
  try {
    const lines = BpfObject.parse(bytes).btfExt?.lines ?? new Map<string, { file: string }[]>();
    for (const name of new Set([...lines.values()].flatMap((all) => all.map((line) => line.file)))) {
      if (name === '' || /(?:^|\/)vmlinux\.h$/.test(name)) continue;
      const text = sourceOnDisk(file, name);
      if (text === null || text.length > left) continue;
      left -= text.length;
      sources[name] = text;
    }
  } catch {
    return sources; // an object without line information has no sources to show
  }
  return sources;
}

/** A source by the name that line information has for it: absolute, or as seen from the program's folder. */
export function sourceOnDisk(file: string, name: string): string | null {
  try {
    return readFileSync(resolve(dirname(resolve(file)), name), 'utf8');
  } catch {
    return null;
  }
}

/** Null when there is none, or none that this version wrote. */
export async function readRecord(path: string): Promise<VerificationRecord | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return null;
  }
  return text.length > MOST_RECORD ? null : parseRecord(text);
}

export function parseRecord(text: string): VerificationRecord | null {
  try {
    const raw: unknown = JSON.parse(text);
    if (typeof raw !== 'object' || raw === null) return null;
    const { version, file, host, kernel, at, sha256, object, sources, programs, attempt } = raw as Record<
      string,
      unknown
    >;
    const isText = (value: unknown): value is string => typeof value === 'string';
    if (version !== VERSION || !isText(file) || !isText(host) || !isText(kernel) || !isText(object)) return null;
    if (typeof at !== 'number' || !isText(sha256) || !Array.isArray(programs) || typeof sources !== 'object')
      return null;
    const texts = Object.entries(sources ?? {}).filter((entry): entry is [string, string] => isText(entry[1]));
    return {
      ...{ file, host, kernel, at, sha256 },
      object: Buffer.from(object, 'base64'),
      sources: Object.fromEntries(texts),
      programs: programs as ProgramVerdict[],
      attempt: attempt === 1 ? 1 : 0,
    };
  } catch {
    return null;
  }
}

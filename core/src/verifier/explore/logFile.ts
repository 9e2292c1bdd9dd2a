/** Log files: one program's log, or those of several with a line above each, as `ringside verify --full-log` writes them. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { LogPart } from '../../model/index.ts';
import { LogReader, type VerifierLog } from '../log/index.ts';

/** Where a program's log lies in its file, in bytes. */
export interface FilePart extends LogPart {
  host: string;
  from: number;
  to: number;
}

const CHUNK = 1 << 20;
/** A file with more programs than this is some other kind of file. */
const MOST_PARTS = 4096;

const ours = /^==== (\S+) (\S+) \((.*)\): (\w+)\r?$/;
const libbpf = /^libbpf: prog '([^']+)': -- BEGIN PROG LOAD LOG --\r?$/;

/** The programs of a log file. A file that names none has one part, which is all of it. */
export async function partsOfLog(file: string): Promise<FilePart[]> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const parts: FilePart[] = [];
    let before = '';
    let start = 0;
    const buffer = Buffer.alloc(CHUNK);
    for (let at = 0; at < size;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK, at);
      if (bytesRead === 0) break;
      const chunk = before + buffer.toString('latin1', 0, bytesRead);
      start = at - before.length;
      at += bytesRead;
      const end = at >= size ? chunk.length : chunk.lastIndexOf('\n') + 1;
      heads(chunk.slice(0, end), start, parts);
      // A line of more than a chunk is no head.
      before = chunk.length - end > CHUNK ? '' : chunk.slice(end);
    }
    parts.forEach((part, i) => (part.to = parts[i + 1]?.from ?? size));
    for (const part of parts) part.from = part.to === part.from ? part.from : part.from + headLength(part);
    const asked = parts.filter((part) => !skipped.has(part));
    if (asked.length === 0) return [{ program: '', section: '', verdict: 'unknown', host: '', from: 0, to: size }];
    return asked.map(({ program, section, verdict, host, from, to }) => ({
      program,
      section,
      verdict,
      host,
      from,
      to,
    }));
  } finally {
    await handle.close();
  }
}

const lengths = new WeakMap<FilePart, number>();
/** Programs that were not asked for: they have no log. */
const skipped = new WeakSet<FilePart>();
const headLength = (part: FilePart): number => lengths.get(part) ?? 0;

function heads(text: string, start: number, parts: FilePart[]): void {
  for (const mark of ['==== ', "libbpf: prog '"]) {
    for (let at = text.indexOf(mark); at >= 0 && parts.length < MOST_PARTS; at = text.indexOf(mark, at + 1)) {
      if (at > 0 && text.charCodeAt(at - 1) !== 10) continue;
      const found = text.indexOf('\n', at);
      const end = found < 0 ? text.length : found;
      const line = text.slice(at, Math.min(end, at + 1000));
      const head = ours.exec(line);
      const begun = head ? null : libbpf.exec(line);
      if (!head && !begun) continue;
      const verdict = head?.[4] === 'accepted' || head?.[4] === 'rejected' ? head[4] : begun ? 'rejected' : 'unknown';
      const part: FilePart = {
        ...{
          program: utf8(head?.[2] ?? begun![1]!),
          section: utf8(head?.[3] ?? ''),
          verdict,
          host: utf8(head?.[1] ?? ''),
        },
        ...{ from: start + at, to: 0 },
      };
      if (head?.[4] === 'skipped') skipped.add(part);
      lengths.set(part, Math.min(end + 1, text.length) - at);
      parts.push(part);
    }
  }
  parts.sort((a, b) => a.from - b.from);
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');

/** Reads one part; other work of the thread goes on between chunks. */
export async function readPart(file: string, part: FilePart, signal?: AbortSignal): Promise<VerifierLog> {
  const reader = new LogReader();
  if (part.to > part.from) {
    const stream = createReadStream(file, {
      ...{ start: part.from, end: part.to - 1, highWaterMark: CHUNK, encoding: 'utf8' as const },
      ...(signal && { signal }),
    });
    for await (const chunk of stream) reader.push((chunk as string).replaceAll('\0', '\ufffd'));
  }
  return reader.finish();
}

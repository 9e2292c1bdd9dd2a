/** A program's code as text, for terminals and documents: source lines with what they became below them. */
import type { CodeLine, ProgramCode } from '../model/index.ts';

export type CodeView = 'xlated' | 'jited' | 'both';

const BYTES_A_LINE = 16;

/** Lines of text; where each line of source stands is in `places`, by the line of the text (from 0). */
export interface CodeListing {
  text: string;
  places: Map<number, { file: string; line: number }>;
}

export function listCode(code: ProgramCode, view: CodeView): CodeListing {
  const lines: string[] = [`; ${code.name} (${code.type}), id ${code.id} on ${code.host}`];
  const places = new Map<number, { file: string; line: number }>();
  if (view !== 'jited') lines.push(...said('translated by the verifier', code.xlatedBytes, code.xlatedUnknown));
  if (view !== 'xlated') lines.push(...said(`machine code for ${code.arch}`, code.jitedBytes, code.jitedUnknown));
  for (const fn of code.functions) {
    lines.push('', `${fn.name || code.name}:${fn.address === null || view === 'xlated' ? '' : ` ; ${fn.address}`}`);
    let last = '';
    for (const line of fn.lines) {
      const place = line.source ? `${line.source.file}:${line.source.line}` : '';
      if (line.source && place !== last) {
        places.set(lines.length, { file: line.source.file, line: line.source.line });
        lines.push(`; ${line.source.text || place}  @ ${shortName(line.source.file)}:${line.source.line}`);
      }
      last = place;
      if (view !== 'jited')
        lines.push(...line.xlated.map(({ index, text }) => `${String(index).padStart(6)}: ${text}`));
      if (view !== 'xlated') lines.push(...machineLines(line));
    }
  }
  return { text: `${lines.join('\n')}\n`, places };
}

function said(what: string, bytes: number | null, unknown: string): string[] {
  if (unknown !== '') return [`; ${what}: not shown. ${unknown}`];
  return [`; ${what}: ${bytes ?? 0} bytes`];
}

function machineLines({ jited }: CodeLine): string[] {
  if (jited === null || jited.bytes === '') return [];
  const bytes = jited.bytes.match(/../g)!;
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_A_LINE) {
    const address = BigInt(jited.address) + BigInt(at);
    rows.push(`  ${address.toString(16)}: ${bytes.slice(at, at + BYTES_A_LINE).join(' ')}`);
  }
  return rows;
}

const shortName = (file: string): string => file.split('/').at(-1)!;

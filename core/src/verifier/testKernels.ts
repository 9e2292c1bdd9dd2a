/** For tests: what other kernels said about the set of rejected programs, as test/hosts/verdicts.vmtest.ts records it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ProgramVerdict } from '../model/index.ts';
import { rejectedFolder } from './testGolden.ts';
import { verdictFromAgent } from './verdict.ts';

export const kernelsFolder = join(rejectedFolder, 'kernels');

/** The kernels of the virtual machines, oldest first; this machine's own (6.18) has a file for each program. */
export const recordedKernels = ['5.10', '6.1', '6.12', '7.3'] as const;
export const OWN_KERNEL = '6.18';

/** Every program of the set. */
export const rejectedPrograms: readonly string[] = readdirSync(rejectedFolder)
  .filter((f) => f.endsWith('.bpf.c'))
  .map((f) => f.slice(0, -'.bpf.c'.length));

export interface RecordedVerdict {
  /** Of the file: "map-null". */
  name: string;
  /** Of the program in it. */
  program: string;
  section: string;
  /** clang's -mcpu that Ringside builds with for this kernel. */
  cpu: string;
  verdict: string;
  /** Where there is no log: what Ringside said without one. "" otherwise, and when it was accepted. */
  category: string;
  /** The same: "map-null.bpf.c:21:2". */
  place: string;
  /** What was said, where the kernel's verifier was never asked and so has no log. */
  message: string;
  log: string;
}

export interface RecordedKernel {
  name: string;
  /** "5.10.0-46-cloud-amd64" */
  release: string;
  verdicts: RecordedVerdict[];
}

/** Of a log that is longer, so many lines from each end are kept, and the sum of what is left out. */
const KEPT_LINES = 100;

/** A log as it is kept: whole, but for one of many thousand lines. */
export function shortened(log: string): string {
  const lines = log.replace(/\n+$/, '').split('\n');
  if (lines.length <= 3 * KEPT_LINES) return lines.join('\n');
  const middle = lines.slice(KEPT_LINES, -KEPT_LINES);
  const sum = createHash('sha256').update(middle.join('\n')).digest('hex').slice(0, 16);
  const note = `; ${middle.length} lines are left out here, sha256 ${sum}`;
  return [...lines.slice(0, KEPT_LINES), note, ...lines.slice(-KEPT_LINES)].join('\n');
}

const HEAD = /^==== (\S+) (\S+) \((.*)\) mcpu=(\S+) (\w+) (\S+) (\S+)$/;

export function kernelText({ release, verdicts }: RecordedKernel): string {
  const one = (v: RecordedVerdict): string =>
    [
      `==== ${v.name} ${v.program} (${v.section}) mcpu=${v.cpu} ${v.verdict} ${v.category || '-'} ${v.place || '-'}`,
      ...(v.message === '' ? [] : [`! ${v.message.replaceAll('\n', ' ')}`]),
      ...(v.log === '' ? [] : [v.log.replace(/\n+$/, '')]),
    ].join('\n');
  return `Linux ${release}\n${verdicts.map(one).join('\n')}\n`;
}

export function readKernel(name: string): RecordedKernel {
  const lines = readFileSync(join(kernelsFolder, `${name}.log`), 'utf8').split('\n');
  const verdicts: RecordedVerdict[] = [];
  for (const line of lines.slice(1, -1)) {
    const head = HEAD.exec(line);
    if (head) {
      const [, program = '', fn = '', section = '', cpu = '', verdict = '', category = '', place = ''] = head;
      verdicts.push({
        ...{ name: program, program: fn, section, cpu, verdict },
        ...{ category: category === '-' ? '' : category, place: place === '-' ? '' : place, message: '', log: '' },
      });
      continue;
    }
    const last = verdicts.at(-1)!;
    if (line.startsWith('! ')) last.message = line.slice(2);
    else last.log += `${line}\n`;
  }
  return { name, release: lines[0]!.slice('Linux '.length), verdicts };
}

/** The object that a kernel was given: older instruction sets have files of their own where the code differs. */
export function objectFile(name: string, cpu: string): string {
  const own = join(kernelsFolder, cpu, `${name}.o`);
  return existsSync(own) ? own : join(rejectedFolder, `${name}.o`);
}

/** The file's name and place in it: "map-null.bpf.c:21:2"; "" when there is none. */
export function placeText(reason: ProgramVerdict['reason']): string {
  return reason === null || reason.line === 0 ? '' : `${basename(reason.file)}:${reason.line}:${reason.column}`;
}

/** What is said about a recorded verdict now: the reason's category and place, "" for none. */
export function said(recorded: RecordedVerdict): { verdict: string; category: string; place: string } {
  const { verdict, category, place, log } = recorded;
  if (verdict === 'accepted' || log === '') return { verdict, category, place };
  const { reason } = explained(recorded);
  return { verdict, category: reason!.category, place: placeText(reason) };
}

/** What is explained of a recorded log now. */
export function explained(recorded: RecordedVerdict): ProgramVerdict {
  const { name, program, section, verdict, log, cpu } = recorded;
  const text = (file: string): string | null => {
    const path = join(rejectedFolder, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  };
  const agent = { name: program, section, verdict, error: null, log, instructions: 0, verifyMicros: 0, libbpfLog: '' };
  return verdictFromAgent(agent, readFileSync(objectFile(name, cpu)), text);
}

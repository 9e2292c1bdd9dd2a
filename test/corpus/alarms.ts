/** Which of the language server's findings in a corpus are false: those in a program that its host takes as it is. */
import { shortName } from './files.ts';
import type { FileResult } from './tryFile.ts';

/** One diagnostic of an opened source. */
export interface Said {
  /** From 1. */
  line: number;
  severity: 'error' | 'warning' | 'information' | 'hint';
  /** False: clang says it. */
  ours: boolean;
  code: string;
  message: string;
  /** The line that it begins in. */
  text: string;
}

export interface OpenedFile {
  file: string;
  /** Every program of it loads on the host, and those that were attached, attach. */
  runs: boolean;
  /** Ours, and clang's errors, where the file runs. */
  alarms: Said[];
  /** The same where it does not: they may be right. */
  doubts: Said[];
  /** Ours that are no fault: bpf_printk is there, but for debugging. */
  hints: Said[];
  /** Warnings of clang's. */
  warnings: number;
}

export function judge(result: FileResult, said: readonly Said[]): OpenedFile {
  const runs = result.builds.ok === true && result.programs.every(takes);
  const serious = said.filter((each) => (each.ours ? !isTrueHint(each) : each.severity === 'error'));
  return {
    file: result.file,
    runs,
    alarms: runs ? serious : [],
    doubts: runs ? [] : serious,
    hints: said.filter((each) => each.ours && isTrueHint(each)),
    warnings: said.filter(({ ours, severity }) => !ours && severity !== 'error').length,
  };
}

const takes = ({ loads, attaches }: FileResult['programs'][number]): boolean =>
  loads.ok === true && attaches.ok !== false;

/** A hint is right when what it is about is there. */
const isTrueHint = ({ severity, code, text }: Said): boolean =>
  severity === 'hint' && code === 'printk-left' && /\bbpf_(trace_)?v?printk\b/.test(text);

export interface AlarmSums {
  files: number;
  runs: number;
  alarms: number;
  hints: number;
}

export const sumAlarms = (opened: readonly OpenedFile[]): AlarmSums => ({
  files: opened.length,
  runs: opened.filter(({ runs }) => runs).length,
  alarms: opened.reduce((sum, { alarms }) => sum + alarms.length, 0),
  hints: opened.reduce((sum, { hints }) => sum + hints.length, 0),
});

/** A line for each source and each finding in it; the sums. */
export function alarmLines(opened: readonly OpenedFile[], base: string): string {
  const { files, runs, alarms, hints } = sumAlarms(opened);
  return [
    ...opened.flatMap((each) => fileLines(each, base)),
    '',
    `editor    ${alarms} false alarms in ${runs} sources that the host runs as they are, of ${files}`,
    `          ${hints} hints that bpf_printk is for debugging, where it is`,
  ].join('\n');
}

function fileLines({ file, runs, alarms, doubts, hints, warnings }: OpenedFile, base: string): string[] {
  const mark = alarms.length > 0 ? '✗' : runs ? '✓' : '·';
  const words = [
    hints.length > 0 ? `${hints.length} × bpf_printk` : '',
    warnings > 0 ? `${warnings} warnings of clang’s` : '',
    runs ? '' : 'does not run on this host as it is',
  ].filter((part) => part !== '');
  const found = [...alarms, ...doubts].map(
    ({ line, severity, code, message }) => `    line ${line}: ${severity} ${code}: ${message.split('\n')[0]}`,
  );
  return [`${mark} ${shortName(file, base)}  ${words.join(', ')}`.trimEnd(), ...found];
}

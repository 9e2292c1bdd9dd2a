import type { LeftOutProgram, RunNote } from '@ringside/core';
import { bold, dim, yellow } from '../terminal.ts';

/** One line: which program does not run on which host, why, and what runs in its place or what to do. */
export function leftOutLine({ host, program, section, error, instead }: LeftOutProgram): string {
  const then = instead === '' ? error.remedy : `${instead} runs instead.`;
  return `${yellow('left out')} ${host}: ${bold(program)} ${dim(section)}: ${[error.message, then].filter((t) => t !== '').join(' ')}`;
}

export function noteLine({ host, about, text }: RunNote): string {
  return dim(`${host}: ${about === '' ? '' : `${about}: `}${text}`);
}

import type { ErrorData } from '@ringside/core';
import { bold, dim, red } from '../terminal.ts';

/** Under --json one host gives its outcome, several hosts an array of theirs. */
export const oneOrAll = <T>(outcomes: readonly T[]): T | readonly T[] | undefined =>
  outcomes.length === 1 ? outcomes[0] : outcomes;

/** A host that gave no report among several, for people; the detail holds a compiler's lines. */
export const hostFailure = ({ host, error }: { host: string; error: ErrorData }): string =>
  [`${red('✗')} ${bold(host)}: ${error.message}`, `  ${error.remedy}`, ...detailLines(error.detail).map(dim)].join(
    '\n',
  );

/** What was said word by word, set apart from our own words. */
export const detailLines = (detail: string): string[] =>
  detail.trim() === ''
    ? []
    : detail
        .trimEnd()
        .split('\n')
        .map((line) => `  | ${line}`);

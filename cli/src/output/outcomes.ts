import type { ErrorData } from '@ringside/core';
import { bold, red } from '../terminal.ts';

/** Under --json one host gives its outcome, several hosts an array of theirs. */
export const oneOrAll = <T>(outcomes: readonly T[]): T | readonly T[] | undefined =>
  outcomes.length === 1 ? outcomes[0] : outcomes;

/** A host that gave no report among several, for people. */
export const hostFailure = ({ host, error }: { host: string; error: ErrorData }): string =>
  `${red('✗')} ${bold(host)}: ${error.message}\n  ${error.remedy}`;

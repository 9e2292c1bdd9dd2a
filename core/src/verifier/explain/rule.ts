/** A category of rejection: how it is recognised, and what is said about it. */
import type { VerdictReason } from '../../model/index.ts';
import type { Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import type { Place } from './program.ts';

/** What a rule has to say about one rejection. */
export interface Explanation {
  /** Plain sentences about this program. */
  message: string;
  causes?: (VerdictReason['cause'][number] | null)[];
  fixes?: (Fix | null)[];
  /** Where it is, when not at the instruction that failed. */
  place?: Place | undefined;
}

export interface Rule {
  /** Stable, kebab-case; documented in docs/verifier.md. */
  id: string;
  title: string;
  /** Of the verifier's message. */
  pattern: RegExp;
  /** The state decides between rules of the same message. */
  when?: (failure: Failure, match: RegExpExecArray) => boolean;
  /** One or two sentences for what is true of every program: the page, and where nothing more is known. */
  about: string;
  explain?: (failure: Failure, match: RegExpExecArray) => Explanation | null;
}

/** A place as a cause; null when it is not known. */
export function cause(place: Place | null, message: string): VerdictReason['cause'][number] | null {
  if (!place || place.line === 0) return null;
  return { file: place.file, line: place.line, column: place.column, message };
}

/** "line 12", "line 3 of maps.h"; "" when it is not known. */
export function lineWords(place: Place | null, here: Place): string {
  if (!place || place.line === 0) return '';
  const other = place.file !== here.file && place.file !== '' ? ` of ${place.file.replace(/^.*\//, '')}` : '';
  return `line ${place.line}${other}`;
}

/** Programs like this one, in words: 'programs of section "xdp"'. */
export function programWords(failure: Failure): string {
  const section = failure.program.source?.section ?? '';
  return section === '' ? 'programs of this type' : `programs of section "${section}"`;
}

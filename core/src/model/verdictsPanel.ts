/** The Verdicts panel's protocol with the extension host, which verifies. Both sides validate what they get. */
import type { HostOutcome } from './hostOutcome.ts';
import type { VerifyReport } from './verdict.ts';

/** A column of the table. */
export type VerifiedHost = HostOutcome<VerifyReport>;

/** Panel → extension host. */
export type VerdictsToHost =
  | { type: 'ready' }
  /** Verifies again: on one host, or on all of them. */
  | { type: 'run'; host: string | null }
  | { type: 'cancel' }
  /** Shows the line that a host's verifier rejects: the reason's own, or the one of a step of its chain. */
  | { type: 'source'; host: string; program: string; cause: number | null }
  /** Opens the verifier explorer on a verdict. */
  | { type: 'explore'; host: string; program: string }
  /** Shows what the verifier of a host printed. */
  | { type: 'log'; host: string }
  /** Copies the table as Markdown. */
  | { type: 'copy-all' };

/** Extension host → panel. */
export type VerdictsToPanel =
  { type: 'hosts'; title: string; file: string; hosts: VerifiedHost[] } | { type: 'host'; host: VerifiedHost };

/** What survives a window reload. */
export interface VerdictsPanelState {
  /** Path of the source or object. */
  file: string;
  hosts: string[];
}

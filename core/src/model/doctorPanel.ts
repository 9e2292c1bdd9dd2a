/** The Doctor panel's protocol with the extension host, which runs the checks. Both sides validate what they get. */
import type { DoctorReport } from './host.ts';
import type { ErrorData } from '../errors.ts';

/** One host in the panel, and how far its checks are. */
export interface CheckedHost {
  name: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  /** What goes on right now, in words; "" when nothing does. */
  step: string;
  /** Of the last run that came to an end; stays while the next one runs. */
  report: DoctorReport | null;
  /** Why there is no report. */
  error: ErrorData | null;
  /** ms since the epoch; null before the first end. */
  checkedAt: number | null;
}

/** Panel → extension host. */
export type DoctorToHost =
  | { type: 'ready' }
  /** Checks again: one host, or all of them. */
  | { type: 'run'; host: string | null }
  | { type: 'cancel' }
  | { type: 'copy'; text: string }
  /** Copies every report as text. */
  | { type: 'copy-all' };

/** Extension host → panel. */
export type DoctorToPanel =
  { type: 'hosts'; title: string; hosts: CheckedHost[] } | { type: 'host'; host: CheckedHost };

/** What survives a window reload. */
export interface DoctorPanelState {
  title: string;
  hosts: string[];
}

import type { ErrorData } from '../errors.ts';

/** One host of a panel that asks many hosts for something, and how far it is. */
export interface HostOutcome<Report> {
  name: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  /** What goes on right now, in words; "" when nothing does. */
  step: string;
  /** Of the last time that came to an end; stays while the next one runs. */
  report: Report | null;
  /** Why there is no report, or only an old one. */
  error: ErrorData | null;
  /** ms since the epoch; null before the first end. */
  checkedAt: number | null;
}

/** The Doctor panel's protocol with the extension host, which runs the checks. Both sides validate what they get. */
import type { DoctorReport } from './host.ts';
import type { HostOutcome } from './hostOutcome.ts';

/** One host in the panel, and how far its checks are. */
export type CheckedHost = HostOutcome<DoctorReport>;

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

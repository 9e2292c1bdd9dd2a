import type { ErrorData } from '@ringside/core/rpc';

/** What a guard asked about was answered with no: its user knows, and has nothing to do about it. */
export const isDeclined = ({ code, remedy }: ErrorData): boolean =>
  code === 'guard-confirmation-needed' || (code === 'guard-rolled-back' && remedy === '');

/** Where the engine tells what it does. Never secrets, never raw bytes from a host. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface Log {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
}

export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };

/** The part of the Debug Adapter Protocol that Ringside speaks. */
export interface DebugRequest {
  seq: number;
  type: 'request';
  command: string;
  arguments?: unknown;
}

export interface DebugSource {
  name: string;
  path: string;
}

export interface OutputBody {
  /** Not "important": VS Code shows such lines as notifications too. */
  category: 'console' | 'stdout' | 'stderr';
  output: string;
  source?: DebugSource;
  line?: number;
}

/** A message as VS Code sends it, or null when it is no request. */
export function parseRequest(message: unknown): DebugRequest | null {
  if (typeof message !== 'object' || message === null) return null;
  const { seq, type, command, arguments: args } = message as Record<string, unknown>;
  if (typeof seq !== 'number' || type !== 'request' || typeof command !== 'string') return null;
  return { seq, type, command, arguments: args };
}

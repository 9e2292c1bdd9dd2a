/** What client and server say to each other beyond the Language Server Protocol. */

/** `initializationOptions` of the client. */
export interface InitializationOptions {
  /** The folder that holds `resources/libbpf`: dist/. */
  resourceDir: string;
  cacheDir: string;
  /** The user's setting; "" = discover. */
  compilerPath: string;
  /** False in a window whose workspace is not trusted: then no compiler runs. */
  trusted: boolean;
  /** Milliseconds between the last keystroke and a check; default 150. */
  debounceMs?: number;
}

/**
 * Notification client → server: the kernel that programs are written for has changed. All open programs are checked
 * again against it.
 */
export const targetNotification = 'ringside/target';

export interface TargetParams {
  /** Path of the target's vmlinux.h; null = this machine's kernel, as before any notification. */
  vmlinuxHeader: string | null;
  /** `uname -m` of the target; null = this machine's. */
  arch: string | null;
}

/** Values from the other side of the connection are checked, not believed. */
export function isInitializationOptions(value: unknown): value is InitializationOptions {
  if (typeof value !== 'object' || value === null) return false;
  const { resourceDir, cacheDir, compilerPath, trusted, debounceMs } = value as Record<string, unknown>;
  return (
    typeof resourceDir === 'string' &&
    typeof cacheDir === 'string' &&
    typeof compilerPath === 'string' &&
    typeof trusted === 'boolean' &&
    (debounceMs === undefined || (typeof debounceMs === 'number' && debounceMs >= 0))
  );
}

export function isTargetParams(value: unknown): value is TargetParams {
  if (typeof value !== 'object' || value === null) return false;
  const { vmlinuxHeader, arch } = value as Record<string, unknown>;
  return isStringOrNull(vmlinuxHeader) && isStringOrNull(arch);
}

function isStringOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

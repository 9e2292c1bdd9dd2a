/**
 * Ending an ssh for sure. It looks whether it was signalled before it waits for the network, not while: a signal that
 * comes between the two is noticed at its next wake only, which may be its next keepalive, or never.
 */
import type { ChildProcess } from 'node:child_process';

const againMs = 200;

/**
 * Starts ssh and ends it when our end of its stdin closes, so that no connection outlives the program that made it,
 * however that ends.
 */
export const keeper =
  'exec 3<&0; "$@" </dev/null 3<&- & p=$!; ' +
  '{ read -r x <&3; while kill $p; do sleep 0.2 || sleep 1; done; } >/dev/null 2>&1 & w=$!; ' +
  'wait $p; c=$?; kill $w 2>/dev/null; exit $c';

/** Sends SIGTERM until the process has ended. */
export function terminate(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null || !child.kill('SIGTERM')) return;
  setTimeout(() => terminate(child), againMs).unref();
}

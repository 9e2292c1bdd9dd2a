/** How much of the host's processors its BPF programs take, whoever loaded them. */
import type { Count, ProgramItem } from '@ringside/core/model';

/** What the programs of a host had run at a time. */
export interface LoadSample {
  /** ms of a clock that only goes on. */
  at: number;
  programs: readonly Pick<ProgramItem, 'id' | 'runs' | 'runNanos'>[];
}

/**
 * Whether the kernel counts runs all the time (kernel.bpf_stats_enabled=1). A program that never ran has a known count
 * only then; counts of others may be of an earlier time.
 */
export const isCounting = ({ programs }: LoadSample): boolean =>
  programs.length === 0 || programs.some(({ runs }) => runs !== null && BigInt(runs) === 0n);

/** Percent of one CPU between two samples; null where it is not known. */
export function bpfLoad(before: LoadSample | undefined, after: LoadSample): number | null {
  if (before === undefined || !isCounting(before) || !isCounting(after)) return null;
  const elapsed = (after.at - before.at) * 1e6;
  if (elapsed <= 0) return null;
  const earlier = new Map(before.programs.map(({ id, runNanos }) => [id, runNanos]));
  let nanos = 0n;
  for (const { id, runNanos } of after.programs) {
    if (runNanos === null) return null;
    nanos += nanosSince(earlier.get(id) ?? null, runNanos);
  }
  return (100 * Number(nanos)) / elapsed;
}

/** A count that went back is another program's under the same number, or began anew. */
function nanosSince(before: Count | null, now: Count): bigint {
  const ran = BigInt(now) - BigInt(before ?? 0);
  return ran < 0n ? BigInt(now) : ran;
}

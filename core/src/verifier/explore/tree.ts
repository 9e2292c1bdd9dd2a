/** The branches of a log as a tree, in the order in which they were walked: each stands below the one that it leaves. */
import type { TreeRow } from '../../model/index.ts';
import { LineKind, type VerifierLog } from '../log/index.ts';
import type { Stretches } from './paths.ts';

/** Steps that are searched for the beginning of a branch that was pruned at once. */
const MAX_HOPS = 5_000;

export type Branch = Omit<TreeRow, 'file' | 'line'>;

/** The verifier goes depth first, so that the order of the log is the order of the tree. */
export function branchesOf(log: VerifierLog, stretches: Stretches, rejected: boolean): Branch[] {
  const rows: Branch[] = [];
  const depths = new Uint32Array(stretches.length);
  const taken = new Set<number>();
  const pruned = prunedLines(log);
  let nextPruned = 0;
  let at = -1;
  for (let index = 0; index < stretches.length; index++) {
    const { first, last, parent } = stretches.at(index);
    const line = log.stepLine(first);
    for (; nextPruned < pruned.length && pruned[nextPruned]! < line; nextPruned++)
      at = addPruned(pruned[nextPruned]!, at);
    if (parent >= 0) {
      depths[index] = depths[stretches.of(parent)]! + 1;
      taken.add(parent);
    }
    rows.push({
      ...{ first, last, steps: last - first + 1, parent, depth: depths[index]! },
      end: stretches.end(index, rejected),
      fromInsn: parent >= 0 ? log.stepInsn(parent) : -1,
      toInsn: log.stepInsn(first),
    });
    at = last;
  }
  for (; nextPruned < pruned.length; nextPruned++) at = addPruned(pruned[nextPruned]!, at);
  return rows;

  /** "from 12 to 15: safe": it was put off at the latest step of that instruction which no other branch has taken. */
  function addPruned(line: number, from: number): number {
    const [, fromInsn, toInsn] = /^from (\d+) to (\d+)/.exec(log.line(line))!.map(Number);
    let parent = from;
    for (let hops = 0; parent >= 0 && hops < MAX_HOPS; hops++) {
      if (log.stepInsn(parent) === fromInsn && !taken.has(parent)) break;
      parent = stretches.previous(parent);
    }
    if (parent >= 0 && log.stepInsn(parent) !== fromInsn) parent = -1;
    if (parent >= 0) taken.add(parent);
    const depth = parent < 0 ? 0 : depths[stretches.of(parent)]! + 1;
    rows.push({
      ...{ first: -1, last: -1, steps: 0, parent, depth, end: 'pruned' },
      ...{ fromInsn: fromInsn!, toInsn: toInsn! },
    });
    return parent < 0 ? from : parent;
  }
}

function prunedLines(log: VerifierLog): number[] {
  const lines: number[] = [];
  for (let line = 0; line < log.lineCount; line++)
    if (log.kind(line) === LineKind.pruned && log.line(line).startsWith('from')) lines.push(line);
  return lines;
}

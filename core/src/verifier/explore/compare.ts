/** Two ways through a program side by side: before and after an edit, or on two kernels. */
import type { StepPair } from '../../model/index.ts';

/** Steps of each side that are compared. */
export const MOST_COMPARED = 200_000;
/** How far one side may run ahead before they meet again. */
const WINDOW = 400;
/** Equal instructions in a row that make a meeting. */
const MEETING = 3;

export interface Side {
  length: number;
  /** What must be equal for two steps to be one row: the instruction without addresses, and its source text. */
  key(index: number): string;
}

/**
 * Aligns two sequences: equal stretches are walked together, and where they part the nearest place is taken at which both
 * go on alike for some instructions. Linear but for the parts that differ.
 */
export function align(left: Side, right: Side): { pairs: StepPair[]; cut: boolean } {
  const pairs: StepPair[] = [];
  const most = [Math.min(left.length, MOST_COMPARED), Math.min(right.length, MOST_COMPARED)] as const;
  let [l, r] = [0, 0];
  while (l < most[0] && r < most[1]) {
    if (left.key(l) === right.key(r)) {
      pairs.push([l++, r++]);
      continue;
    }
    const [nextL, nextR] = meeting(left, right, l, r, most);
    while (l < nextL) pairs.push([l++, -1]);
    while (r < nextR) pairs.push([-1, r++]);
  }
  while (l < most[0]) pairs.push([l++, -1]);
  while (r < most[1]) pairs.push([-1, r++]);
  return { pairs, cut: left.length > most[0] || right.length > most[1] };
}

function meeting(left: Side, right: Side, l: number, r: number, most: readonly [number, number]): [number, number] {
  const agree = (a: number, b: number): boolean => {
    for (let i = 0; i < MEETING; i++) {
      if (a + i >= most[0] || b + i >= most[1]) return i > 0 && a + i >= most[0] && b + i >= most[1];
      if (left.key(a + i) !== right.key(b + i)) return false;
    }
    return true;
  };
  for (let skipped = 1; skipped <= WINDOW; skipped++) {
    for (let a = 0; a <= skipped; a++) {
      const [x, y] = [l + a, r + skipped - a];
      if (x < most[0] && y < most[1] && agree(x, y)) return [x, y];
    }
  }
  // They do not meet in sight: an instruction of each stands for itself.
  return [Math.min(l + 1, most[0]), Math.min(r + 1, most[1])];
}

/** Addresses, ids and fixed-up immediates are of one load; what is left is the instruction as it was compiled. */
export const instructionKey = (text: string): string =>
  text
    .replace(/0x[0-9a-f]{7,}/g, 'address')
    .replace(/^\(85\) call pc[+-]\d+/, '(85) call pc')
    .replace(/#\d+$/, '')
    .replace(/goto pc[+-]\d+/, 'goto');

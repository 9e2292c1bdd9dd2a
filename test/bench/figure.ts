/** One line of `npm run bench`. ours and peer are in `unit`; ratio is null where no peer does it. */
import { cpus, release } from 'node:os';

export interface Figure {
  bench: string;
  figure: string;
  unit: string;
  better: 'higher' | 'lower';
  ours: number;
  peer: number | null;
  peerName: string | null;
  ratio: number | null;
  goal: number | null;
  holds: boolean | null;
  machine: { cpus: number; kernel: string };
  runs: number;
  spread: [number, number];
  note: string;
}

export interface Measured {
  figure: string;
  unit: string;
  better: 'higher' | 'lower';
  /** Every run's value; the median is the figure. */
  samples: number[];
  peer?: { name: string; samples: number[] };
  /** Least (better: higher) or most (better: lower) that the issue asks for, in `unit`. */
  goal?: number;
  /** Least ratio of ours to the peer (turned so that above 1 is better). */
  goalRatio?: number;
  note?: string;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The p-th percentile (0–100), nearest rank. */
export function percentile(values: number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))]!;
}

export function toFigure(bench: string, m: Measured): Figure {
  if (m.samples.length === 0) throw new Error(`${bench} ${m.figure}: nothing was measured`);
  const ours = median(m.samples);
  const peer = m.peer && m.peer.samples.length > 0 ? median(m.peer.samples) : null;
  const ratio = peer === null || peer === 0 || ours === 0 ? null : m.better === 'higher' ? ours / peer : peer / ours;
  const goalHolds = m.goal === undefined ? null : m.better === 'higher' ? ours >= m.goal : ours <= m.goal;
  const ratioHolds = m.goalRatio === undefined ? null : ratio !== null && ratio >= m.goalRatio;
  return {
    bench,
    figure: m.figure,
    unit: m.unit,
    better: m.better,
    ours: round(ours),
    peer: peer === null ? null : round(peer),
    peerName: m.peer?.name ?? null,
    ratio: ratio === null ? null : round(ratio),
    goal: m.goal ?? null,
    holds: goalHolds === null && ratioHolds === null ? null : goalHolds !== false && ratioHolds !== false,
    machine: { cpus: cpus().length, kernel: release() },
    runs: m.samples.length,
    spread: [round(Math.min(...m.samples)), round(Math.max(...m.samples))],
    note: m.note ?? '',
  };
}

const round = (n: number): number => (Math.abs(n) >= 1000 ? Math.round(n) : Number(n.toPrecision(4)));

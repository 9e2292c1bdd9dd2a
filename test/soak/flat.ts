/**
 * Whether memory is flat: the first third is the warm-up; through the rest goes a line (least squares), and what it rises from
 * its beginning to its end must stay within a tenth of the average, or within 32 MiB where that is more: a collector's
 * saw teeth are as high as that.
 */
export interface Sample {
  /** Seconds since the soak began. */
  at: number;
  bytes: number;
}

export interface Flatness {
  flat: boolean;
  /** Fewer samples than a line can be told from. */
  samples: number;
  /** Average after the warm-up. */
  average: number;
  /** What the line rises after the warm-up. */
  rise: number;
  /** What it may. */
  allowed: number;
}

const WARM_UP = 1 / 3;
const SHARE = 0.1;
const LEAST_BYTES = 32 << 20;
/** A line through fewer points says nothing. */
export const LEAST_SAMPLES = 6;

/** Of one process from its begin on; null when there are too few samples. */
export function flatness(samples: readonly Sample[]): Flatness | null {
  const first = samples[0]?.at ?? 0;
  const last = samples.at(-1)?.at ?? 0;
  const settled = samples.filter(({ at }) => at >= first + (last - first) * WARM_UP);
  if (settled.length < LEAST_SAMPLES) return null;
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [at, average] = [mean(settled.map((s) => s.at)), mean(settled.map((s) => s.bytes))];
  const spread = settled.reduce((sum, s) => sum + (s.at - at) ** 2, 0);
  const slope = spread === 0 ? 0 : settled.reduce((sum, s) => sum + (s.at - at) * (s.bytes - average), 0) / spread;
  const rise = slope * (settled.at(-1)!.at - settled[0]!.at);
  const allowed = Math.max(SHARE * average, LEAST_BYTES);
  return { flat: rise <= allowed, samples: settled.length, average, rise, allowed };
}

/** Records per second at a moment (ms since the epoch). */
export interface RateSample {
  at: number;
  rate: number;
}

/** How far back the rate line reaches. */
export const RATE_SPAN_MS = 5 * 60_000;
const SPANS_MS = [30_000, 60_000, 120_000, RATE_SPAN_MS];

/** The shortest span that holds all samples: a young run fills the line too, and the scale changes in few steps. */
export function spanOf(samples: readonly RateSample[], now: number): number {
  const age = now - (samples[0]?.at ?? now);
  return SPANS_MS.find((span) => age <= span) ?? RATE_SPAN_MS;
}

/** Adds a sample and drops what is older than the span. Samples of the same moment replace each other. */
export function addSample(samples: readonly RateSample[], sample: RateSample): RateSample[] {
  const kept = samples.filter((old) => old.at > sample.at - RATE_SPAN_MS && old.at < sample.at);
  kept.push(sample);
  return kept;
}

/**
 * The line through the samples as an SVG path in a box of `width` × `height`, newest at the right edge; a gap of more
 * than 3 s (the panel was hidden) breaks the line instead of inventing a slope.
 */
export function ratePath(
  samples: readonly RateSample[],
  now: number,
  span: number,
  width: number,
  height: number,
): string {
  const top = Math.max(1, ...samples.map((sample) => sample.rate));
  let path = '';
  let before: RateSample | null = null;
  for (const sample of samples) {
    const x = width * (1 - (now - sample.at) / span);
    if (x < 0) continue;
    const y = height - (height - 1) * (sample.rate / top);
    const joined = before !== null && sample.at - before.at <= 3000;
    path += `${joined ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    before = sample;
  }
  return path;
}

/** Average rate of each of `count` equal parts of the span, oldest first; null where there are no samples. */
export function rateTable(samples: readonly RateSample[], now: number, span: number, count: number): (number | null)[] {
  const sums = new Array<number>(count).fill(0);
  const counts = new Array<number>(count).fill(0);
  for (const { at, rate } of samples) {
    const part = Math.floor(((at - (now - span)) / span) * count);
    const i = part === count ? count - 1 : part;
    if (i < 0 || i >= count) continue;
    sums[i] = sums[i]! + rate;
    counts[i] = counts[i]! + 1;
  }
  return sums.map((sum, i) => (counts[i] === 0 ? null : sum / counts[i]!));
}

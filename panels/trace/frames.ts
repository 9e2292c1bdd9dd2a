/** Most intervals of one report: ten seconds at 60 frames a second. */
const MOST_FRAMES = 600;
const REPORT_MS = 1000;

/** Measures the time between frames and reports it once a second. Only benchmarks ask for it: it keeps the page awake. */
export function startFrameReports(report: (frameMs: number[]) => void): void {
  let before: number | null = null;
  let frames: number[] = [];
  const frame = (now: number): void => {
    if (before !== null && frames.length < MOST_FRAMES) frames.push(now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  setInterval(() => {
    if (frames.length === 0) return;
    report(frames);
    frames = [];
  }, REPORT_MS);
}

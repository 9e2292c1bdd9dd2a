/** The trace panel under load: frame times while a million rows scroll, and the extension host's event loop. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attachToRow, benchEditor, stopRun } from './benchEditor.ts';
import { generate, generator, programs, sleep } from './environment.ts';
import { percentile, type Measured } from './figure.ts';
import type { Bench } from './main.ts';
import { rowFigures } from './panelRows.ts';
import { streamFigures } from './panelStream.ts';

const ROWS = 1_000_000;
const SCROLL_MS = 4_000;
/** Of the flood, while it is followed. */
const FLOOD_MS = 4_200;

export const panelBench: Bench = {
  summary: 'frame times over a million rows; the extension host under floods; filter and sort of ten million rows',
  async run(say) {
    const stored = await rowFigures(say);
    const gen = await generator();
    const source = await readFile(join(programs, 'stream.bpf.c'), 'utf8');
    // A flood of a million records a second costs more than the limits that a run has by itself.
    const limits = { 'ringside.limits.cpuPercent': 0, 'ringside.limits.recordsPerSecond': 0 };
    const bench = await benchEditor({ 'stream.bpf.c': source }, limits);
    try {
      const { page } = bench.editor;
      await bench.workbench.open('stream.bpf.c');
      const trickle = keepCalling(gen);
      await attachToRow(bench, 'ringside-test');
      await trickle.stop();
      say('a million rows');
      const reports: { p50: number; p99: number; max: number }[] = [];
      const flooding = generate(gen, ROWS / 6, 6.3);
      await sleep(1_000);
      const aging = bench.panel.grid.evaluate(measureAges, FLOOD_MS);
      for (let i = 0; i < 2; i++) {
        await sleep(2_100); // each report covers two seconds of its own
        reports.push(await bench.loopDelay());
      }
      const ages = await aging;
      if (ages.length === 0) throw new Error('no row with a time was in view while records came in');
      await flooding;
      await sleep(1_000);
      const flood = {
        p50: reports[1]!.p50,
        p99: Math.max(...reports.map((r) => r.p99)),
        max: Math.max(...reports.map((r) => r.max)),
      };
      const frame = page.frames().at(-1);
      const grid = bench.panel.grid;
      const box = await grid.boundingBox();
      if (!frame || !box) throw new Error('the panel is not there');
      const frames: number[] = [];
      for (let i = 0; i < 3; i++) {
        const measured = grid.evaluate(measureFrames, SCROLL_MS);
        const end = performance.now() + SCROLL_MS;
        await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
        let direction = -1;
        while (performance.now() < end) {
          await page.mouse.wheel(0, direction * 600);
          await sleep(16);
          if (Math.random() < 0.01) direction = -direction;
        }
        const times = await measured;
        frames.push(percentile(times, 95));
        say(
          `frames: p50 ${percentile(times, 50).toFixed(1)} ms, p95 ${frames.at(-1)!.toFixed(1)} ms of ${times.length}`,
        );
      }
      const shown = Number(await grid.getAttribute('aria-rowcount'));
      const streamed = await streamFigures(bench, gen, say);
      await stopRun(bench);
      return [...figures(frames, flood, shown), rowAge(ages), streamed, ...stored];
    } finally {
      await bench.stop();
    }
  },
};

function figures(frames: number[], loop: { p50: number; p99: number; max: number }, rows: number): Measured[] {
  return [
    {
      figure: 'frame_p95_ms',
      unit: 'ms',
      better: 'lower',
      samples: frames,
      goal: 17,
      note: `${rows} rows in the grid, wheel scrolling, Chromium without a GPU; 60 frames/s are 16.7 ms`,
    },
    {
      figure: 'host_loop_p99_ms',
      unit: 'ms',
      better: 'lower',
      samples: [loop.p99],
      goal: 20,
      note: `while ${ROWS} records came in; p50 ${loop.p50} ms, longest ${loop.max} ms`,
    },
  ];
}

function rowAge(ages: number[]): Measured {
  const tenths = Math.ceil(ages.length / 10);
  const parts = Array.from({ length: Math.ceil(ages.length / tenths) }, (_, i) =>
    percentile(ages.slice(i * tenths, (i + 1) * tenths), 95),
  );
  return {
    figure: 'newest_row_age_p95_ms',
    unit: 'ms',
    better: 'lower',
    samples: [percentile(ages, 95)],
    goal: 100,
    note: `from the probe to the frame that shows it, in ${ages.length} frames of ${FLOOD_MS / 1000} s at ${Math.round(ROWS / 6)} records/s; p50 ${percentile(ages, 50).toFixed(0)} ms, p95 of each tenth ${Math.min(...parts).toFixed(0)}–${Math.max(...parts).toFixed(0)} ms`,
  };
}

/**
 * How old the newest row in view is in each frame, in milliseconds: the clock of the page, which is this machine's, less the
 * time that the kernel gave the record.
 */
function measureAges(grid: Element, milliseconds: number): Promise<number[]> {
  const column = [...grid.querySelectorAll('[role="columnheader"]')]
    .find((header) => header.textContent.trim().startsWith('time'))
    ?.getAttribute('aria-colindex');
  const newest = (): number | null => {
    const cells = [...grid.querySelectorAll<HTMLElement>(`[role="gridcell"][aria-colindex="${column}"]`)];
    const shown = cells.filter((cell) => cell.parentElement?.hidden === false);
    const times = shown
      .map((cell) => /(\d+):(\d+):(\d+\.\d+)/.exec(cell.textContent))
      .filter((found) => found !== null);
    const seconds = times.map(([, h, m, s]) => 3600 * Number(h) + 60 * Number(m) + Number(s));
    return seconds.length === 0 ? null : 1000 * Math.max(...seconds);
  };
  const DAY = 86_400_000;
  return new Promise((resolve) => {
    const ages: number[] = [];
    const start = performance.now();
    const next = (): void => {
      const shown = newest(); // drawn in an earlier frame, and on the screen since then
      const wall = new Date();
      const now =
        3_600_000 * wall.getHours() + 60_000 * wall.getMinutes() + 1000 * wall.getSeconds() + wall.getMilliseconds();
      if (shown !== null) ages.push(((now - shown + 1.5 * DAY) % DAY) - DAY / 2);
      if (performance.now() - start < milliseconds) requestAnimationFrame(next);
      else resolve(ages);
    };
    requestAnimationFrame(next);
  });
}

/** Intervals between animation frames, in the panel's own frame. */
function measureFrames(_grid: Element, milliseconds: number): Promise<number[]> {
  return new Promise((resolve) => {
    const times: number[] = [];
    const start = performance.now();
    let last = start;
    const next = (now: number): void => {
      times.push(now - last);
      last = now;
      if (now - start < milliseconds) requestAnimationFrame(next);
      else resolve(times.slice(1));
    };
    requestAnimationFrame(next);
  });
}

/** A few calls all the time until stopped, so that the first row comes. */
function keepCalling(gen: string): { stop(): Promise<void> } {
  let going = true;
  const loop = async (): Promise<void> => {
    await generate(gen, 100, 0.5);
    if (going) await loop();
  };
  const running = loop();
  return {
    async stop() {
      going = false;
      await running;
    },
  };
}

import type { CostOf, CostSample } from '@ringside/core/model';
import type { LineData } from './lineChart.tsx';

const READ: Record<CostOf, (program: CostSample['programs'][number]) => number | null> = {
  runs: (program) => program.runsPerSecond,
  nanos: (program) => program.nanosPerRun,
  cpu: (program) => program.cpuPercent,
  missed: (program) => program.missedPerSecond,
};

/** What programs cost over time, a line each. What is not known is a gap, never 0. */
export function costLines(costs: readonly CostSample[], of: CostOf): LineData {
  const names = [...new Set(costs.flatMap((sample) => sample.programs.map(({ name }) => name)))];
  const read = READ[of];
  return {
    xs: costs.map(({ at }) => at / 1000),
    lines: names.map((name) => ({
      label: name,
      ys: costs.map((sample) => {
        const program = sample.programs.find((candidate) => candidate.name === name);
        return program === undefined ? null : read(program);
      }),
    })),
  };
}

/** A run's limits in words. */
import type { RunLimits } from '../model/index.ts';

/** "30 % of a processor a program, 2,000,000 records/s, 15 min without anybody watching". */
export function limitsText(limits: RunLimits): string {
  const { cpuPercent, recordsPerSecond, timeSeconds } = limits;
  const parts = [
    cpuPercent === 0 ? '' : `${cpuPercent} % of a processor a program`,
    recordsPerSecond === 0 ? '' : `${recordsPerSecond.toLocaleString('en-US')} records/s a stream`,
    timeSeconds === 0 ? '' : `${duration(timeSeconds)} without anybody watching`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function duration(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** A run's limits by name and in words. */
import type { RunLimits } from '../model/index.ts';
import { durationText } from './times.ts';

const names: Record<keyof RunLimits, true> = { cpuPercent: true, recordsPerSecond: true, timeSeconds: true };
export const limitNames = Object.keys(names) as readonly (keyof RunLimits)[];

/** "30 % of a processor a program, 2,000,000 records/s, 15 min without anybody watching". */
export function limitsText(limits: RunLimits): string {
  const { cpuPercent, recordsPerSecond, timeSeconds } = limits;
  const parts = [
    cpuPercent === 0 ? '' : `${cpuPercent} % of a processor a program`,
    recordsPerSecond === 0 ? '' : `${recordsPerSecond.toLocaleString('en-US')} records/s a stream`,
    timeSeconds === 0 ? '' : `${durationText(timeSeconds)} without anybody watching`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'none' : parts.join(', ');
}

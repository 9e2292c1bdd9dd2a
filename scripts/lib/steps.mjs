// Progress for people: one line a step, with its time; what failed and what to do.
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { Failure } from './run.mjs';

const live = process.stdout.isTTY === true && process.env.CI === undefined;
const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
export const bold = (text) => paint('1', text);
export const dim = (text) => paint('2', text);
export const red = (text) => paint('31', text);
export const yellow = (text) => paint('33', text);
export const green = (text) => paint('32', text);

/** Milliseconds as people read them: `0.4 s`, `2 min 05 s`. @param {number} ms */
export function duration(ms) {
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/**
 * Runs one step and prints one line about it; on a terminal the line counts the seconds, elsewhere a long step says
 * every 30 s that it is still at work.
 * @template T
 * @param {string} title
 * @param {() => Promise<T> | T} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const begin = performance.now();
  const elapsed = () => performance.now() - begin;
  const timer = live
    ? setInterval(() => process.stdout.write(`\r  … ${title} ${dim(duration(elapsed()))}\u001b[K`), 200)
    : setInterval(() => console.log(`  … ${title}: still at work after ${duration(elapsed())}`), 30_000);
  if (live) process.stdout.write(`  … ${title}`);
  const clear = live ? '\r\u001b[K' : '';
  try {
    const result = await work();
    console.log(`${clear}${green('✓')} ${title} ${dim(duration(elapsed()))}`);
    return result;
  } catch (error) {
    console.log(`${clear}${red('✗')} ${title} ${dim(duration(elapsed()))}`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Prints a failure the way every script does. @param {unknown} error */
export function explain(error) {
  if (error instanceof Failure) {
    console.error(`\n${red(error.message)}`);
    if (error.remedy !== '') console.error(`\nWhat to do: ${error.remedy}`);
  } else {
    console.error(error);
  }
}

/** Runs a script's main function; a failure is explained and ends with exit code 1. @param {() => Promise<number | void>} main */
export async function script(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    explain(error);
    process.exitCode = 1;
  }
}

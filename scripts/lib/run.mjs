// Starting programs: output to a log file, last lines on failure, never a shell.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { logs, root } from './paths.mjs';

/** A failure that a person can act on: what went wrong, and what to do about it. */
export class Failure extends Error {
  /**
   * @param {string} message what and why
   * @param {string} [remedy] what to do
   */
  constructor(message, remedy = '') {
    super(message);
    this.name = 'Failure';
    this.remedy = remedy;
  }
}

/**
 * The full path of a command, looked up like a shell does, with the folders that plain users lack on Debian.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | undefined}
 */
export function which(name, env = process.env) {
  const folders = [...(env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    if (folder === '') continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here: next folder
    }
  }
  return undefined;
}

/**
 * Runs a short command and gives its output; never throws.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 * @returns {{ code: number, out: string, err: string }} code 127 when the command does not exist
 */
export function capture(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (result.error) return { code: 127, out: '', err: result.error.message };
  return { code: result.status ?? 128, out: String(result.stdout), err: String(result.stderr) };
}

/** @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, log?: string, inherit?: boolean, remedy?: string, allow?: number[], echo?: boolean, timeout?: number }} RunOptions */

/**
 * Runs a long command to its end. Its output goes to `.cache/logs/LOG.log` (and to the terminal with `echo`), or to
 * the terminal alone with `inherit`.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options] `allow`: exit codes that are no failure (default 0); `timeout` in ms
 * @returns {Promise<{ code: number, logFile: string | undefined }>}
 * @throws {Failure} with the end of the output
 */
export async function run(command, args, options = {}) {
  const {
    cwd = root,
    env = process.env,
    log,
    inherit = false,
    remedy = '',
    allow = [0],
    echo = false,
    timeout = 0,
  } = options;
  const logFile = inherit || log === undefined ? undefined : join(logs, `${log}.log`);
  if (logFile !== undefined) mkdirSync(dirname(logFile), { recursive: true });
  const child = spawn(command, args, { cwd, env, stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
  const sink = logFile === undefined ? undefined : createWriteStream(logFile);
  sink?.write(`$ ${[command, ...args].join(' ')}\n`);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      sink?.write(chunk);
      if (echo) process.stdout.write(chunk);
    });
  }
  let late = false;
  const end = () => {
    late = true;
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5000).unref();
  };
  const timer = timeout > 0 ? setTimeout(end, timeout) : undefined;
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      sink?.write(`${error.message}\n`);
      resolve(127);
    });
    const ended = (status, signal) => resolve(late ? 124 : (status ?? (signal === 'SIGINT' ? 130 : 128)));
    child.on('close', ended);
    // A daemon that the command left behind may hold its output open for ever: two seconds are enough for the rest.
    child.on('exit', (status, signal) => setTimeout(() => ended(status, signal), 2000).unref());
  });
  clearTimeout(timer);
  if (late) sink?.write(`(ended after ${timeout / 60_000} min, the limit)\n`);
  if (sink !== undefined) await new Promise((resolve) => sink.end(resolve));
  if (allow.includes(code) && !late) return { code, logFile };
  const what = [command.replace(`${root}/`, ''), ...args].join(' ');
  const tail =
    logFile === undefined || echo
      ? ''
      : `\n${lastLines(readFileSync(logFile, 'utf8'), 30)}\n(whole output: ${logFile.replace(`${root}/`, '')})`;
  throw new Failure(
    `\`${what.length > 160 ? `${what.slice(0, 160)}…` : what}\` ended with code ${code}.${tail}`,
    remedy,
  );
}

/** The last `count` lines of a text, without trailing blank ones. @param {string} text @param {number} count */
export function lastLines(text, count) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

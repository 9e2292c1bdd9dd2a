// The tiers of `npm test`: what each runs, what it needs built, and how its result is read.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { at, reports, root } from './paths.mjs';
import { cargoCounts, countsWithSecondRun, filesToRunAgain, missingReport, vitestCounts } from './reports.mjs';
import { Failure, lastLines, run } from './run.mjs';
import { rustEnv } from './rust.mjs';
import { step } from './steps.mjs';

const minute = 60_000;

/**
 * @typedef {object} Tier
 * @property {string} name
 * @property {string} what one line for people
 * @property {'protocol' | 'everything'} needs what must be built before
 * @property {boolean} root whether it needs root
 * @property {(env: NodeJS.ProcessEnv, asked: boolean) => Promise<import('./reports.mjs').Counts>} run `asked`: by name
 */

/**
 * Runs vitest's projects whose names begin so (`hosts` and `hosts-alone`). Tests with real parts get a second look, as what else
 * the machine does can disturb one: files that failed, if they are few, are run once more by themselves; what passes then
 * counts as passed, and is named (docs/decisions/0020).
 * @param {string} project @param {number} timeout of each run
 */
async function vitest(project, env, timeout, { secondLook = true } = {}) {
  const { report, why } = await runVitest(project, [], project, env, timeout);
  if (report === undefined) return missingReport(why);
  const files = secondLook && why === '' ? filesToRunAgain(report) : [];
  if (files.length === 0) return withReason(vitestCounts(report), why);
  console.log(`Run once more, by themselves: ${files.map((file) => relative(root, file)).join(', ')}`);
  const second = await runVitest(project, files, `${project}-again`, env, timeout);
  if (second.report === undefined) return missingReport(second.why);
  return withReason(countsWithSecondRun(report, second.report), second.why);
}

/** A report may be there although the run was cut off or an error was thrown outside of every test. */
const withReason = (counts, why) =>
  why !== '' && counts.failed === 0 ? { ...counts, failed: 1, failures: [why] } : counts;

/** @param {string[]} files all when there is none @param {string} name of the log and the report */
async function runVitest(project, files, name, env, timeout) {
  const report = join(reports, `${name}.json`);
  rmSync(report, { force: true });
  const args = [
    at('node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    `${project}*`,
    ...files,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  let why = '';
  try {
    await run(process.execPath, args, { env, log: `test-${name}`, echo: true, timeout, allow: [0, 1] });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    why = error.message;
  }
  if (!existsSync(report)) return { report: undefined, why: `vitest wrote no report for ${name}. ${why}` };
  return { report: JSON.parse(readFileSync(report, 'utf8')), why };
}

/** One check of the sources as one test. */
async function check(title, command, args, env, counts) {
  try {
    await step(title, () => run(command, args, { env, log: `check-${title.split(':')[0]}`, timeout: 10 * minute }));
    counts.passed += 1;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.log(error.message);
    counts.failed += 1;
    counts.failures.push(title);
  }
}

async function sources(env) {
  const counts = { passed: 0, failed: 0, skipped: [], failures: [] };
  const bin = (name) => at('node_modules/.bin', name);
  // Side by side: the types and the format are done long before the rules.
  await Promise.all([
    check('tsc: types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json'], env, counts),
    check(
      'eslint: rules and import boundaries',
      bin('eslint'),
      ['--concurrency', `${availableParallelism()}`, '.'],
      env,
      counts,
    ),
    check('prettier: format', bin('prettier'), ['--check', '--log-level', 'warn', '.'], env, counts),
  ]);
  return counts;
}

async function agent(env) {
  const script = at('host-agent/test.sh');
  if (!existsSync(script)) return missingReport('host-agent/test.sh does not exist');
  let why = '';
  try {
    await run('bash', [script], {
      env: { ...rustEnv(), ...env, PATH: rustEnv().PATH },
      log: 'test-agent',
      echo: true,
      timeout: 20 * minute,
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    why = lastLines(error.message, 5);
  }
  const counts = cargoCounts(readFileSync(at('.cache/logs/test-agent.log'), 'utf8'));
  if (why !== '' && counts.failed === 0) return { ...counts, failed: 1, failures: [why] };
  return counts;
}

/** The kernels of the machines, when the tier was not asked for by its name. */
const fewKernels = {
  // The kill matrix attaches every kind on 5.10 and 7.3.
  RINGSIDE_MATRIX_KERNELS: 'local',
  // 7.3 is where newest, kill and privileges run.
  RINGSIDE_KERNELS: '5.10/amd64,6.12/arm64',
  RINGSIDE_VERDICTS: 'off',
};

/** @type {Tier[]} */
export const tiers = [
  { name: 'check', what: 'types, lint, format', needs: 'protocol', root: false, run: sources },
  {
    name: 'unit',
    what: 'beside the code, no root',
    needs: 'protocol',
    root: false,
    run: (env) => vitest('unit', env, 5 * minute, { secondLook: false }),
  },
  { name: 'agent', what: 'the host agent in Rust, on this kernel', needs: 'protocol', root: true, run: agent },
  {
    name: 'integration',
    what: 'engine and CLI with real sshd, agent and kernel',
    needs: 'everything',
    root: true,
    run: (env) => vitest('integration', env, 20 * minute),
  },
  {
    name: 'hosts',
    what: 'virtual machines with other kernels',
    needs: 'everything',
    root: true,
    // All kernels are more than half an hour: with the other tiers the oldest and the other architecture stand for the
    // rest. `npm run test:hosts` takes them all, and compares the verifiers' verdicts.
    run: (env, asked) => vitest('hosts', asked ? env : { ...fewKernels, ...env }, 50 * minute),
  },
  {
    name: 'e2e',
    what: 'the packaged extension in VS Code, through a browser',
    needs: 'everything',
    root: true,
    run: (env) => vitest('e2e', env, 20 * minute),
  },
];

/** The tiers that the command line names, all when it names none. @param {string[]} names @returns {Tier[]} */
export function selectTiers(names) {
  const unknown = names.filter((name) => !tiers.some((tier) => tier.name === name));
  if (unknown.length > 0)
    throw new Failure(
      `No tier is called ${unknown.join(', ')}.`,
      `Tiers: ${tiers.map((tier) => tier.name).join(', ')}.`,
    );
  return tiers.filter((tier) => names.length === 0 || names.includes(tier.name));
}

/** Where people look first when a tier failed. @param {string} name */
export const logOf = (name) => join('.cache/logs', `test-${name}.log`).replace(`${root}/`, '');

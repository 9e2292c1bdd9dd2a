#!/usr/bin/env node
// npm test [-- TIER…] [--yes]: set-up, build, every tier in order, a leak check after each; last line `N passed, N failed`.
import { mkdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { architectures, generateProtocol } from './lib/agentBuild.mjs';
import { endMarked, findLeaks, markerVariable, snapshot } from './lib/leaks.mjs';
import { reports } from './lib/paths.mjs';
import { addCounts, missingReport } from './lib/reports.mjs';
import { Failure } from './lib/run.mjs';
import { installCodeServer } from './lib/codeServer.mjs';
import { isRoot, mountKernelFileSystems, setup } from './lib/setup.mjs';
import { bold, dim, duration, explain, green, red, script, step, yellow } from './lib/steps.mjs';
import { logOf, selectTiers } from './lib/tiers.mjs';
import { packageVsix } from './lib/vsix.mjs';

/** Builds what the tiers need, as it is shipped: the release build, both agents, the VSIX. */
async function prepare(selected, yes) {
  await setup({ profile: selected.some((tier) => tier.root) ? 'test' : 'start', yes });
  mkdirSync(reports, { recursive: true });
  if (selected.some((tier) => tier.root)) {
    if (!isRoot())
      throw new Failure(
        'These tiers load BPF programs and start an sshd: they need root.',
        'Run `sudo npm test`, or the tiers that need no root: `npm test -- check unit`.',
      );
    await mountKernelFileSystems({ yes });
  }
  // The download goes on beside the compilers.
  const editor = selected.some((tier) => tier.name === 'e2e') ? step('code-server', installCodeServer) : undefined;
  await Promise.all([editor, buildFor(selected)]);
}

async function buildFor(selected) {
  if (selected.some((tier) => tier.needs === 'everything')) {
    await build({ release: true, agents: architectures });
    await step('VSIX', () => packageVsix());
  } else {
    await generateProtocol();
  }
}

/** Runs one tier and its leak check. @param {boolean} asked the command line named it */
async function runTier(tier, asked) {
  console.log(`\n${bold(`── ${tier.name}`)} ${dim(tier.what)}`);
  const begin = performance.now();
  const marker = `${tier.name}-${process.pid}-${Date.now()}`;
  const before = tier.root ? snapshot(marker) : undefined;
  const plain = process.stdout.isTTY === true ? {} : { NO_COLOR: '1' };
  const env = { ...process.env, ...plain, [markerVariable]: marker, CI: process.env.CI ?? '1' };
  const counts = await tier.run(env, asked);
  failSkipped(counts);
  if (before !== undefined) {
    const title = `no process, BPF program, link or pin is left after ${tier.name}`;
    const left = await findLeaks(marker, before);
    console.log(`${left.length === 0 ? green('✓') : red('✗')} ${title}`);
    for (const thing of left) console.log(`    left: ${thing}`);
    addCounts(
      counts,
      left.length === 0
        ? { passed: 1, failed: 0, skipped: [], failures: [] }
        : { ...missingReport(title), failures: [`${title}: ${left.join('; ')}`] },
    );
    await endMarked(marker);
  }
  return { tier, counts, ms: performance.now() - begin };
}

/** A test that does not run proves nothing: it counts as failed, under its name. */
function failSkipped(counts) {
  counts.failed += counts.skipped.length;
  counts.failures.push(...counts.skipped.map((name) => `${name}: skipped, which \`npm test\` does not allow`));
}

function summarize(results) {
  console.log(`\n${bold('Result')}`);
  for (const { tier, counts, ms } of results) {
    const mark = counts.failed === 0 ? green('✓') : red('✗');
    console.log(
      `${mark} ${tier.name.padEnd(12)} ${String(counts.passed).padStart(5)} passed ${String(counts.failed).padStart(4)} failed  ${dim(duration(ms))}`,
    );
    for (const failure of counts.failures) console.log(`    ${red('failed')} ${failure}`);
    for (const failure of counts.again ?? []) console.log(`    ${yellow('passed only when run again')} ${failure}`);
    if (counts.failed > 0 && tier.name !== 'check') console.log(`    whole output: ${logOf(tier.name)}`);
  }
}

/** The line that CI reads; nothing follows it. */
function lastLine(passed, failed) {
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

await script(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { yes: { type: 'boolean', default: false } },
  });
  const selected = selectTiers(positionals);
  const begin = performance.now();
  try {
    await prepare(selected, values.yes);
  } catch (error) {
    explain(error);
    console.log('No tier was run: set-up or build failed.');
    return lastLine(0, 1);
  }
  const results = [];
  for (const tier of selected) {
    try {
      results.push(await runTier(tier, positionals.length > 0));
    } catch (error) {
      explain(error);
      results.push({
        tier,
        counts: missingReport(`the tier could not run: ${error instanceof Error ? error.message : String(error)}`),
        ms: 0,
      });
    }
  }
  summarize(results);
  const sum = (key) => results.reduce((total, { counts }) => total + counts[key], 0);
  console.log(dim(`\nAll of it took ${duration(performance.now() - begin)}.`));
  return lastLine(sum('passed'), sum('failed'));
});

#!/usr/bin/env node
// npm start [-- --yes] [-- --terminal] [-- --browser]
// Set-up, build, and the sample workspace open in VS Code; with --terminal the live trace in the terminal.
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { build } from './build.mjs';
import { nativeArchitecture } from './lib/agentBuild.mjs';
import { startCodeServer, installCodeServer } from './lib/codeServer.mjs';
import { at, cache } from './lib/paths.mjs';
import { Failure, run, which } from './lib/run.mjs';
import { makeSample } from './lib/sample.mjs';
import { isRoot, mountKernelFileSystems, setup } from './lib/setup.mjs';
import { bold, dim, duration, script, step } from './lib/steps.mjs';
import { packageVsix } from './lib/vsix.mjs';

const sampleProgram = 'execsnoop/execsnoop.bpf.c';

/** The live trace of this machine's new processes in the terminal, until Ctrl+C. */
async function inTerminal(sample) {
  const source = join(sample, sampleProgram);
  console.log(
    `\n${bold('ringside attach')} ${sampleProgram} ${bold('--host local')}  ${dim('Ctrl+C detaches and ends')}\n`,
  );
  // The engine obtains root by its own policy (sudo when needed); the command stays the person's own.
  const child = spawn(process.execPath, [at('cli/bin/ringside.mjs'), 'attach', source, '--host', 'local'], {
    stdio: 'inherit',
  });
  // The terminal sends Ctrl+C to both; the child detaches cleanly, this process only waits for it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code === 130 ? 0 : (code ?? 1)));
  });
}

/** Desktop VS Code: installs the VSIX and opens the folder. */
async function inDesktop(code, vsix, sample) {
  await step('Install the extension in VS Code', () =>
    run(code, ['--install-extension', vsix, '--force'], {
      log: 'code-install',
      remedy: 'Install the VSIX by hand: Extensions view → … → Install from VSIX.',
    }),
  );
  await run(code, [sample, join(sample, sampleProgram)], { log: 'code-open' });
  console.log(`\nVS Code shows ${bold(sampleProgram)}. Press ${bold('Attach')} above a program, or F5.`);
  return 0;
}

/** VS Code in the browser: code-server on loopback with a new password. */
async function inBrowser(vsix, sample) {
  await step('VS Code for the browser (code-server)', installCodeServer);
  const server = await step('Start it', () => startCodeServer({ folder: sample, data: join(cache, 'editor'), vsix }));
  console.log(`\n  open      ${bold(server.url)}\n  password  ${bold(server.password ?? '')}\n`);
  console.log(
    `Open ${bold(sampleProgram)} and press ${bold('Attach')} above a program, or F5. ${dim('Ctrl+C here ends the editor.')}`,
  );
  const stop = () => void server.stop();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
  await server.exited;
  return 0;
}

/** A desktop `code` that can open a window here; VS Code refuses to run as root without more flags. */
function desktopCode() {
  const display = process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY;
  return display === undefined || isRoot() ? undefined : which('code');
}

await script(async () => {
  const { values } = parseArgs({
    options: {
      yes: { type: 'boolean', default: false },
      terminal: { type: 'boolean', default: false },
      browser: { type: 'boolean', default: false },
    },
  });
  const begin = performance.now();
  if (process.platform !== 'linux')
    throw new Failure(
      '`npm start` runs on Linux: the sample traces this machine.',
      'Elsewhere install the VSIX (`npm run package` on Linux) and attach to a Linux host over ssh.',
    );
  await setup({ profile: 'start', yes: values.yes });
  await build({ agents: [nativeArchitecture()] });
  await mountKernelFileSystems({ yes: values.yes });
  const sample = makeSample();
  console.log(dim(`Ready after ${duration(performance.now() - begin)}.`));
  if (values.terminal) return inTerminal(sample);
  const vsix = await step('Package the extension', () =>
    packageVsix({ agents: [nativeArchitecture()], file: join(cache, 'ringside-start.vsix') }),
  );
  const code = values.browser ? undefined : desktopCode();
  return code === undefined ? inBrowser(vsix, sample) : inDesktop(code, vsix, sample);
});

#!/usr/bin/env node
// npm run build [-- --release] [--agents] [--arch x86_64,aarch64] [--only NAME[,NAME…]]
// Makes dist/: bundles, resources, the gallery; with --agents (both) or --arch (those named) the host agent.
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { architectures, buildAgents, generateProtocol } from './lib/agentBuild.mjs';
import { buildPart, bundleNames } from './lib/bundles.mjs';
import { dist } from './lib/paths.mjs';
import { Failure } from './lib/run.mjs';
import { dim, script, step } from './lib/steps.mjs';
import { join } from 'node:path';

/**
 * Builds the named parts (default: all) and the named agents (default: none).
 * @param {{ release?: boolean, only?: string[], agents?: string[] }} options
 */
export async function build({ release = false, only = bundleNames(), agents = [] } = {}) {
  await step('Protocol code from agent.proto', generateProtocol);
  if (release && only.length === bundleNames().length) {
    // A release starts from nothing, so that no file of an older build gets into the package; agents are kept by hash.
    for (const name of ['panels', 'resources', 'bpf-snippets'])
      rmSync(join(dist, name), { recursive: true, force: true });
  }
  await step(`Bundles: ${only.join(', ')}${release ? ' (release)' : ''}`, async () => {
    for (const name of only) await buildPart(name, { release });
  });
  if (agents.length === 0) return;
  await step(`Host agent for ${agents.join(' and ')}`, async () => {
    const built = await buildAgents(agents);
    if (built.length === 0) console.log(dim(`  (its sources did not change)`));
  });
}

async function main() {
  const { values } = parseArgs({
    options: {
      release: { type: 'boolean', default: false },
      only: { type: 'string' },
      agents: { type: 'boolean', default: false },
      arch: { type: 'string' },
    },
  });
  const agents = values.arch?.split(',') ?? (values.agents ? architectures : []);
  const unknown = agents.filter((name) => !architectures.includes(name));
  if (unknown.length > 0)
    throw new Failure(`No agent is built for ${unknown.join(', ')}.`, `Use ${architectures.join(' or ')}.`);
  await build({
    release: values.release,
    agents,
    ...(values.only === undefined ? {} : { only: values.only.split(',') }),
  });
}

if (process.argv[1] === import.meta.filename) await script(main);

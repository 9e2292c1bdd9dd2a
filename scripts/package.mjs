#!/usr/bin/env node
// npm run package [-- --yes]: the release build with both agents as ringside-VERSION.vsix.
import { statSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { architectures } from './lib/agentBuild.mjs';
import { root } from './lib/paths.mjs';
import { setup } from './lib/setup.mjs';
import { script, step } from './lib/steps.mjs';
import { packageVsix } from './lib/vsix.mjs';
import { readZipEntries } from './lib/zip.mjs';

await script(async () => {
  const { values } = parseArgs({ options: { yes: { type: 'boolean', default: false } } });
  await setup({ profile: 'package', yes: values.yes });
  await build({ release: true, agents: architectures });
  const file = await step('Package', () => packageVsix());
  const megabytes = (statSync(file).size / 1024 / 1024).toFixed(2);
  console.log(`${relative(root, file)}: ${readZipEntries(file).length} files, ${megabytes} MB`);
});

#!/usr/bin/env node
// npm run setup [-- --profile start|package|test|bench] [--yes]
import { parseArgs } from 'node:util';
import { profileParts } from './lib/packages.mjs';
import { Failure } from './lib/run.mjs';
import { setup } from './lib/setup.mjs';
import { script } from './lib/steps.mjs';

await script(async () => {
  const { values } = parseArgs({
    options: { profile: { type: 'string', default: 'start' }, yes: { type: 'boolean', default: false } },
  });
  if (!Object.hasOwn(profileParts, values.profile))
    throw new Failure(`No profile is called ${values.profile}.`, `Profiles: ${Object.keys(profileParts).join(', ')}.`);
  await setup({ profile: values.profile, yes: values.yes });
  console.log('Everything is in place.');
});

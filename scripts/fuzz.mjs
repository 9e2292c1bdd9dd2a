#!/usr/bin/env node
// npm run fuzz [-- NAME…] [--seconds N] [--seed N] [--minimize] [--list]: the fuzzers of everything that reads bytes from
// outside, each for N seconds (default 20). A finding is kept in .cache/fuzz/crashes and makes the exit code 1.
import { parseArgs } from 'node:util';
import { buildFuzzers, fuzz, fuzzers, minimize } from './lib/fuzzers.mjs';
import { Failure, lastLines } from './lib/run.mjs';
import { at } from './lib/paths.mjs';
import { readFileSync } from 'node:fs';
import { script, step } from './lib/steps.mjs';

function whole(text, what) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Failure(`--${what} takes a whole number, not ${text}.`);
  return number;
}

await script(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      minimize: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  if (values.list) {
    for (const [name, { what }] of Object.entries(fuzzers)) console.log(`${name.padEnd(16)} ${what}`);
    return 0;
  }
  const unknown = positionals.filter((name) => !(name in fuzzers));
  if (unknown.length > 0)
    throw new Failure(`No fuzzer is called ${unknown.join(', ')}.`, `Fuzzers: ${Object.keys(fuzzers).join(', ')}.`);
  const names = positionals.length > 0 ? positionals : Object.keys(fuzzers);
  const [seconds, seed] = [whole(values.seconds, 'seconds'), whole(values.seed, 'seed')];
  await step('build', () => buildFuzzers(names));
  let found = 0;
  for (const name of names) {
    if (values.minimize) {
      await step(`${name}: smallest corpus`, () => minimize(name));
      continue;
    }
    let good = true;
    await step(`${name}: ${seconds} s, seed ${seed}`, async () => (good = await fuzz(name, { seconds, seed })));
    const log = lastLines(readFileSync(at(`.cache/logs/fuzz-${name}.log`), 'utf8'), good ? 1 : 40);
    console.log(good ? `    ${log}` : log);
    if (!good) found++;
  }
  if (found > 0) console.log(`\n${found} of ${names.length} fuzzers found something: .cache/fuzz/crashes.`);
  return found === 0 ? 0 : 1;
});

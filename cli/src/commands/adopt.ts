import type { AdoptSpec, RunSummary } from '@ringside/core';
import { durationOption, exactly } from '../args.ts';
import type { Context } from '../context.ts';
import { outputSink, watch, watchOptionNames, watchSpec } from './attach.ts';
import type { Command } from './index.ts';

export const adopt: Command = {
  usage:
    'adopt HOST RUN [--keep TIME] [--where EXPR] [--duration S] [--count N] [--output table|jsonl|none] [--maps SECONDS]',
  summary: 'go on with a kept run; Ctrl+C leaves it running',
  options: {
    keep: { type: 'string' },
    ...watchOptionNames,
  },
  async run(context) {
    const spec = adoptSpec(context);
    const keep = durationOption(context.values, 'keep');
    return watch(context, outputSink(context), () => start(context, spec, keep));
  },
};

async function start({ engine, call }: Context, spec: AdoptSpec, keep: number | undefined): Promise<RunSummary> {
  const run = await engine.adopt(spec, call);
  return keep === undefined ? run : engine.keep(run.id, keep);
}

function adoptSpec(context: Context): AdoptSpec {
  const [host, run] = exactly(context.positionals, ['HOST', 'RUN']);
  return { host: host!, run: run!, ...watchSpec(context) };
}

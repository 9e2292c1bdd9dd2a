import type { AdoptSpec, RunSummary } from '@ringside/core';
import { durationOption, exactly, positiveOption, textOption } from '../args.ts';
import type { Context } from '../context.ts';
import { output, outputSink, watch } from './attach.ts';
import type { Command } from './index.ts';

export const adopt: Command = {
  usage:
    'adopt HOST RUN [--keep TIME] [--where EXPR] [--duration S] [--count N] [--output table|jsonl|none] [--maps SECONDS]',
  summary: 'go on with a kept run; Ctrl+C leaves it running',
  options: {
    keep: { type: 'string' },
    where: { type: 'string' },
    duration: { type: 'string' },
    count: { type: 'string' },
    output: { type: 'string' },
    maps: { type: 'string' },
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
  const { positionals, values } = context;
  const [host, run] = exactly(positionals, ['HOST', 'RUN']);
  return {
    host: host!,
    run: run!,
    where: textOption(values, 'where') ?? '',
    durationSeconds: positiveOption(values, 'duration', false) ?? null,
    count: positiveOption(values, 'count', true) ?? null,
    mapsSeconds: positiveOption(values, 'maps', false) ?? null,
    attended: true,
    emitEvents: output(context) !== 'none' || textOption(values, 'count') !== undefined,
  };
}

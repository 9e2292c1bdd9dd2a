import type { OpenRecordingSpec } from '@ringside/core';
import { exactly, positiveOption, textOption } from '../args.ts';
import type { Context } from '../context.ts';
import { output, outputSink, watch } from './attach.ts';
import type { Command } from './index.ts';

export const replay: Command = {
  usage: 'replay FILE [--where EXPR] [--speed N] [--count N] [--output table|jsonl|none]',
  summary: 'show a recording as attach showed the run; no host is needed',
  help: 'Without --speed as fast as it can be read; 1 = in its own time, 2 = twice as fast.',
  options: {
    where: { type: 'string' },
    speed: { type: 'string' },
    count: { type: 'string' },
    output: { type: 'string' },
  },
  async run(context) {
    const spec = replaySpec(context);
    return watch(context, outputSink(context, true), () => context.engine.openRecording(spec, context.call));
  },
};

function replaySpec(context: Context): OpenRecordingSpec {
  const { positionals, values } = context;
  const [file] = exactly(positionals, ['FILE']);
  return {
    file: file!,
    where: textOption(values, 'where') ?? '',
    speed: positiveOption(values, 'speed', false) ?? null,
    count: positiveOption(values, 'count', true) ?? null,
    emitEvents: output(context) !== 'none' || textOption(values, 'count') !== undefined,
  };
}

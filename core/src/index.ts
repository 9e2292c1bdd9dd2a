/** The library behind the command, the language server and (in a worker) the extension. */
export * from './errors.ts';
export * from './guardRules.ts';
export * from './log.ts';
export * from './progress.ts';
export * from './prompt.ts';
export * from './gallery.ts';
export type * from './model/index.ts';
export { defaultCacheDir } from './build/index.ts';
export { createEngine, type EngineOptions } from './runs/engine.ts';
export type * from './runs/api.ts';
export { namedTakeable } from './maps/takeAway.ts';
export { listCode, type CodeView } from './code/listing.ts';
export { limitNames, limitsText } from './runs/limitsText.ts';
export { unnamedText } from './runs/record/writtenNames.ts';
export { durationText, longestKeptSeconds, parseDuration, timeLeft } from './runs/times.ts';
export { defaultSshOptions, type SshOptions } from './ssh/options.ts';

export * from './helpers.ts';
export * from './mapFacts.ts';
export * from './sectionContexts.ts';

/** Maps that are looked at: live tables with windows of rows, for the panel. */
export { accessOf, hasFixedKeys } from './access.ts';
export { LiveMap, type LiveMapOf } from './liveMap.ts';
export type { Ref } from './feed.ts';

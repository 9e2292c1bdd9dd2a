/** Maps that charts show. */
export { ChartedMap, type ChartedMapOf } from './chartedMap.ts';

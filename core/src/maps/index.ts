/** Maps of a host and everything else of BPF that is there: listed, typed, read, written, watched. */
export { HostMaps } from './hostMaps.ts';
export { takeAway, takeableLink } from './takeAway.ts';
export { listLinks, listMaps, listPrograms, mapItem, programItem } from './inventory.ts';
export { lineFrame } from './jsonText.ts';
export { OpenMaps } from './openMaps.ts';
export { differences, encodePart, type ValueDifference } from './encodePart.ts';
export { HostTypes, objectTyping, type MapTyping } from './hostTypes.ts';
export { accessOf, LiveMap, type Ref } from './view/index.ts';
export { ChartedMap, type ChartedMapOf } from './charts/index.ts';

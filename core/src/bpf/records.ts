/** The types of the records that an object's rings and perf buffers carry. */
import type { RecordInfo } from '../model/index.ts';
import { recordFields } from './fields.ts';
import type { MapDefinition } from './maps.ts';
import { carriesRecords } from './mapTypes.ts';
import type { BpfObject } from './object.ts';
import type { TypeGraph } from './typeGraph.ts';
import { typeName, typeSize } from './typeGraph.ts';

/** Record types of every ring, user ring and perf buffer; one of confidence "none" where nothing is known. */
export function inferRecords(object: BpfObject, maps: readonly MapDefinition[], _useDwarf: boolean): RecordInfo[] {
  return maps.filter((map) => carriesRecords(map.type)).flatMap((map) => inferMap(object, map));
}

function inferMap(object: BpfObject, map: MapDefinition): RecordInfo[] {
  if (object.btf && map.valueType && map.type !== 'perf_event_array')
    return [record(object.btf, map.name, map.valueType, 'declared')];
  return [{ map: map.name, type: '', size: 0, confidence: 'none', tag: null, fields: [] }];
}

function record(graph: TypeGraph, map: string, type: number, confidence: RecordInfo['confidence']): RecordInfo {
  return {
    map,
    type: typeName(graph, type),
    size: typeSize(graph, type),
    confidence,
    tag: null,
    fields: recordFields(graph, type),
  };
}

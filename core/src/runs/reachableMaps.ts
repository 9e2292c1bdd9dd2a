/** The maps of a run on one host, each with the way to it. */
import type { AgentClient } from '../agent/client.ts';
import type { LoadedMap } from '../agent/generated/agent_pb.ts';
import { BpfObject } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import { jsonInteger, visibleText } from '../events/index.ts';
import { accessOf, objectTyping, type MapTyping, type Ref } from '../maps/index.ts';
import type { MapSummary } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { HostRun } from './hostRun.ts';

/** libbpf's loss counters, which the ledger shows. */
const OWN = /_lost_samples$/;

/** A map with the way to it. */
export interface Reachable {
  summary: MapSummary;
  agent: () => AgentClient;
  ref: Ref;
  readOnly: string;
  typing(call: CallOptions): Promise<MapTyping>;
}

export function ofHostRun(hostRun: HostRun, runName: string): Reachable[] {
  const { host } = hostRun;
  return hostRun.maps
    .filter(({ name, id }) => id !== 0 && !OWN.test(name))
    .map((map) => ({
      summary: loadedSummary(host.name, map, runName),
      agent: () => {
        if (!hostRun.readable)
          throw (
            hostRun.lost ?? new RingsideError('unknown-map', `The run on ${host.name} is over, and its maps with it.`)
          );
        return host.agent;
      },
      ref: hostRun.mapRef(map.name),
      readOnly: host.recorded ? 'This is a recording: its maps can only be looked at.' : '',
      typing: () => Promise.resolve(objectTyping(BpfObject.parse(hostRun.object.full), map, host.info.possibleCpus)),
    }));
}

function loadedSummary(host: string, map: LoadedMap, run: string): MapSummary {
  const { id, type, keySize, valueSize, maxEntries } = map;
  return {
    host,
    id,
    name: visibleText(map.name),
    type,
    keySize,
    valueSize,
    maxEntries,
    memoryBytes: map.memoryBytes === 0n ? null : jsonInteger(map.memoryBytes),
    access: accessOf(map),
    entries: null,
    changesPerSecond: null,
    atLeast: false,
    owned: true,
    owner: run,
    pins: map.pinned === '' ? [] : [visibleText(map.pinned)],
    frozen: /\.(rodata|kconfig)$/.test(map.name),
  };
}

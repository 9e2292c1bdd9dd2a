/** The host that a recording stands for. */
import type { AgentClient } from '../../agent/client.ts';
import { RingsideError } from '../../errors.ts';
import type { HostInfo } from '../../model/index.ts';
import type { AgentProcess } from '../../deploy/index.ts';
import type { HostFacts } from '../../agent/generated/agent_pb.ts';
import type { Transport } from '../../ssh/transport.ts';
import type { ConnectedHost, RecordedFigures } from '../hostConnection.ts';
import type { KnownNames } from '../knownNames.ts';
import type { RecordedMaps } from './recordedMaps.ts';

/** Rows that had arrived when it was recorded, by stream; its maps, and the names that the host gave. */
export class RecordedCounts implements RecordedFigures {
  /** As the newest figures say; null before the first, and once it is known that some are missing. */
  counts: Record<string, number> | null = {};
  /** Names that rows need and that are not in the recording, as the newest figures say. */
  missingNames = 0;

  constructor(
    readonly maps: RecordedMaps,
    readonly names: KnownNames,
  ) {}

  delivered(stream: string): number | null {
    return this.counts === null ? null : (this.counts[stream] ?? 0);
  }
}

export const withoutHost = (): RingsideError =>
  new RingsideError('recording-without-host', 'This is a recording: there is no host behind it.', {
    remedy: 'Attach the program to a host.',
  });

const none = (): never => {
  throw withoutHost();
};

export function recordedHost(info: HostInfo, agent: AgentClient, recorded: RecordedCounts): ConnectedHost {
  return {
    name: info.name,
    agent,
    info,
    recorded,
    readOnly: true,
    listsObjects: false,
    get transport(): Transport {
      return none();
    },
    get process(): AgentProcess {
      return none();
    },
    get facts(): HostFacts {
      return none();
    },
  };
}

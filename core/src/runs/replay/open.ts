/** Opens a recording as a run: the same run as of a host, over agents that play what was recorded. */
import { RingsideError, throwIfAborted } from '../../errors.ts';
import { DEFAULT_STORE_BYTES } from '../../events/index.ts';
import type { Log } from '../../log.ts';
import type { AttachSpec, OpenRecordingSpec, RunSummary } from '../../model/index.ts';
import type { CallOptions } from '../../progress.ts';
import { RecordingReader } from '../../recording/reader.ts';
import type { Run, RunDeps } from '../run.ts';
import { unnamedText } from '../record/writtenNames.ts';
import { openReplay, type OpenedRecording } from './opened.ts';
import { Player } from './player.ts';
import { withoutHost } from './recordedHost.ts';

/** A recording is kept whole in memory up to this size: there is no host that could send it again. */
const MOST_STORE_BYTES = 2 ** 31;

export interface ReplayDeps {
  newRun(spec: AttachSpec, deps: Partial<RunDeps>): Run;
  log: Log;
}

/** Errors: file-not-found, not-a-recording, recording-newer, recording-damaged. */
export async function openRecording(spec: OpenRecordingSpec, deps: ReplayDeps, call: CallOptions): Promise<RunSummary> {
  call.progress?.({ step: `Opening ${spec.file}` });
  const reader = await RecordingReader.open(spec.file);
  let opened: OpenedRecording;
  try {
    opened = await openReplay(reader, deps.log);
    throwIfAborted(call.signal);
  } catch (error) {
    await reader.close();
    throw error;
  }
  try {
    return await begin(opened, spec, deps);
  } catch (error) {
    await close(opened);
    throw error;
  }
}

async function begin(opened: OpenedRecording, spec: OpenRecordingSpec, deps: ReplayDeps): Promise<RunSummary> {
  const { head, hosts, reader } = opened;
  const state = (): ReturnType<NonNullable<RunDeps['replay']>['state']> => ({
    file: spec.file,
    recordedAt: head.startedAt,
    damage: player.damage,
    unnamed: unnamedText(hosts.reduce((sum, { counts }) => sum + counts.missingNames + counts.names.leftOut, 0)),
    playedBytes: player.playedBytes,
    bytes: reader.source.size,
  });
  const run = deps.newRun(specOf(opened, spec), {
    replay: { startedAt: head.startedAt, state },
    connect: () => Promise.reject(withoutHost()),
    prepareAhead: () => Promise.resolve(undefined),
    prepare: (_file, host) => prepared(opened, player, host.name),
    // Its maps are looked at when it was played to its end, too.
    release: () => Promise.resolve(),
    onDispose: () => void close(opened),
    onConnectionEnd: () => () => undefined,
  });
  const player = new Player(
    opened,
    {
      get over() {
        return run.over;
      },
      showMaps: () => run.showMaps(),
      iteratorRead: (...read) => run.iteratorRead(...read),
      redeploy: (changes) => run.redeploy(changes, {}),
      ended: (end) => run.ended(end),
    },
    spec.speed,
    deps.log,
  );
  const adopted = hosts.map(({ host, description, object, attached }) => ({
    ...{ host, object, ...attached },
    description: { ...description, stopped: undefined },
  }));
  const summary = await run.adopt(adopted, {});
  void player.play();
  return summary;
}

/** Its agents and its file. */
async function close({ hosts, reader }: OpenedRecording): Promise<void> {
  await Promise.allSettled([...hosts.map(({ host }) => host.agent.close()), reader.close()]);
}

function specOf({ head, hosts, reader }: OpenedRecording, spec: OpenRecordingSpec): AttachSpec {
  const { file, programs, targets, set } = head.spec;
  const { where, count, emitEvents, storeBytes = DEFAULT_STORE_BYTES } = spec;
  return {
    ...{ file, programs, targets, set, where, count },
    hosts: hosts.map((h) => h.host.name),
    durationSeconds: null,
    mapsSeconds: null,
    storeBytes: Math.max(storeBytes, Math.min(2 * reader.source.size, MOST_STORE_BYTES)),
    ...(emitEvents !== undefined && { emitEvents }),
  };
}

/** The version that is taking over, as this host got it. */
function prepared({ hosts }: OpenedRecording, { swapping }: Player, name: string) {
  const found = swapping[hosts.findIndex((h) => h.host.name === name)];
  if (found) return Promise.resolve(found.object);
  return Promise.reject(new RingsideError('not-recorded', 'The recording holds no other version of the program.'));
}

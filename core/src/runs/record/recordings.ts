/** What of a run is being recorded, and where: begun before the attach or while it runs, ended with the run or before. */
import { readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SwapResult } from '../../agent/generated/agent_pb.ts';
import { RingsideError, type ErrorData } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { AttachSpec, IteratorText, RecordingState, RecordSpec } from '../../model/index.ts';
import type { EndHead, RunHead } from '../../recording/contents.ts';
import type { FoundNames } from '../../recording/names.ts';
import { RecordingFile } from '../../recording/file.ts';
import { LastMinutesFile, type LastMinutesOptions } from '../../recording/lastMinutes.ts';
import type { HostRun, MapDumpBytes } from '../hostRun.ts';
import type { HostDump } from '../mapWatch.ts';
import { runName } from '../loadPlan.ts';
import type { NamedIds } from '../namedIds.ts';
import { isSource, type PreparedObject } from '../prepare.ts';
import { Recorder, type RecordedRun } from './recorder.ts';

const MOST_SOURCE_BYTES = 4 << 20;
/** Of a recording that keeps the last minutes. */
const MOST_LAST_SECONDS = 86_400;

export interface RecordingsRun extends RecordedRun {
  readonly startedAt: number;
  /** Reads every map once; what it reads comes to `map`. */
  readMaps(): Promise<void>;
  changed(): void;
}

interface FileRecording {
  file: RecordingFile;
  lastSeconds: number | undefined;
  recorder: Recorder;
  startedAt: number;
  begun: boolean;
  mapsTimer: NodeJS.Timeout | undefined;
  endedAt: number | null;
  /** It was said that there are more names than a recording takes. */
  namesSaid: boolean;
}

/** ns since the Unix epoch by a clock that never goes back. */
export function steadyClock(): () => bigint {
  const origin = BigInt(Date.now()) * 1_000_000n;
  const from = process.hrtime.bigint();
  return () => origin + (process.hrtime.bigint() - from);
}

export class Recordings {
  private current: FileRecording | undefined;
  private readonly now = steadyClock();

  constructor(
    private readonly run: RecordingsRun,
    private readonly log: Log,
  ) {}

  /** Makes the file, so that what cannot be recorded is not begun. Errors: usage, file-exists, recording-failed. */
  async open({ file: path, lastSeconds }: RecordSpec): Promise<void> {
    if (this.current?.endedAt === null) {
      throw new RingsideError('usage', 'This run is being recorded already.', {
        remedy: `End the recording ${this.current.file.path} first.`,
      });
    }
    const onFailed = (error: ErrorData): void => this.onFailed(error);
    if (lastSeconds !== undefined && !(lastSeconds > 0 && lastSeconds <= MOST_LAST_SECONDS)) {
      throw new RingsideError('usage', 'A recording keeps the last 24 hours at most.', { remedy: 'Such as 5m.' });
    }
    const carriedNames: LastMinutesOptions['carriedNames'] = (from, until) => recorder.carriedNames(from, until);
    const file = await (lastSeconds === undefined
      ? RecordingFile.create(resolve(path), { onFailed })
      : LastMinutesFile.create(resolve(path), { onFailed, carriedNames, seconds: lastSeconds }));
    const windowNs = lastSeconds === undefined ? undefined : BigInt(Math.round(lastSeconds * 1e9));
    const recorder = new Recorder(this.run, file, this.now, windowNs);
    const startedAt = Date.now();
    this.current = {
      ...{ file, lastSeconds, recorder, startedAt, begun: false, mapsTimer: undefined, endedAt: null },
      namesSaid: false,
    };
  }

  /** Listens to the run's hosts. `later`: it has been attached for a while. */
  async begin(later: boolean): Promise<void> {
    const current = this.active;
    if (current === undefined) return;
    const head = await this.head(later);
    current.recorder.begin(head);
    current.begun = true;
    if (later) for (const hostRun of this.run.hostRuns) this.attached(hostRun);
    this.run.changed();
  }

  private get active(): FileRecording | undefined {
    return this.current?.endedAt === null ? this.current : undefined;
  }

  /** Something is being written. */
  get going(): boolean {
    return this.recorder !== undefined;
  }

  private get recorder(): Recorder | undefined {
    return this.active?.begun === true ? this.active.recorder : undefined;
  }

  private async head(later: boolean): Promise<RunHead> {
    const { spec, hostRuns, startedAt } = this.run;
    const { file, programs, targets, set, where } = spec;
    return {
      ringside: hostRuns[0]?.host.agent.hello.version ?? '',
      name: runName(file),
      spec: { file, programs, targets, set, where },
      startedAt,
      later,
      source: await sourceOf(file),
    };
  }

  /** The figures come first: what follows counts from them. */
  attached(hostRun: HostRun): void {
    this.recorder?.figures();
    this.recorder?.attached(hostRun);
  }

  /** The run came to nothing: so does its recording. */
  async discard(): Promise<void> {
    const current = this.active;
    if (current === undefined) return;
    current.recorder.stop();
    current.endedAt = Date.now();
    await current.file.close(this.now());
    await rm(current.file.path, { force: true });
    this.current = undefined;
  }

  figures(): void {
    const { recorder, active } = this;
    if (!recorder || !active) return;
    recorder.figures();
    if (active.namesSaid || recorder.missingNames === 0) return;
    active.namesSaid = true;
    this.log.warn(
      `${active.file.path} lacks names that its rows need: there is no room for more, or the host could not be asked.`,
    );
  }

  map(hostRun: HostRun, map: string, dump: MapDumpBytes): void {
    this.recorder?.map(hostRun, map, dump);
  }

  /** The run handed out maps as they were read here. */
  mapsShown(read: readonly HostDump[]): void {
    this.recorder?.mapsShown(read);
  }

  iterator(hostRun: HostRun, program: string, text: IteratorText): void {
    this.recorder?.iterator(hostRun, program, text);
  }

  /** A host has told names that rows need. */
  names(hostRun: HostRun, found: FoundNames): void {
    this.recorder?.names(hostRun, found);
  }

  /** Rows need the names of these, and nobody could be asked for them. */
  namesMissing(hostRun: HostRun, ids: NamedIds): void {
    this.recorder?.namesMissing(hostRun, ids);
  }

  swapped(hostRun: HostRun, object: PreparedObject, spec: AttachSpec, result: SwapResult): void {
    this.recorder?.swapped(hostRun, object, spec, result);
  }

  /** Keeps the maps every so many seconds, whether or not anybody looks at them. */
  async keepMaps(seconds: number | null): Promise<void> {
    const current = this.active;
    if (current === undefined) return;
    await this.readMaps();
    if (seconds === null) return;
    current.mapsTimer = setInterval(() => void this.readMaps(), seconds * 1_000);
    current.mapsTimer.unref();
  }

  /** A map that cannot be read is said in the log, and is not in the recording then. */
  async readMaps(): Promise<void> {
    const { recorder } = this;
    if (recorder === undefined) return;
    try {
      await this.run.readMaps();
      recorder.mapsRead();
    } catch (error) {
      this.log.warn(`The maps were not recorded: ${RingsideError.from(error).message}`);
    }
  }

  /** It is about to end: what it keeps of the last minutes is counted from now. */
  ending(): void {
    const { active } = this;
    if (active?.file instanceof LastMinutesFile) active.file.endsAt(this.now());
  }

  /** Ends the recording; the run may go on. Never rejects: `state` tells. */
  async end(head: EndHead): Promise<void> {
    const current = this.active;
    if (current === undefined) return;
    clearInterval(current.mapsTimer);
    if (current.begun) current.recorder.end(head);
    current.endedAt = Date.now();
    await current.file.close(this.now());
    this.run.changed();
  }

  private onFailed({ message }: ErrorData): void {
    const current = this.active;
    if (current === undefined) return;
    this.log.error(message);
    clearInterval(current.mapsTimer);
    current.recorder.stop();
    current.endedAt = Date.now();
    this.run.changed();
  }

  /** Of the recording that is being made, or of the last one; undefined when there was none. */
  get state(): RecordingState | undefined {
    if (this.current === undefined) return undefined;
    const { file, lastSeconds, recorder, startedAt, endedAt } = this.current;
    const kept = file instanceof LastMinutesFile ? file.totals() : null;
    return {
      file: file.path,
      startedAt,
      endedAt,
      bytes: file.bytes,
      records: kept?.records ?? recorder.records,
      droppedRecords: recorder.droppedRecords,
      missingNames: recorder.missingNames,
      ...(kept && lastSeconds !== undefined && { last: { seconds: lastSeconds, from: msOf(kept.first) } }),
      error: file.failure,
    };
  }
}

const msOf = (nanos: string | null): number | null => (nanos === null ? null : Number(BigInt(nanos) / 1_000_000n));

async function sourceOf(file: string): Promise<string | null> {
  if (!isSource(file)) return null;
  const bytes = await readFile(file).catch(() => null);
  return bytes === null || bytes.length > MOST_SOURCE_BYTES ? null : bytes.toString('utf8');
}

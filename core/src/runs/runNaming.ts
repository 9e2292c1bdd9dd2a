/** Who names the rows of a run: its hosts, for panels as they show rows and for a recording as rows come. */
import { leavesOf, type EventStore } from '../events/index.ts';
import type { Log } from '../log.ts';
import type { StreamSchema } from '../model/index.ts';
import { noIds } from './namedIds.ts';
import { RunNames, type NameSource } from './hostNames.ts';
import type { HostRun } from './hostRun.ts';
import type { Recordings } from './record/recordings.ts';
import { RowNames } from './record/rowNames.ts';

/** Questions of a kind in one turn of a recording; what waits then waits for the next turn. */
const QUESTIONS = 5;
/** When the recording ends: there is no next turn. */
const QUESTIONS_AT_END = 50;
const MOST_ROUNDS = 3;

export interface NamedRun {
  readonly store: EventStore;
  readonly recordSchemas: readonly StreamSchema[];
  readonly recordings: Pick<Recordings, 'going' | 'names' | 'namesMissing'>;
}

export class RunNaming {
  /** Those that can be asked; a recording stands for itself. */
  private readonly hosts: { hostRun: HostRun; names: RunNames }[] = [];
  private readonly rows: RowNames;
  private recording: Promise<void> = Promise.resolve();

  constructor(
    private readonly run: NamedRun,
    private readonly log: Log,
  ) {
    this.rows = new RowNames(run.store, () => run.recordSchemas);
  }

  /** Rows of this host have the names that it gives its users, symbols and stacks. */
  add(hostRun: HostRun, host: NameSource['host']): void {
    const names = new RunNames(
      {
        host,
        dump: (map, limit) => hostRun.dumpMap(map, limit),
        entries: (map, keys) => hostRun.mapEntries(map, keys),
        onFound: (found) => this.run.recordings.names(hostRun, found),
      },
      this.log,
    );
    this.hosts.push({ hostRun, names });
    this.run.store.setNames(hostRun.index, names);
  }

  /** Reads again when something had no name yet: an address on a stack is known only once the stack is. */
  named<T>(read: () => T): T | Promise<T> {
    const answer = read();
    return this.missing ? this.readNamed(read) : answer;
  }

  private async readNamed<T>(read: () => T): Promise<T> {
    let answer: T;
    let rounds = 0;
    do {
      await Promise.all(this.hosts.map(({ names }) => names.ask()));
      answer = read();
    } while (++rounds < MOST_ROUNDS && this.missing);
    return answer;
  }

  private get missing(): boolean {
    return this.hosts.some(({ names }) => names.missing);
  }

  /** A recording begins: earlier rows are not in it, the names of those that a panel shows may be of later ones, too. */
  recordingBegins(): void {
    this.rows.skip();
    for (const { hostRun, names } of this.hosts) this.run.recordings.names(hostRun, names.found());
  }

  /** Looks at the rows that have come, before they leave the store. */
  async lookAtRows(): Promise<void> {
    if (this.run.recordings.going) await this.rows.look();
  }

  /** The names that recorded rows need, whether or not anybody looks at them: a replay has no host to ask. */
  nameRecorded(atEnd: boolean): Promise<void> {
    const turn = this.recording.then(async () => {
      await this.tellRecording(atEnd);
      // Rows came while the hosts were asked, and are recorded: what they need is little, and mostly known by now.
      if (atEnd) await this.tellRecording(true);
    });
    this.recording = turn.catch((error: unknown) => this.log.debug(`No names for the recording: ${String(error)}`));
    return this.recording;
  }

  private async tellRecording(atEnd: boolean): Promise<void> {
    const { recordings } = this.run;
    if (!recordings.going) return;
    const waiting = await this.rows.take();
    const beyond = this.rows.takeBeyond();
    const tell = async ({ hostRun, names }: (typeof this.hosts)[number]): Promise<void> => {
      recordings.namesMissing(hostRun, beyond[hostRun.index] ?? noIds());
      const ids = waiting[hostRun.index];
      if (ids === undefined) return;
      const mostQuestions = atEnd ? QUESTIONS_AT_END : QUESTIONS;
      const left = await names.tell(ids, mostQuestions, (found) => recordings.names(hostRun, found));
      if (atEnd) recordings.namesMissing(hostRun, left);
      else this.rows.putBack(hostRun.index, left);
    };
    await Promise.all(this.hosts.map(tell));
  }

  /** Stacks that rows speak of are gone with their maps: they are read while they are there. */
  async readStacks(): Promise<void> {
    const fields = this.run.recordSchemas.flatMap((s) => s.records.flatMap(leavesOf)).map(({ field }) => field);
    const maps = new Set(fields.flatMap((field) => (field.format === 'stack' ? (field.map ?? []) : [])));
    await Promise.all(this.hosts.flatMap(({ names }) => [...maps].map((map) => names.readStacks(map))));
  }
}

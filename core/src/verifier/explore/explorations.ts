/** The explorations that are open, by id: what a panel asks, answered. */
import { setImmediate } from 'node:timers/promises';
import { RingsideError } from '../../errors.ts';
import type {
  ExplorationInfo,
  ExplorationRequest,
  ExploreAnswer,
  ExploreAnswers,
  ExploreQuery,
  StateView,
} from '../../model/index.ts';
import { Exploration } from './exploration.ts';
import { partsOfLog, readPart } from './logFile.ts';
import { readRecord } from './record.ts';

/** Each holds its log in memory. */
const MOST_OPEN = 16;
/** The thread reads ahead for so long before it looks whether something was asked. */
const SLICE_MS = 4;

export class Explorations {
  readonly #open = new Map<number, Exploration>();
  #nextId = 1;

  async open(request: ExplorationRequest, signal?: AbortSignal): Promise<ExplorationInfo> {
    if (this.#open.size >= MOST_OPEN)
      throw new RingsideError('usage', `${MOST_OPEN} verifier logs are open at once.`, {
        remedy: 'Close the explorers that are not needed any more.',
      });
    let parts;
    try {
      parts = await partsOfLog(request.log);
    } catch (error) {
      throw unreadable(request.log, error);
    }
    const record = request.record === null ? null : await readRecord(request.record);
    const named = parts.filter(({ program }) => program === request.program);
    const wanted = named[record?.attempt ?? 0] ?? named[0];
    const part = wanted ?? parts.find(({ verdict }) => verdict === 'rejected') ?? parts[0]!;
    const log = await readPart(request.log, part, signal).catch((error: unknown) => {
      throw unreadable(request.log, error);
    });
    const exploration = new Exploration(log, part, record);
    const id = this.#nextId++;
    const info = exploration.info(id, parts);
    this.#open.set(id, exploration);
    void readAhead(exploration, () => this.#open.get(id) === exploration);
    return { ...info, host: info.host || part.host };
  }

  async ask<Q extends ExploreQuery>(id: number, query: Q): Promise<ExploreAnswer<Q>> {
    // The compiler cannot follow that each case answers its own kind.
    return (await answer(this.#get(id), query, (other) => this.#get(other))) as ExploreAnswer<Q>;
  }

  close(id: number): void {
    this.#open.delete(id);
  }

  #get(id: number): Exploration {
    const exploration = this.#open.get(id);
    if (!exploration)
      throw new RingsideError('usage', 'This verifier log is not open any more.', { remedy: 'Open it again.' });
    return exploration;
  }
}

type Answer = ExploreAnswers[keyof ExploreAnswers];

function answer(on: Exploration, query: ExploreQuery, other: (id: number) => Exploration): Answer | Promise<Answer> {
  switch (query.ask) {
    case 'path':
      return on.path(query.step, query.leaf);
    case 'rows':
      return on.rows(query.leaf, query.from, query.count);
    case 'state':
      return stateOf(on, query.step);
    case 'set':
      return on.set(query.step, query.what);
    case 'visit':
      return on.visit(query.step, query.file, query.line, query.forward);
    case 'visits':
      return on.visits(query.file, query.line, query.from, query.count);
    case 'tree':
      return on.tree(query.from, query.count);
    case 'lines':
      return on.lines(query.from, query.count);
    case 'source':
      return on.source(query.file);
    case 'search':
      return on.search(query.text, query.line, query.forward, () => setImmediate());
    case 'compare':
      return on.compare(other(query.other));
    case 'pairs':
      return on.pairs(other(query.other), query.from, query.count);
    case 'pairOf':
      return on.pairOf(other(query.other), query.step);
  }
}

async function stateOf(on: Exploration, step: number): Promise<StateView> {
  await on.approach(step, () => setImmediate());
  const state = on.state(step);
  if (!state) throw new RingsideError('usage', `The log has no step ${step}.`);
  return state;
}

/** Between two questions, and as long as the exploration is open. */
async function readAhead(exploration: Exploration, isOpen: () => boolean): Promise<void> {
  const ahead = exploration.readAhead();
  do {
    await setImmediate();
    const until = performance.now() + SLICE_MS;
    while (isOpen() && performance.now() < until) if (ahead.next().done === true) return;
  } while (isOpen());
}

function unreadable(file: string, error: unknown): RingsideError {
  if (error instanceof Error && error.name === 'AbortError') return RingsideError.from(error);
  const why = error instanceof Error ? error.message : String(error);
  return new RingsideError('file-not-found', `${file} cannot be read: ${why}`, {
    remedy: 'Choose a file that holds the text of a verifier log.',
  });
}

/** Tests whose runs are followed: a copy of the object with marks takes its place, and tells which lines have run. */
import { sentObject } from '../build/index.ts';
import { BpfObject } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { CoverageReport, WalkedReport } from '../model/index.ts';
import { markObject, RanLines } from '../testrun/index.ts';
import type { ConnectedHost } from './hosts.ts';
import type { PreparedObject } from './prepare.ts';

export class Covered {
  readonly #unfollowed: CoverageReport['unfollowed'] = [];
  #lines: RanLines | null = null;
  #marked: PreparedObject | null = null;
  /** Why no run is followed. */
  #why = '';

  constructor(
    host: ConnectedHost,
    private object: PreparedObject,
  ) {
    if (host.listsObjects)
      this.#why = `${host.name} allows objects by their hash, and the copy with marks has another.`;
    else this.use(object);
  }

  /** From now on another build of the same source is tested; lines that ran in the one before are left out. */
  use(object: PreparedObject): void {
    this.object = object;
    this.#marked = null;
    this.#lines = null;
    const marked = markObject(sentObject(object.full));
    this.#why = marked === null ? 'No mark can be put into this object.' : '';
    if (marked === null) return;
    this.#marked = { ...object, stripped: marked.bytes };
    this.#lines = new RanLines(BpfObject.parse(object.full), marked, object.file);
  }

  /**
   * Runs a test with the marks. Where the verifier refuses them, and not the program itself, it is run without, and its
   * run is not followed.
   */
  async run<T>(
    test: string,
    run: (object: PreparedObject, onRan: ((cells: Uint8Array) => void) | undefined) => Promise<T>,
  ): Promise<T> {
    if (this.#marked === null) {
      this.#unfollowed.push({ test, message: this.#why });
      return run(this.object, undefined);
    }
    try {
      return await run(this.#marked, (cells) => {
        if (this.#lines?.add(cells) === false)
          this.#unfollowed.push({ test, message: 'What it has noted could not be read.' });
      });
    } catch (error) {
      const { code, message } = RingsideError.from(error);
      if (code !== 'verifier-rejected') throw error;
      const result = await run(this.object, undefined);
      this.#unfollowed.push({ test, message: `The verifier refuses the copy with marks: ${message}` });
      return result;
    }
  }

  report(walked: WalkedReport): CoverageReport {
    return { ran: this.#lines?.files() ?? [], unfollowed: this.#unfollowed, walked };
  }
}

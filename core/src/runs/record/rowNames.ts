/**
 * Which names recorded rows need: a panel asks for those of the rows that it shows, a recording wants those of all. Rows are
 * looked at as they come, of a flood a part that is spread evenly: users and addresses repeat.
 */
import { leavesOf, RowDecoder, type EventStore, type EventStream } from '../../events/index.ts';
import type { RecordField, StreamSchema } from '../../model/index.ts';

export class RowNames {
  /** The first row of each stream that was not looked at yet. */
  private readonly next = new Map<EventStream, number>();

  /** `schemas`: of the streams as they are called now. */
  constructor(
    private readonly store: EventStore,
    private readonly schemas: () => readonly StreamSchema[],
  ) {}

  /**
   * Takes the rows that have come since, at most `most` of a stream. What is returned shows them: whoever answers for a
   * host's names is asked for those that they have.
   */
  take(most: number): () => void {
    const looks = this.schemas()
      .filter((schema) => schema.records.some((record) => leavesOf(record).some(({ field }) => isNamed(field))))
      .map((schema) => this.look(schema, most));
    return () => looks.forEach((look) => look());
  }

  private look(schema: StreamSchema, most: number): () => void {
    const stream = this.store.stream(schema.stream);
    const first = Math.max(stream.firstSeq, this.next.get(stream) ?? 0);
    const count = stream.delivered - first;
    this.next.set(stream, stream.delivered);
    const step = Math.max(1, Math.ceil(count / most));
    const decoder = new RowDecoder(this.store, stream, schema);
    return () => {
      for (let seq = first + count - 1; seq >= first; seq -= step) {
        const place = stream.place(seq);
        if (place !== null) decoder.cells(place);
      }
    };
  }
}

/** Its text has a name of the host, perhaps. */
const isNamed = (field: RecordField): boolean =>
  ['uid', 'gid', 'symbol', 'stack'].includes(field.format) ||
  field.kind === 'pointer' ||
  (field.element !== undefined && isNamed(field.element)) ||
  (field.fields ?? []).some(isNamed);

import type { RecordInfo } from '../../model/index.ts';
import { visibleText } from '../text.ts';
import { eventTime } from '../time.ts';
import type { CompareOp, Constant } from './ast.ts';
import { perChunk, perRow, type Batch, type Condition } from './batch.ts';
import { rangeOf, type IntegerRange } from './integers.ts';
import { badExpression } from './lexer.ts';
import { inFieldUnits, parseTime, type Fixed } from './names.ts';
import { textComparison, type TextTest } from './texts.ts';

/** A fixed column's value in a row: integers exactly, null for the CPU of ring buffers. */
export type FixedReader = (batch: Batch, row: number, offset: number) => bigint | number | string | null;

export function fixedReader(record: RecordInfo, name: Fixed): FixedReader {
  switch (name) {
    case 'time': {
      const time = eventTime(record);
      return (batch, row, offset) => {
        const { chunk } = batch;
        return time(chunk.slab.view, offset, batch.lengthOf(row), chunk.timeAt(offset), chunk.clocks);
      };
    }
    case 'seq':
      return (batch, row) => batch.firstSeq + row;
    case 'cpu':
      return (batch, _row, offset) => batch.chunk.cpuAt(offset);
    case 'host':
      return hostName;
    case 'stream':
      return (batch) => batch.stream;
  }
}

function hostName(batch: Batch): string {
  return visibleText(batch.hosts[batch.chunk.host]?.name ?? '');
}

/** `host == "web-1"`, `time > "12:31:04"`, `cpu == 3`. @throws RingsideError `bad-expression` when the types do not fit. */
export function fixedCompare(
  record: RecordInfo,
  name: Fixed,
  op: CompareOp,
  constant: Constant,
  text: string,
): Condition {
  if (name === 'host' || name === 'stream') {
    if (constant.kind !== 'string')
      throw badExpression(`"${name}" is text; compare it with a text in quotes`, text, constant.at);
    const holds = textComparison(op, constant.value);
    return perChunk((batch) => holds(name === 'host' ? hostName(batch) : batch.stream));
  }
  const range = constantRange(name, op, constant, text);
  if (name === 'cpu') return cpuCondition(range);
  const read = fixedReader(record, name);
  return perRow(0, (batch, row, offset) => within(BigInt(read(batch, row, offset)!), range));
}

/** Most spans are of one CPU, or of none. */
function cpuCondition(range: IntegerRange): Condition {
  const holds = (cpu: number | null): boolean => cpu !== null && within(BigInt(cpu), range);
  const each = perRow(0, (batch, _row, offset) => holds(batch.chunk.cpuAt(offset)));
  const once = perChunk((batch) => holds(batch.chunk.cpuAt(batch.offsets[0]!)));
  return { refine: (batch, mask) => (batch.chunk.mixesCpus ? each : once).refine(batch, mask) };
}

function constantRange(name: Fixed, op: CompareOp, constant: Constant, text: string): IntegerRange {
  if (constant.kind === 'number') return rangeOf(op, inFieldUnits(null, constant, text));
  if (name === 'time' && constant.kind === 'string') {
    const time = parseTime(constant.value, new Date());
    if (time === null) {
      throw badExpression('A time is "12:31:04" or "2026-01-31T12:31:04Z"', text, constant.at);
    }
    return rangeOf(op, { numerator: time, denominator: 1n });
  }
  throw badExpression(`"${name}" is a number`, text, constant.at);
}

function within(value: bigint, range: IntegerRange): boolean {
  return (value >= range.low && value <= range.high) !== range.negated;
}

/** `host ~ "^web-"`; null for the columns that are numbers. */
export function fixedMatch(name: Fixed, regex: TextTest, negated: boolean): Condition | null {
  if (name !== 'host' && name !== 'stream') return null;
  return perChunk((batch) => regex.test(name === 'host' ? hostName(batch) : batch.stream) !== negated);
}

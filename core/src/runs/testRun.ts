/** Runs the tests of one object on one host: each with the object loaded anew, nothing attached, nothing left loaded. */
import { BpfObject } from '../bpf/index.ts';
import { RingsideError, throwIfAborted } from '../errors.ts';
import { compileExpr, compileReader, EventStore, EventTap, RowDecoder } from '../events/index.ts';
import type { GuardRule } from '../guardRules.ts';
import { HostMaps } from '../maps/index.ts';
import type { AttachSpec, FieldValue, LoadOptions, RecordField, StreamSchema, TestResult } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import {
  contextField,
  encodeContext,
  encodeTestGlobal,
  globalField,
  isBroken,
  Judge,
  packetSummary,
  RAN_MAP,
  returnName,
  type BrokenTest,
  type EmittedRecord,
  type TestCase,
} from '../testrun/index.ts';
import type { ConnectedHost } from './hosts.ts';
import { HostRun, streamMapTypes } from './hostRun.ts';
import type { PreparedObject } from './prepare.ts';
import { runRepeatedly, type RunInput, type RunOutcome } from './repeatedRun.ts';

/** What a test's records may take before the oldest leave. */
const STORE_BYTES = 16 << 20;
/** Records of a stream that a result carries. */
const MOST_RECORDS = 1000;
const STEP = 500;

/** What running does, wherever the program would be attached. */
const guardsOfRunning: readonly GuardRule[] = [
  'override-return',
  'write-user-memory',
  'send-signal',
  'unsafe-function',
];

export interface TestSpec {
  targets: AttachSpec['targets'];
  load?: LoadOptions;
  /** Rules of guards. */
  confirmed: readonly string[];
  /** Given what a copy with marks has noted, after its run. */
  onRan?: (cells: Uint8Array) => void;
}

/** Errors are the result's, but for those that end all of it: a lost host, `cancelled`, `verifier-rejected`. */
export async function runTest(
  host: ConnectedHost,
  object: PreparedObject,
  test: TestCase | BrokenTest,
  spec: TestSpec,
  call: CallOptions,
): Promise<TestResult> {
  if (isBroken(test)) return failedResult(test, test.error);
  throwIfAborted(call.signal);
  call.progress?.({ step: `Running "${test.name}" on ${host.name}` });
  const run = new TestRun(host, object, test, spec);
  try {
    return await run.result(call);
  } catch (error) {
    const failure = RingsideError.from(error);
    if (fatal.has(failure.code) || host.agent.closed) throw failure;
    return failedResult(test, failure);
  } finally {
    await run.close();
  }
}

const fatal = new Set([
  'cancelled',
  'host-lost',
  'agent-exited',
  'lease-expired',
  'protocol',
  'verifier-rejected',
  'internal',
]);

export function failedResult(test: TestCase | BrokenTest, error: RingsideError): TestResult {
  return {
    ...{ name: test.name, program: test.program, ...test.place },
    ...{ outcome: 'error', error: error.toData() },
    ...{ returned: null, nanosPerRun: null, repeat: isBroken(test) ? 1 : test.repeat, differences: [] },
    data: { in: null, expected: null, out: null, summary: null },
    ...{ prints: [], printsUnknown: '', records: {} },
  };
}

class TestRun {
  private readonly store = new EventStore({ maxBytes: STORE_BYTES });
  private readonly prints: string[] = [];
  private readonly run: HostRun;
  private readonly maps: HostMaps;
  private readonly parsed: BpfObject;

  constructor(
    host: ConnectedHost,
    private readonly object: PreparedObject,
    private readonly test: TestCase,
    private readonly spec: TestSpec,
  ) {
    this.parsed = BpfObject.parse(object.full);
    this.maps = new HostMaps(host.agent);
    this.run = new HostRun(host, object, this.store, {
      onRows: () => undefined,
      filterOf: () => null,
      schemaOf: (stream) => this.schemaOf(stream),
      grantAtOnce: () => true,
      onPrints: (_, prints) => this.prints.push(...prints.map((print) => print.text)),
      onStopped: () => undefined,
      onSwapped: () => undefined,
    });
  }

  close(): Promise<void> {
    return this.run.close();
  }

  async result(call: CallOptions): Promise<TestResult> {
    const { test, run } = this;
    const type = this.typeOfProgram();
    this.checkGuards();
    const context = contextField(this.parsed, test.program, type);
    const dataIn = test.packet ?? new Uint8Array(0);
    const contextIn = this.contextIn(context, type, dataIn.length);
    await this.load(call);
    await this.fillMaps(call);
    await run.openStreams(call);
    // Some kinds take no number of repeats at all.
    const repeat = test.repeat === 1 ? 0 : test.repeat;
    const once = (input: RunInput): Promise<RunOutcome> => run.runProgram(test.program, input, call);
    const outcome = await runRepeatedly(type, { dataIn, contextIn, repeat }, once, call.signal);
    // The last record and the last print come before its answer.
    await run.detach();
    await this.readMarks(call);
    const judge = new Judge(test.expect);
    judge.returned(type, outcome.returnValue);
    if (test.packet !== null) judge.packet(outcome.dataOut);
    judge.context(context, outcome.contextOut, (bytes) =>
      compileReader(context!)(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length),
    );
    await this.judgeMaps(judge, call);
    await this.judgeGlobals(judge, call);
    const records = this.judgeRecords(judge);
    const printsUnknown = run.notes.find((note) => note.about === 'bpf_printk')?.text ?? '';
    judge.prints(this.prints, printsUnknown);
    const hex = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
    return {
      ...{ name: test.name, program: test.program, ...test.place },
      ...{ outcome: judge.differences.length === 0 ? 'passed' : 'failed', error: null },
      returned: { value: outcome.returnValue | 0, name: returnName(type, outcome.returnValue) },
      // The kernel does not measure every kind.
      nanosPerRun: outcome.nanos === 0n ? null : Number(outcome.nanos),
      ...{ repeat: test.repeat, differences: judge.differences },
      data: {
        in: hex(test.packet),
        expected: hex(test.expect.packet?.value ?? null),
        out: test.packet === null ? null : hex(outcome.dataOut),
        summary: test.packet === null ? null : packetSummary(outcome.dataOut),
      },
      ...{ prints: this.prints, printsUnknown, records },
    };
  }

  /** A context that is looked at afterwards must have been given. */
  private contextIn(field: RecordField | null, type: string, packetBytes: number): Uint8Array {
    const { context, expect } = this.test;
    if (context !== null)
      return placed(context.place.line, () => encodeContext(field, type, context.value, packetBytes));
    return expect.context === null || field === null ? new Uint8Array(0) : encodeContext(field, type, {}, packetBytes);
  }

  private typeOfProgram(): string {
    const { programs } = this.object.report;
    const found = programs.find((program) => program.name === this.test.program);
    if (found) return found.type;
    throw new RingsideError('unknown-program', `There is no program "${this.test.program}".`, {
      remedy: `Programs: ${programs.map((program) => program.name).join(', ') || 'none'}.`,
    });
  }

  /** Nothing is attached, but what the program does when it runs it does here too. */
  private checkGuards(): void {
    const { program, load } = this.test;
    const findings = this.object.report.programs
      .filter(({ name }) => name === program || load.includes(name))
      .flatMap(({ name, guards }) => guards.map((rule) => ({ rule, program: name })))
      .filter(({ rule }) => (guardsOfRunning as readonly string[]).includes(rule))
      .filter(({ rule }) => !this.spec.confirmed.includes(rule))
      .map((finding) => ({
        ...finding,
        target: '',
        reason: `${finding.program} does so when it runs.`,
        cutting: false,
      }));
    if (findings.length === 0) return;
    const rules = [...new Set(findings.map((finding) => finding.rule))];
    throw new RingsideError(
      'guard-confirmation-needed',
      `${program} can harm the host when it runs (${rules.join(', ')}).`,
      {
        remedy: `Confirm it: --confirm ${rules.join(',')}.`,
        findings,
      },
    );
  }

  /** With the globals as the test wants them. */
  private async load(call: CallOptions): Promise<void> {
    const { test, spec } = this;
    const globals = test.globals.map(({ value: { name, value }, place }) =>
      placed(place.line, () => encodeTestGlobal(this.parsed, name, value)),
    );
    const programs = [test.program, ...test.load];
    const { targets, load } = spec;
    await this.run.load({ programs, set: {}, targets, ...(load && { load }) }, call, globals);
  }

  private async readMarks(call: CallOptions): Promise<void> {
    if (this.spec.onRan === undefined) return;
    const { value } = await this.maps.get(this.map(RAN_MAP, 0), '0', call);
    // A map of no type that the object names is told as the bytes that it holds.
    this.spec.onRan(Buffer.from(typeof value === 'string' ? value : '', 'hex'));
  }

  private map(name: string, line: number): string {
    const found = this.run.maps.find((map) => map.name === name || (name.startsWith('.') && map.name.endsWith(name)));
    if (found) return String(found.id);
    throw new RingsideError('unknown-map', `The object has no map ${name} (line ${line}).`, {
      remedy: `It has ${this.run.maps.map((map) => map.name).join(', ') || 'none'}.`,
    });
  }

  private async fillMaps(call: CallOptions): Promise<void> {
    for (const { name, place, entries } of this.test.maps) {
      const id = this.map(name, place.line);
      for (const { key, value, place: at } of entries)
        await placedLater(at.line, () =>
          this.maps.set(id, key === null ? null : JSON.stringify(key), JSON.stringify(value), 'any', call),
        );
    }
  }

  private async judgeMaps(judge: Judge, call: CallOptions): Promise<void> {
    for (const { name, place, entries } of this.test.expect.maps) {
      const id = this.map(name, place.line);
      const typed = await this.maps.describe(id, call);
      for (const entry of entries)
        await placedLater(entry.place.line, async () =>
          judge.mapEntry(name, typed, entry, await this.entry(id, entry.key, call)),
        );
    }
  }

  private async entry(id: string, key: FieldValue, call: CallOptions): Promise<FieldValue | undefined> {
    try {
      return (await this.maps.get(id, key === null ? null : JSON.stringify(key), call)).value;
    } catch (error) {
      if (RingsideError.from(error).code === 'no-such-key') return undefined;
      throw error;
    }
  }

  private async judgeGlobals(judge: Judge, call: CallOptions): Promise<void> {
    for (const one of this.test.expect.globals) {
      const { name } = one.value;
      const found = globalField(this.parsed, name);
      // Says which variables there are.
      if (found === null) encodeTestGlobal(this.parsed, name, 0);
      const value = await this.entry(this.map(found!.section, one.place.line), 0, call);
      const all = value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
      placed(one.place.line, () => judge.global(found!.field, one, all[name] ?? null));
    }
  }

  private schemaOf(stream: string): StreamSchema {
    return { stream, records: this.object.report.records.filter((record) => record.map === stream) };
  }

  private judgeRecords(judge: Judge): Record<string, unknown[]> {
    const streams = this.object.report.maps.filter((map) => streamMapTypes.has(map.type)).map((map) => map.name);
    const emitted = new Map(streams.map((stream) => [stream, this.emitted(stream)]));
    for (const { name, place, records } of this.test.expect.records) {
      const actual = emitted.get(name);
      if (!actual) {
        const remedy = streams.length > 0 ? `It has ${streams.join(', ')}.` : 'It has none at all.';
        throw new RingsideError('unknown-map', `The object has no ring ${name} (line ${place.line}).`, { remedy });
      }
      placed(place.line, () => judge.records(name, place, records, actual));
    }
    const shown = [...emitted].map(([name, all]) => [name, all.slice(0, MOST_RECORDS).map((record) => record.fields)]);
    return Object.fromEntries(shown) as Record<string, unknown[]>;
  }

  private emitted(name: string): EmittedRecord[] {
    const decoder = new RowDecoder(this.store, this.store.stream(name), this.schemaOf(name));
    const tap = new EventTap(decoder, compileExpr('', decoder.schema));
    const records: EmittedRecord[] = [];
    for (let slice = tap.take(STEP); slice.length > 0; slice = tap.take(STEP)) {
      for (const { record, fields } of slice) {
        const info = decoder.schema.records.find((known) => known.type === record) ?? decoder.schema.records[0]!;
        records.push({ fields, type: recordField(info) });
      }
    }
    return records;
  }
}

function recordField({ type, size, fields }: StreamSchema['records'][number]): RecordField {
  return { name: 'record', type, offset: 0, bits: 0, size, kind: 'struct', format: 'plain', fields };
}

/** A mistake in a value of the test file, with its line. */
function placed<T>(line: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withLine(error, line);
  }
}

async function placedLater<T>(line: number, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw withLine(error, line);
  }
}

function withLine(error: unknown, line: number): RingsideError {
  const failure = RingsideError.from(error);
  if (!/^(bad-value|unknown-variable|map-access|usage)$/.test(failure.code) || failure.message.includes('(line '))
    return failure;
  const { code, remedy, detail, links } = failure;
  return new RingsideError(code, `${failure.message} (line ${line} of the test file)`, { remedy, detail, links });
}

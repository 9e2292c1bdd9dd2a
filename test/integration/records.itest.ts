/**
 * Records of ordinary programs, field by field: each program of test/fixtures/records is attached from its source, as an
 * object with DWARF and as one without, is set off once, and every value of its records is what the trigger did.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { decodeRecord, leavesOf, resolvePath } from '../../core/src/events/index.ts';
import type { FieldValue, RecordInfo, RowDetail, RunSummary } from '../../core/src/model/index.ts';
import { root } from './support/cli.ts';
import { engineForTests, plainSpec } from './support/engine.ts';
import { recordPrograms, Told, Trigger, type Expected, type ExpectedRow, type RecordProgram } from './support/recordPrograms.ts'; // prettier-ignore

const { folder, engine } = engineForTests('records');
const cgroup2 = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')).find((mount) => mount[2] === 'cgroup2')![1]!; // prettier-ignore

/** The source, the object that it makes, and that without DWARF. */
async function formsOf(name: string): Promise<string[]> {
  const source = join(root, 'test/fixtures/records', `${name}.bpf.c`);
  const built = await engine().build({ file: source });
  expect(built.diagnostics).toEqual([]);
  const [whole, bare] = [join(folder, `${name}.dwarf.bpf.o`), join(folder, `${name}.bpf.o`)];
  copyFileSync(built.object, whole);
  execFileSync('llvm-strip-19', ['-g', '-o', bare, whole]);
  return [source, whole, bare];
}

async function attach(program: RecordProgram, file: string, trigger: Trigger): Promise<RunSummary> {
  const set = { ...(program.cgroup ? {} : { only_pid: String(trigger.pid) }), ...program.set?.(trigger) };
  const targets = program.cgroup ? [{ program: '', key: 'cgroup', value: cgroup2 }] : [];
  return engine().attach({ ...plainSpec, file, hosts: ['local'], set, targets });
}

const delivered = async (id: string): Promise<Record<string, number>> => {
  const run = (await engine().runs()).find((one) => one.id === id)!;
  return Object.fromEntries(run.ledger.streams.map((stream) => [stream.name, stream.delivered]));
};

const inferred = (run: RunSummary, streams: string[]): unknown[] =>
  run.schemas
    .filter((schema) => streams.includes(schema.stream))
    .flatMap((schema) => schema.records.map((r) => [r.map, r.type, r.size, r.confidence]));

function check(where: string, expected: Expected, value: FieldValue, text: string | null): void {
  if (!(expected instanceof Told)) {
    expect(value, where).toEqual(expected);
    return;
  }
  if (typeof expected.value === 'function')
    expect(expected.value(value), `${where}: ${JSON.stringify(value)}`).toBe(true); // prettier-ignore
  else expect(value, where).toEqual(expected.value);
  if (text === null) return;
  if (typeof expected.text === 'function') expect(expected.text(text), `${where}: ${text}`).toBe(true);
  else if (typeof expected.text === 'string') expect(text, where).toBe(expected.text);
  else expect(text, where).toMatch(expected.text);
}

function checkRow(where: string, row: RowDetail, expected: ExpectedRow): void {
  expect(row.record, where).toBe(expected.record);
  expect(row.fields.map((field) => field.path).sort(), where).toEqual(Object.keys(expected.fields).sort());
  for (const { path, value, text } of row.fields) check(`${where} ${path}`, expected.fields[path]!, value, text);
}

/** A row shown as bytes holds, read by the type that DWARF tells, what is expected. */
function checkBytes(where: string, row: RowDetail, record: RecordInfo | undefined, expected: ExpectedRow): void {
  expect(row.fields, where).toMatchObject([{ path: 'bytes' }]);
  if (record === undefined || record.fields.length === 0) {
    checkRow(where, row, expected);
    return;
  }
  const bytes = Buffer.from(row.fields[0]!.value as string, 'hex');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const decoded = decodeRecord(record, view, 0, bytes.length);
  for (const { path } of leavesOf(record)) {
    const value = path.split('.').reduce<FieldValue>((at, name) => (at as Record<string, FieldValue>)[name]!, decoded);
    expect(resolvePath(record, path), `${where} ${path}`).toBeDefined();
    check(`${where} ${path}`, expected.fields[path]!, value, null);
  }
}

it.each(recordPrograms)('$name', async (program) => {
  const trigger = new Trigger(folder);
  if (program.cgroup) await trigger.choosePorts();
  const forms = await formsOf(program.name);
  const runs = await Promise.all(forms.map((file) => attach(program, file, trigger)));
  await trigger.pull(program);
  const rows = program.rows(trigger);
  const counts = Object.fromEntries(Object.entries(rows).map(([stream, list]) => [stream, list.length]));
  await vi.waitUntil(async () => {
    const all = await Promise.all(runs.map(({ id }) => delivered(id)));
    return all.every((got) => Object.entries(counts).every(([stream, count]) => got[stream]! >= count));
  }, { timeout: 20_000, interval: 20 }); // prettier-ignore
  const ended = await Promise.all(runs.map(({ id }) => engine().detach(id)));
  const streams = Object.keys(rows);
  const types = inferred(ended[1]!, streams);
  expect(types).toEqual(program.types);
  expect(inferred(ended[0]!, streams)).toEqual(types);
  expect(inferred(ended[2]!, streams)).toEqual(program.stripped);
  for (const [stream, list] of Object.entries(rows)) {
    for (const [form, { id, schemas }] of ended.entries()) {
      expect((await delivered(id))[stream]).toBe(list.length);
      for (const [seq, expected] of list.entries()) {
        const row = (await engine().row(id, stream, seq))!;
        const where = `${['source', 'DWARF', 'stripped'][form]!}, ${stream} ${seq}`;
        const typed = schemas.find((s) => s.stream === stream)!.records.some((r) => r.type === row.record);
        if (typed && row.record === expected.record) checkRow(where, row, expected);
        else {
          expect(form, where).toBe(2);
          const told = ended[1]!.schemas.find((s) => s.stream === stream)!.records;
          checkBytes(where, row, told.find((r) => r.type === expected.record), expected); // prettier-ignore
        }
      }
    }
  }
  await Promise.all(runs.map(({ id }) => engine().forget(id)));
});

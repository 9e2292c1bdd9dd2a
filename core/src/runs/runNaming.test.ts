/** A recording gets the names that its rows need, of their host, whoever looks at them; what nobody tells is counted. */
import { expect, it } from 'vitest';
import { EventStore } from '../events/index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../events/testing.ts';
import type { HostRun } from './hostRun.ts';
import { RunNaming, type NamedRun } from './runNaming.ts';

const log = { debug: () => undefined } as unknown as ConstructorParameters<typeof RunNaming>[1];
const uid = makeField({ name: 'uid', kind: 'uint', offset: 0, size: 4, format: 'uid' });
const schema = makeSchema(makeRecord('struct e', 4, [uid]));

/** Two hosts: the first calls its users userN, the second cannot be asked. `told` and `missing` are users by host. */
function setUp(going = true) {
  const store = new EventStore();
  const [told, missing]: Set<number>[][] = [[new Set(), new Set()], [new Set(), new Set()]]; // prettier-ignore
  const state = { going, asked: 0, onAsked: (): void => undefined };
  const run: NamedRun = {
    store,
    recordSchemas: [schema],
    recordings: {
      get going() {
        return state.going;
      },
      names: ({ index }, { user }) => user.forEach((_, id) => told![index]!.add(Number(id))),
      namesMissing: ({ index }, { user }) => user.forEach((id) => missing![index]!.add(Number(id))),
    },
  };
  const naming = new RunNaming(run, log);
  const transport = {
    run: (command: string) => {
      state.asked++;
      state.onAsked();
      const ids = command.match(/\d+/g)!.filter((id) => id !== '2');
      return Promise.resolve({ stdout: ids.map((id) => `user${id}:x:${id}:0::/:/bin/sh`).join('\n') });
    },
  };
  const hosts = [() => Promise.resolve({ transport } as never), () => Promise.reject(new Error('gone'))];
  for (const [i, host] of hosts.entries())
    naming.add({ index: store.addHost(`h${i}`, noClocks) } as unknown as HostRun, host);
  const add = (host: number, ...ids: number[]): void => {
    const records = ids.map((id) => new Uint8Array(Uint32Array.of(id).buffer));
    store.append(store.stream(schema.stream), host, makeSpan(records));
  };
  return { store, naming, add, state, told: told!, missing: missing! };
}

it('names the rows that come, and asks once for each', async () => {
  const { naming, add, state, told } = setUp();
  add(0, 10, 11);
  await naming.nameRecorded(false);
  add(0, 10);
  await naming.nameRecorded(false);
  expect([...told[0]!]).toEqual([10, 11]);
  expect(state.asked).toBe(1);
});

it('names at the end the rows that came while it asked, too', async () => {
  const { naming, add, state, told } = setUp();
  add(0, 10);
  state.onAsked = () => {
    state.onAsked = () => undefined;
    add(0, 12);
  };
  await naming.nameRecorded(true);
  expect([...told[0]!]).toEqual([10, 12]);
});

it('asks a host that is away again, and counts at the end what it did not tell', async () => {
  const { naming, add, missing } = setUp();
  add(1, 20);
  await naming.nameRecorded(false);
  expect(missing[1]!.size).toBe(0);
  await naming.nameRecorded(true);
  expect(missing.map((ids) => [...ids])).toEqual([[], [20]]);
});

it('asks for nothing while nothing is recorded, and not for rows from before', async () => {
  const { naming, add, state, told } = setUp(false);
  add(0, 10);
  await naming.nameRecorded(false);
  await naming.lookAtRows();
  state.going = true;
  naming.recordingBegins();
  add(0, 11);
  await naming.nameRecorded(true);
  expect([...told[0]!]).toEqual([11]);
});

it('passes on what panels have been told before the recording began', async () => {
  const { naming, told, store } = setUp(false);
  const shown = (): string | null => store.hosts[0]!.names!.user(5);
  expect(await naming.named(shown)).toBe('user5');
  told[0]!.clear();
  naming.recordingBegins();
  expect([...told[0]!]).toEqual([5]);
});

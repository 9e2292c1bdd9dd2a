import { expect, it } from 'vitest';
import type { RingsideError } from '../errors.ts';
import { runRepeatedly, type RunInput, type RunOutcome } from './repeatedRun.ts';

const packet = Uint8Array.from({ length: 20 }, (_, i) => i);

/** A program that counts its runs in the packet's last byte and in its context, each of which takes so long. */
function counting(nanosOf: (runs: number) => bigint) {
  const requests: RunInput[] = [];
  const run = (input: RunInput): Promise<RunOutcome> => {
    requests.push(input);
    const runs = Math.max(1, input.repeat);
    const dataOut = input.dataIn.slice();
    if (dataOut.length > 0) dataOut[dataOut.length - 1] = (dataOut.at(-1)! + runs) & 0xff;
    const contextOut = input.contextIn.map((byte) => (byte + runs) & 0xff);
    return Promise.resolve({ returnValue: 2, dataOut, contextOut, nanos: nanosOf(requests.length) });
  };
  return { requests, run };
}

const input = (repeat: number): RunInput => ({ dataIn: packet, contextIn: Uint8Array.of(0), repeat });

it('few runs are one request, as they are asked for', async () => {
  for (const repeat of [0, 1, 16]) {
    const { requests, run } = counting(() => 50n);
    await runRepeatedly('xdp', input(repeat), run, undefined);
    expect(requests).toEqual([input(repeat)]);
  }
});

it('many are as many runs as were asked for, each going on where the one before ended', async () => {
  const { requests, run } = counting(() => 50_000n);
  const outcome = await runRepeatedly('xdp', input(10_000), run, undefined);
  expect(requests.map(({ repeat }) => repeat)).toEqual([16, 4000, 4000, 1984]);
  expect([outcome.dataOut.at(-1), outcome.contextOut[0]]).toEqual([(19 + 10_000) & 0xff, 10_000 & 0xff]);
  expect(outcome).toMatchObject({ returnValue: 2, nanos: 50_000n });
});

it('the time of a run is the mean of all of them', async () => {
  const { run } = counting((request) => (request === 1 ? 2_000_000n : 1_000_000n));
  expect((await runRepeatedly('xdp', input(116), run, undefined)).nanos).toBe(
    (2_000_000n * 16n + 1_000_000n * 100n) / 116n,
  );
});

it('what is no packet is not given to the next as one', async () => {
  const { requests, run } = counting(() => 100_000_000n);
  await runRepeatedly('flow_dissector', { ...input(18), contextIn: new Uint8Array(0) }, run, undefined);
  expect(requests.map(({ dataIn, repeat }) => [dataIn, repeat])).toEqual([
    [packet, 16],
    [packet, 2],
  ]);
});

it('is over after the request under way when it is cancelled', async () => {
  const abort = new AbortController();
  const { requests, run } = counting(() => {
    if (requests.length === 2) abort.abort();
    return 1_000_000n;
  });
  const ended = runRepeatedly('xdp', input(1_000_000), run, abort.signal);
  await expect(ended).rejects.toMatchObject({ code: 'cancelled' } satisfies Partial<RingsideError>);
  expect(requests).toHaveLength(2);
});

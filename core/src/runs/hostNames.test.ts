import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noNames, type FoundNames } from '../recording/names.ts';
import { namesIn, RunNames, stacksIn, type NameSource } from './hostNames.ts';
import { noIds } from './namedIds.ts';

const log = { debug: () => undefined } as unknown as ConstructorParameters<typeof RunNames>[1];
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nagain:x:0:0::/:/bin/sh\n';

/** The entries of a stack map with two frames each. */
function dumpOf(entries: [number, bigint[]][]): Awaited<ReturnType<NameSource['dump']>> {
  const bytes = new Uint8Array(entries.length * 20);
  const view = new DataView(bytes.buffer);
  entries.forEach(([id, frames], i) => {
    view.setUint32(i * 20, id, true);
    frames.forEach((frame, at) => view.setBigUint64(i * 20 + 4 + at * 8, frame, true));
  });
  return { bytes, entries: entries.length, valueBytes: 16, truncated: false };
}

function source(asked: string[] = []): NameSource {
  const transport = {
    run: (command: string) => {
      asked.push(command);
      return Promise.resolve({ stdout: PASSWD, stderr: '', code: 0, signal: null });
    },
  };
  const agent = {
    request: (body: { value: { addresses: bigint[] } }) => {
      asked.push(`symbols of ${body.value.addresses.length}`);
      const symbol = (address: bigint) => ({
        name: 'f',
        offset: address & 0xffffffn,
        module: address & 1n ? 'ext4' : '',
      });
      return Promise.resolve({ symbols: body.value.addresses.map(symbol) });
    },
  };
  return {
    host: () => Promise.resolve({ agent, transport } as unknown as Awaited<ReturnType<NameSource['host']>>),
    dump: (map) => {
      asked.push(`all stacks of ${map}`);
      return Promise.resolve(dumpOf(STACKS));
    },
    entries: (map, keys) => {
      const ids = keys.map((key) => new DataView(key.buffer).getUint32(0, true));
      asked.push(`stacks of ${map}: ${ids.length > 4 ? ids.length : ids.join(' ')}`);
      return Promise.resolve(dumpOf(STACKS.filter(([id]) => ids.includes(id))));
    },
  };
}
const STACKS: [number, bigint[]][] = [
  [3, [0xffffffff81000010n, 0xffffffff81000021n]],
  [5, [0xffffffff81000010n, 0x7f0000000000n]],
];

/** Everything that was told. */
function collected(): { told: (found: FoundNames) => void; all: FoundNames } {
  const all = noNames();
  const told = (found: FoundNames): void => {
    for (const kind of ['user', 'group', 'symbol'] as const)
      for (const [id, name] of found[kind]) all[kind].set(id, name);
    for (const [map, stacks] of found.stacks) all.stacks.set(map, new Map([...(all.stacks.get(map) ?? []), ...stacks]));
  };
  return { told, all };
}

describe('names of a host', () => {
  it('are asked for once, all that is missing together', async () => {
    const asked: string[] = [];
    const names = new RunNames(source(asked), log);
    expect([names.user(0), names.user(1000), names.user(7)]).toEqual([null, null, null]);
    expect(names.missing).toBe(true);
    await Promise.all([names.ask(), names.ask()]);
    expect([names.user(0), names.user(1000), names.user(7)]).toEqual(['root', 'ann', null]);
    expect(names.missing).toBe(false);
    expect(asked).toEqual(['getent passwd 0 1000 7 2>/dev/null || cat /etc/passwd']);
  });

  it('are of the kernel only, and near their symbol', async () => {
    const names = new RunNames(source(), log);
    const addresses = [0x7f0000000000n, 0xffffffff81000000n, 0xffffffff81000011n, 0xffffffff81200000n];
    addresses.forEach((address) => names.symbol(address));
    await names.ask();
    expect(addresses.map((address) => names.symbol(address))).toEqual([null, 'f', 'f+0x11 [ext4]', null]);
  });

  it('of a stack come after the stack itself', async () => {
    const names = new RunNames(source(), log);
    expect([names.stack('stacks', 3), names.stack('stacks', 4)]).toEqual([null, null]);
    await names.ask();
    expect(names.stack('stacks', 3)).toEqual([0xffffffff81000010n, 0xffffffff81000021n]);
    expect(names.stack('stacks', 4)).toBeNull();
    expect(names.missing).toBe(false);
  });

  it('of stacks are asked for one by one, a map is read whole only where that is wanted', async () => {
    const asked: string[] = [];
    const names = new RunNames(source(asked), log);
    names.stack('stacks', 3);
    await names.ask();
    expect(asked).toEqual(['stacks of stacks: 3']);
    await names.readStacks('stacks');
    expect(names.stack('stacks', 5)).toEqual(STACKS[1]![1]);
    expect(asked).toEqual(['stacks of stacks: 3', 'all stacks of stacks']);
  });

  it('that a panel asked for are passed on, and stacks that are others now', async () => {
    const { told, all } = collected();
    const from = source();
    const names = new RunNames({ ...from, onFound: told }, log);
    names.user(0);
    names.stack('stacks', 3);
    await names.ask();
    expect([...all.user]).toEqual([[0n, 'root']]);
    await names.readStacks('stacks');
    expect(all.stacks.size).toBe(0);
    from.dump = () => Promise.resolve(dumpOf([[3, [7n]], [5, [8n]], [6, [9n]]])); // prettier-ignore
    const again = new RunNames({ ...from, onFound: told }, log);
    again.stack('stacks', 3);
    await again.ask();
    await again.readStacks('stacks');
    expect(all.stacks).toEqual(new Map([['stacks', new Map([[3, [7n]]])]]));
  });

  it('of a host that is not connected are numbers, and nothing waits for them', async () => {
    const gone = () => Promise.reject(new Error('gone'));
    const names = new RunNames({ host: gone, dump: gone, entries: gone }, log);
    names.user(0);
    names.symbol(0xffffffff81000000n);
    names.stack('stacks', 1);
    await names.ask();
    expect(names.missing).toBe(false);
    expect([names.user(0), names.symbol(0xffffffff81000000n), names.stack('stacks', 1)]).toEqual([null, null, null]);
  });

  it('are told for a recording: stacks, what stands on them, and nothing else of the stack map', async () => {
    const asked: string[] = [];
    const names = new RunNames(source(asked), log);
    const { told, all } = collected();
    const ids = { ...noIds(), user: new Set([0n, 7n]), stacks: new Map([['stacks', new Set([3, 4])]]) };
    expect(await names.tell(ids, 5, told)).toEqual(noIds());
    expect(all.stacks).toEqual(new Map([['stacks', new Map([STACKS[0]!])]]));
    expect([...all.symbol.values()]).toEqual(['f+0x10', 'f+0x21 [ext4]']);
    expect([...all.user]).toEqual([[0n, 'root']]);
    expect(asked).toHaveLength(3);
    const again = collected();
    await names.tell(ids, 5, again.told);
    expect([asked.length, again.all]).toEqual([3, all]);
  });

  it('are told in so many questions; what nobody was asked for is given back', async () => {
    const asked: string[] = [];
    const names = new RunNames(source(asked), log);
    const symbol = new Set(Array.from({ length: 3_500 }, (_, i) => 0xffffffff81000000n + BigInt(i)));
    const stacks = new Map([['stacks', new Set(Array.from({ length: 2_500 }, (_, i) => i))]]);
    const { told, all } = collected();
    const left = await names.tell({ ...noIds(), symbol, stacks }, 2, told);
    expect([left.symbol.size, left.stacks.get('stacks')!.size]).toEqual([1_500, 500]);
    expect(asked.sort()).toEqual([
      'stacks of stacks: 1000',
      'stacks of stacks: 1000',
      'symbols of 1000',
      'symbols of 1000',
    ]);
    expect(all.symbol.size).toBe(2_000);
    expect(await names.tell(left, 2, told)).toEqual(noIds());
    expect(all.symbol.size).toBe(3_500);
  });

  it('are given back while the host is not connected', async () => {
    const gone = () => Promise.reject(new Error('gone'));
    const names = new RunNames({ host: gone, dump: gone, entries: gone }, log);
    const ids = { ...noIds(), user: new Set([1n]), stacks: new Map([['stacks', new Set([1])]]) };
    expect(await names.tell(ids, 5, () => undefined)).toEqual(ids);
  });

  it('are read from whatever comes', () => {
    fc.assert(fc.property(fc.string(), (text) => void namesIn(text)));
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(40), fc.nat(40), (bytes, entries, valueBytes) => {
        expect(stacksIn({ bytes, entries, valueBytes, truncated: false }).size).toBeLessThanOrEqual(entries);
      }),
    );
    expect([...namesIn(`broken\n${PASSWD}`)]).toEqual([
      [0n, 'root'],
      [1000n, 'ann'],
    ]);
  });
});

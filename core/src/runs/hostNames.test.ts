import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namesIn, RunNames, stacksIn, type NameSource } from './hostNames.ts';

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
      asked.push(`stacks of ${map}`);
      return Promise.resolve(dumpOf([[3, [0xffffffff81000010n, 0xffffffff81000021n]]]));
    },
  };
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

  it('of a host that is not connected are numbers, and nothing waits for them', async () => {
    const gone = () => Promise.reject(new Error('gone'));
    const names = new RunNames({ host: gone, dump: gone }, log);
    names.user(0);
    names.symbol(0xffffffff81000000n);
    names.stack('stacks', 1);
    await names.ask();
    expect(names.missing).toBe(false);
    expect([names.user(0), names.symbol(0xffffffff81000000n), names.stack('stacks', 1)]).toEqual([null, null, null]);
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

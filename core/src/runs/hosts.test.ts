import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { silentLog } from '../log.ts';
import type { HostState } from '../model/index.ts';
import { noPrompter } from '../prompt.ts';
import { defaultSshOptions } from '../ssh/options.ts';
import { HostPool } from './hosts.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-pool-'));
const configFile = join(folder, 'config');
writeFileSync(configFile, 'Host silent\n  HostName 127.0.0.1\n  ProxyCommand exec sleep 60\n');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A host whose server never says a word: every attempt lasts until it is given up. */
function silentHost() {
  const states: HostState['state'][] = [];
  const hosts = new HostPool({
    ...{ resourceDir: folder, prompter: noPrompter, log: silentLog },
    ssh: () => ({ ...defaultSshOptions, configFile }),
    onState: ({ state }) => void states.push(state),
  });
  const open = () => {
    const call = new AbortController();
    return { attempt: hosts.open('silent', { signal: call.signal }), giveUp: () => call.abort() };
  };
  const begun = async (times: number): Promise<void> => {
    const begins = () => states.filter((state, i) => state === 'connecting' && states[i - 1] !== 'connecting');
    await expect.poll(() => begins().length).toBe(times);
  };
  return { hosts, states, open, begun };
}

it('whoever comes when an attempt is given up gets one of their own', async () => {
  const { states, open, begun } = silentHost();
  const first = open();
  await begun(1);
  first.giveUp();
  const second = open();
  await expect(first.attempt).rejects.toMatchObject({ code: 'cancelled' });
  await begun(2);
  // The end of the first is not told after the begin of the second.
  expect(states.at(-1)).not.toBe('disconnected');
  second.giveUp();
  await expect(second.attempt).rejects.toMatchObject({ code: 'cancelled' });
  expect(states.at(-1)).toBe('disconnected');
});

it('whoever comes after a disconnect does, too', async () => {
  const { hosts, open, begun } = silentHost();
  const first = open();
  await begun(1);
  const gone = hosts.disconnect('silent');
  const second = open();
  await gone;
  await expect(first.attempt).rejects.toMatchObject({ code: 'cancelled' });
  await begun(2);
  second.giveUp();
  await expect(second.attempt).rejects.toMatchObject({ code: 'cancelled' });
});

it('callers at the same moment share one attempt, also where nobody can be asked', async () => {
  const { open, begun } = silentHost();
  const [first, second, third] = [open(), open(), open()];
  await begun(1);
  first.giveUp();
  await expect(first.attempt).rejects.toMatchObject({ code: 'cancelled' });
  second.giveUp();
  await expect(second.attempt).rejects.toMatchObject({ code: 'cancelled' });
  await begun(1);
  const waits = Promise.resolve('waits');
  expect(await Promise.race([third.attempt, waits])).toBe('waits');
  third.giveUp();
  await expect(third.attempt).rejects.toMatchObject({ code: 'cancelled' });
});

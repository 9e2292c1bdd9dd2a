import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { silentLog } from '../log.ts';
import type { HostState } from '../model/index.ts';
import { noPrompter } from '../prompt.ts';
import { defaultSshOptions } from '../ssh/options.ts';
import { HostPool } from './hosts.ts';

const empty = mkdtempSync(join(tmpdir(), 'ringside-pool-'));
afterAll(() => rmSync(empty, { recursive: true, force: true }));

/** Of a product without agents: an attempt that nobody gives up ends with agent-missing. */
function pool() {
  const states: HostState['state'][] = [];
  const prompter = { ...noPrompter };
  const onState = ({ state }: HostState): void => void states.push(state);
  return {
    states,
    hosts: new HostPool({ resourceDir: empty, ssh: () => defaultSshOptions, prompter, log: silentLog, onState }),
  };
}

it('whoever comes after an attempt was given up gets one of their own', async () => {
  const { hosts, states } = pool();
  const leaving = new AbortController();
  const left = hosts.open('local', { signal: leaving.signal });
  leaving.abort();
  const next = hosts.open('local');
  await expect(left).rejects.toMatchObject({ code: 'cancelled' });
  await expect(next).rejects.toMatchObject({ code: 'agent-missing' });
  // The first one's end is not told after the second has begun.
  expect(states).toEqual(['connecting', 'disconnected', 'connecting', 'disconnected']);
});

it('a disconnect in between does not end the next attempt', async () => {
  const { hosts } = pool();
  const first = hosts.open('local');
  const gone = hosts.disconnect('local');
  const next = hosts.open('local');
  await gone;
  await expect(first).rejects.toMatchObject({ code: 'cancelled' });
  await expect(next).rejects.toMatchObject({ code: 'agent-missing' });
});

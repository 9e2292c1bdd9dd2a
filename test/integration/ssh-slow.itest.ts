/**
 * 200 ms of latency and 1 % loss, by a relay in user space that delays every byte, holds up all that comes after a lost
 * segment for a round trip, and lets a limited rate through: not every kernel has netem.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployAgent, type AgentProcess } from '../../core/src/deploy/index.ts';
import { silentLog } from '../../core/src/log.ts';
import type { RunSummary } from '../../core/src/model/index.ts';
import { createEngine } from '../../core/src/runs/engine.ts';
import { defaultSshOptions, openTransport, type SshOptions, type Transport } from '../../core/src/ssh/index.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { root } from './support/cli.ts';
import { plainSpec } from './support/engine.ts';
import { startRelay, type Relay } from './support/relay.ts';
import { failure, magic, nobody, stubAgent, take, type StubResources } from './ssh-fixtures.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ringside-slow-'));
const folder = `/var/lib/ringside-slow-${process.pid}`;
let sshd: TestSshd;
let relay: Relay;
let stub: StubResources;
let ssh: SshOptions;

beforeAll(async () => {
  sshd = await startSshd({ config: [`SetEnv HOME=${scratch}`] });
  relay = await startRelay(sshd.port, { delayMs: 100, loss: 0.01, rate: 1_000_000 });
  stub = stubAgent(`slow ${process.pid}`);
  const configFile = join(scratch, 'config');
  const text = readFileSync(sshd.configFile, 'utf8');
  writeFileSync(configFile, text.replace(/^ {2}Port .*/gm, `  Port ${relay.port}\n  HostKeyAlias slow`));
  const knownHostsFile = join(scratch, 'known_hosts');
  writeFileSync(knownHostsFile, readFileSync(sshd.knownHostsFile, 'utf8').replace(/^\[.*?\]:\d+/gm, 'slow'));
  ssh = { ...defaultSshOptions, configFile, knownHostsFile };
});
afterAll(async () => {
  relay.close();
  await sshd.stop();
  stub.remove();
  for (const path of [scratch, folder]) rmSync(path, { recursive: true, force: true });
});

describe.concurrent('200 ms of latency and 1 % loss (by a relay in user space)', () => {
  it('an upload shows how far it is, is cancelled in the middle, and goes on from there', async () => {
    const open: Transport[] = [];
    const deploy = async (seen: number[], signal?: AbortSignal, stop?: () => void): Promise<AgentProcess> => {
      const transport = await openTransport(sshd.alias, ssh, nobody, silentLog);
      open.push(transport);
      return deployAgent(transport, {
        ...{ ssh, prompter: nobody, log: silentLog, folders: [folder], resourceDir: stub.resourceDir },
        ...(signal && { signal }),
        progress: ({ done }) => {
          if (done === undefined) return;
          seen.push(done);
          if (done > 0) stop?.();
        },
      });
    };
    try {
      const cancel = new AbortController();
      const first: number[] = [];
      const error = await failure(deploy(first, cancel.signal, () => cancel.abort()));
      expect(error.code).toBe('cancelled');
      expect(first[0]).toBe(0);
      const part = `.part.${stub.sha256}`;
      await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).toEqual([part]);
      const second: number[] = [];
      const agent = await deploy(second);
      expect(second[0]).toBeGreaterThan(0);
      expect(second).toEqual([...second].sort((a, b) => a - b));
      expect((await take(agent.channel.stdout, magic.length)).equals(magic)).toBe(true);
      agent.channel.stdin.end();
      expect(await agent.channel.exit).toEqual({ code: 0, signal: null });
    } finally {
      for (const transport of open) transport.dispose();
    }
  });

  it('a host gets ready, a run shows its events and ends, another is cancelled while it is made', async () => {
    const before = bpfState();
    const engine = createEngine({
      ...{ resourceDir: join(root, 'dist'), cacheDir: join(scratch, 'cache'), compilerPath: '', prompter: nobody, ssh },
    });
    const commands = setInterval(() => spawnSync('/bin/true'), 100);
    try {
      // Past the slow way: the agent that is installed already is started over it.
      const direct = { ...defaultSshOptions, configFile: sshd.configFile };
      const near = createEngine({
        ...{ resourceDir: join(root, 'dist'), cacheDir: join(scratch, 'cache'), compilerPath: '' },
        ...{ prompter: nobody, ssh: direct },
      });
      await near.connect(sshd.alias);
      await near.dispose();
      expect((await engine.connect(sshd.alias)).state).toBe('ready');
      const spec = { ...plainSpec, file: join(root, 'bpf-snippets', 'execsnoop', 'execsnoop.bpf.c') };
      const seen = (run: RunSummary): number => run.ledger.streams.reduce((sum, stream) => sum + stream.shown, 0);
      const events = new Promise<void>((resolve) => {
        engine.on('run', (run) => seen(run) >= 3 && resolve());
      });
      const run = await engine.attach({ ...spec, hosts: [sshd.alias], emitEvents: false });
      await events;
      await engine.detach(run.id);
      const cancel = new AbortController();
      const states: string[] = [];
      engine.on('run', (run) => {
        states.push(run.state);
        if (run.state === 'loading') cancel.abort();
      });
      const attach = engine.attach({ ...spec, hosts: [sshd.alias], emitEvents: false }, { signal: cancel.signal });
      expect((await failure(attach)).code).toBe('cancelled');
      expect(states).toContain('loading');
    } finally {
      clearInterval(commands);
      await engine.dispose();
    }
    expect(await settled(before, 10_000)).toEqual(nothing);
  });
});

/**
 * The connection is cut at every step from the first byte to the first answer of the agent. After each cut: a code that says
 * so, nothing of ours runs there, and the next deploy works. Where exactly is drawn by lot; the seed is printed.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AgentClient } from '../../core/src/agent/client.ts';
import { deployAgent, type AgentProcess } from '../../core/src/deploy/index.ts';
import type { RingsideError } from '../../core/src/errors.ts';
import { silentLog } from '../../core/src/log.ts';
import { defaultSshOptions, openTransport, type SshOptions, type Transport } from '../../core/src/ssh/index.ts';
import { Turns } from '../../core/src/turns.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { root } from './support/cli.ts';
import { startRelay, type Relay } from './support/relay.ts';
import { failure, nobody } from './ssh-fixtures.ts';

const ways = ['ssh2', 'openssh'] as const;
type Way = (typeof ways)[number];

const scratch = mkdtempSync(join(tmpdir(), 'ringside-cuts-'));
const seed = Number(process.env['RINGSIDE_SEED'] ?? Date.now() % 1_000_000);
const rows: string[] = [];
let sshd: TestSshd;
let direct: Transport;
let folders = 0;

beforeAll(async () => {
  // What root's rc file does is not looked at here.
  sshd = await startSshd({ config: [`SetEnv HOME=${scratch}`] });
  direct = await openTransport(sshd.alias, { ...defaultSshOptions, configFile: sshd.configFile }, nobody, silentLog);
});
afterAll(async () => {
  direct.dispose();
  await sshd.stop();
  rmSync(scratch, { recursive: true, force: true });
  console.log(`seed ${seed}\n${rows.join('\n')}`);
});

/** Root's folder for agents of one exchange alone. */
function newFolder(): string {
  const folder = `/var/lib/ringside-cuts-${process.pid}-${folders++}`;
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

function deploy(transport: Transport, folder: string, onStep: (step: string) => void): Promise<AgentProcess> {
  let thirds = 0;
  return deployAgent(transport, {
    ...{ ssh: defaultSshOptions, prompter: nobody, log: silentLog, folders: [folder], resourceDir: join(root, 'dist') },
    onState: onStep,
    progress: ({ done, total }) => {
      if (done === undefined || total === undefined || done * 3 < total * thirds) return;
      onStep(['upload, begin', 'upload, middle', 'upload, end', 'check'][thirds++] ?? 'check');
    },
  });
}

/** Everything up to the agent's first answer, then the end. `onStep` is told what begins. */
async function exchange(way: Way, port: number, folder: string, onStep: (step: string) => void): Promise<void> {
  const configFile = join(scratch, `config_${port}`);
  const text = readFileSync(sshd.configFile, 'utf8');
  writeFileSync(configFile, text.replace(/^ {2}Port .*/gm, `  Port ${port}\n  HostKeyAlias cut\n  LogLevel ERROR`));
  const knownHostsFile = join(scratch, 'known_hosts');
  writeFileSync(knownHostsFile, readFileSync(sshd.knownHostsFile, 'utf8').replace(/^\[.*?\]:\d+/gm, 'cut'));
  const options: SshOptions = { ...defaultSshOptions, configFile, knownHostsFile, transport: way };
  const transport = await openTransport(sshd.alias, options, nobody, silentLog, { onState: onStep });
  try {
    const { channel } = await deploy(transport, folder, onStep);
    onStep('handshake');
    const agent = await AgentClient.start(channel, { log: silentLog });
    onStep('first call');
    await agent.request({ case: 'getHostFacts', value: {} }, 'hostFacts');
    onStep('done');
    await agent.close();
  } finally {
    transport.dispose();
  }
}

/** Pids of what has this folder in its command line: agents of it, and scripts that would make one. */
function runningFrom(folder: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return false;
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(folder);
    } catch {
      return false;
    }
  });
}

/** The bytes of a whole exchange at the begin of each of its steps. */
interface Mark {
  step: string;
  up: number;
  down: number;
}

async function marksOf(way: Way): Promise<Mark[]> {
  const folder = newFolder();
  const relay = await startRelay(sshd.port);
  const marks: Mark[] = [{ step: 'connecting', up: 0, down: 0 }];
  try {
    await exchange(way, relay.port, folder, (step) => marks.push({ step, up: relay.up(), down: relay.down() }));
  } finally {
    relay.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return marks;
}

/** At the moment when the step begins, or within it. */
interface Cut {
  step: string;
  within?: { side: 'up' | 'down'; bytes: number };
}

/** Two cuts for each step; the one within it on the side and after as many bytes as the lot says. */
function cuts(marks: readonly Mark[], random: () => number): Cut[] {
  return marks.slice(0, -1).flatMap((mark, index): Cut[] => {
    const next = marks[index + 1]!;
    // Before the first byte there is nothing to cut.
    const atBegin = mark.up + mark.down === 0 ? [] : [{ step: mark.step }];
    const sides = (['up', 'down'] as const).filter((side) => next[side] > mark[side]);
    const side = sides[Math.floor(random() * sides.length)];
    if (side === undefined) return atBegin;
    const bytes = mark[side] + 1 + Math.floor(random() * (next[side] - mark[side]));
    return [...atBegin, { step: mark.step, within: { side, bytes } }];
  });
}

function relayFor({ within }: Cut): Promise<Relay> {
  if (within === undefined) return startRelay(sshd.port);
  return startRelay(sshd.port, within.side === 'up' ? { cutUp: within.bytes } : { cutDown: within.bytes });
}

async function tryCut(way: Way, cut: Cut): Promise<void> {
  const { step, within } = cut;
  const folder = newFolder();
  const relay = await relayFor(cut);
  try {
    const steps = ['connecting'];
    const attempt = exchange(way, relay.port, folder, (begun) => {
      steps.push(begun);
      if (within === undefined && begun === step) relay.cut();
    });
    const ended = await Promise.allSettled([attempt]);
    const at = within === undefined ? 'as it begins' : `after ${within.bytes} bytes ${within.side}`;
    const where = `${way}, ${step}: cut ${at}`;
    let error: RingsideError | undefined;
    if (ended[0].status === 'rejected') error = await failure(attempt);
    // How much a step takes differs by a packet or two: the byte to cut at may never have come.
    else if (within === undefined) throw new Error(`${where}: it was not cut, after ${steps.join(', ')}`);
    else expect(relay[within.side](), where).toBeLessThanOrEqual(within.bytes);
    rows.push(
      [where.padEnd(58), (error?.code ?? 'ok').padEnd(18), `in ${steps.at(-1)}`.padEnd(18), error?.remedy ?? ''].join(
        ' ',
      ),
    );
    if (error) {
      expect(['host-lost', 'host-unreachable'], `${where}: ${error.code} ${error.message}`).toContain(error.code);
      expect(error.remedy, where).not.toBe('');
    }
    await expect.poll(() => runningFrom(folder), { timeout: 20_000, message: where }).toEqual([]);
    const left = readdirSync(folder).filter((name) => !/^(\.part\.)?[0-9a-f]{64}$/.test(name));
    expect(left, where).toEqual([]);
    const { channel } = await deploy(direct, folder, () => undefined);
    const agent = await AgentClient.start(channel, { log: silentLog });
    await agent.close();
    expect(readdirSync(folder), where).toHaveLength(1);
  } finally {
    relay.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

it.each(ways)(
  'a connection that is cut at any step ends with a code, and leaves nothing behind (%s)',
  async (way) => {
    const marks = await marksOf(way);
    let state = seed;
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const all = cuts(marks, random);
    expect(all.length).toBeGreaterThanOrEqual(15);
    const turns = new Turns(4);
    const results = await Promise.allSettled(all.map((cut) => turns.take(() => tryCut(way, cut))));
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
    expect(failed.map(({ message }) => message)).toEqual([]);
  },
  120_000,
);

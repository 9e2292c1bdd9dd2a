/** From nothing to a ready host, the upload of the agent against scp, and twenty hosts at once. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SshOptions } from '../../core/src/rpc/client.ts';
import type { TestSshd } from '../hosts/sshd.ts';
import { benchEngine, benchHost, dist, run, sshArguments, type BenchHost } from './environment.ts';
import type { Measured } from './figure.ts';
import type { Bench } from './main.ts';
import { manyHosts } from './manyHosts.ts';
import { uploadRates } from './uploadRate.ts';

const ROUNDS = 7;
export const ways = ['ssh2', 'openssh'] as const;
export type Way = (typeof ways)[number];

export const connectBench: Bench = {
  summary: 'time until a host is ready, upload of the agent against scp, twenty hosts at once',
  async run(say) {
    const dir = await mkdtemp(join(tmpdir(), 'ringside-bench-'));
    // What root's .bashrc does is neither ours nor scp's: sshd gives this empty folder as the home.
    const host = await benchHost({ config: [`SetEnv HOME=${dir}`, 'Subsystem sftp internal-sftp'] });
    try {
      return [
        ...(await readyTimes(host, dir, say)),
        ...(await uploadRates(host, dir, say)),
        ...(await manyHosts(dir, say)),
      ];
    } finally {
      await host.stop();
      await rm(dir, { recursive: true, force: true });
    }
  },
};

/** `ringside agent remove`: the next connect installs. */
export async function removeAgent(host: BenchHost): Promise<void> {
  const arguments_ = ['agent', 'remove', host.name, '--accept-new-host-key', ...sshArguments(host.sshd)];
  await run(process.execPath, [join(dist, 'cli.js'), ...arguments_]);
}

/** Milliseconds that scp takes, as a person types it; `more` are further options. */
export async function scpMs(sshd: TestSshd, from: string, to: string, more: string[] = []): Promise<number> {
  const begin = performance.now();
  await run('scp', ['-q', ...more, '-F', sshd.configFile, from, `${sshd.alias}:${to}`]);
  return performance.now() - begin;
}

async function readyTimes({ sshd, ...host }: BenchHost, dir: string, say: (text: string) => void): Promise<Measured[]> {
  const agent = join(dist, 'agents', 'x86_64', 'ringside-agent');
  const warm: Record<Way, number[]> = { ssh2: [], openssh: [] };
  const first: Record<Way, number[]> = { ssh2: [], openssh: [] };
  const scp: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    for (const way of ways) {
      await removeAgent({ sshd, ...host });
      first[way].push(await readyMs(sshd, host.name, { transport: way }));
      warm[way].push(await readyMs(sshd, host.name, { transport: way }));
      say(`${way}: ready in ${warm[way].at(-1)!.toFixed(0)} ms, with the install ${first[way].at(-1)!.toFixed(0)} ms`);
    }
    scp.push(await scpMs(sshd, agent, join(dir, 'agent')));
    say(`scp ${scp.at(-1)!.toFixed(0)} ms`);
  }
  const bytes = (await stat(agent)).size;
  return ways.flatMap((way): Measured[] => [
    {
      figure: named('connect_to_ready_ms', way),
      ...{ unit: 'ms', better: 'lower', samples: warm[way], goal: 600 },
      note: `${way}; start of the engine, ssh, login, check of the installed agent, its start, host facts`,
    },
    {
      figure: named('first_install_to_ready_ms', way),
      ...{ unit: 'ms', better: 'lower', samples: first[way] },
      peer: { name: 'scp of the same file alone', samples: scp },
      note: `${way}; all of the above and the upload of ${bytes} bytes, synced and hashed on the host`,
    },
  ]);
}

/** ssh2 is the way that is taken by itself: its figures have the plain names. */
export const named = (figure: string, way: Way): string => (way === 'ssh2' ? figure : `${figure}_${way}`);

async function readyMs(sshd: TestSshd, name: string, ssh: Partial<SshOptions>): Promise<number> {
  const begin = performance.now();
  const engine = await benchEngine(sshd, { ssh });
  try {
    await engine.connect(name);
    return performance.now() - begin;
  } finally {
    await engine.dispose();
  }
}

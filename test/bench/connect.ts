/** From nothing to a ready host, and the upload of the agent against scp. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchEngine, benchHost, dist, run, sshArguments } from './environment.ts';
import type { Bench } from './main.ts';

const ROUNDS = 7;

export const connectBench: Bench = {
  summary: 'time until a host is ready, first install against scp',
  async run(say) {
    const host = await benchHost();
    const dir = await mkdtemp(join(tmpdir(), 'ringside-bench-'));
    const agent = join(dist, 'agents', 'x86_64', 'ringside-agent');
    try {
      const warm: number[] = [];
      const install: number[] = [];
      const scp: number[] = [];
      for (let i = 0; i < ROUNDS; i++) {
        await run(process.execPath, [
          join(dist, 'cli.js'),
          'agent',
          'remove',
          host.name,
          '--accept-new-host-key',
          ...sshArguments(host.sshd),
        ]);
        install.push(await connectMs(host.sshd, host.name));
        warm.push(await connectMs(host.sshd, host.name));
        const begin = performance.now();
        await run('scp', [
          '-O',
          '-q',
          '-P',
          String(host.sshd.port),
          '-i',
          host.sshd.identityFile,
          '-o',
          `UserKnownHostsFile=${host.sshd.knownHostsFile}`,
          '-o',
          'StrictHostKeyChecking=no',
          agent,
          `root@127.0.0.1:${join(dir, 'agent')}`,
        ]);
        scp.push(performance.now() - begin);
        say(
          `warm ${warm.at(-1)!.toFixed(0)} ms, first ${install.at(-1)!.toFixed(0)} ms, scp ${scp.at(-1)!.toFixed(0)} ms`,
        );
      }
      const bytes = (await stat(agent)).size;
      return [
        {
          figure: 'connect_to_ready_ms',
          unit: 'ms',
          better: 'lower',
          samples: warm,
          note: 'ssh, check of the installed agent, its start, host facts',
        },
        {
          figure: 'first_install_to_ready_ms',
          unit: 'ms',
          better: 'lower',
          samples: install,
          peer: { name: 'scp of the same file alone', samples: scp },
          note: `upload of ${bytes} bytes included`,
        },
      ];
    } finally {
      await rm(dir, { recursive: true, force: true });
      await host.stop();
    }
  },
};

async function connectMs(sshd: Parameters<typeof benchEngine>[0], name: string): Promise<number> {
  const engine = await benchEngine(sshd);
  try {
    const begin = performance.now();
    await engine.connect(name);
    return performance.now() - begin;
  } finally {
    await engine.dispose();
  }
}

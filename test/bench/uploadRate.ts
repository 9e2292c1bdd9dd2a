/** Bytes per second of the agent's upload and of scp, on a file that is large enough to tell the rate from the start. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { machine } from 'node:os';
import { join } from 'node:path';
import { named, removeAgent, scpMs, ways, type Way } from './connect.ts';
import { benchEngine, dist, sleep, type BenchHost } from './environment.ts';
import type { Measured } from './figure.ts';

const ROUNDS = 5;
const PADDING = 64 << 20;
/** Where root's agent is kept (core/src/deploy/scripts.ts). */
const folder = '/var/lib/ringside';

interface Padded {
  resourceDir: string;
  file: string;
  bytes: number;
}

export async function uploadRates(host: BenchHost, dir: string, say: (text: string) => void): Promise<Measured[]> {
  const padded = await paddedAgent(dir);
  const empty = join(dir, 'empty');
  await writeFile(empty, '');
  const ours: Record<Way, number[]> = { ssh2: [], openssh: [] };
  const scp: number[] = [];
  const rate = (ms: number): number => padded.bytes / 1e3 / ms;
  for (let i = 0; i < ROUNDS; i++) {
    for (const way of ways) {
      await removeAgent(host);
      ours[way].push(rate(await uploadMs(host, padded, way)));
    }
    // As it comes, and by the old protocol, which is quicker here: the better one counts.
    const whole: number[] = [];
    for (const protocol of [[], ['-O']])
      whole.push(
        (await scpMs(host.sshd, padded.file, join(dir, 'copy'), protocol)) -
          (await scpMs(host.sshd, empty, join(dir, 'copy'), protocol)),
      );
    scp.push(rate(Math.min(...whole)));
    const [ssh2, openssh, other] = [ours.ssh2, ours.openssh, scp].map((rates) => rates.at(-1)!.toFixed(0));
    say(`upload: ssh2 ${ssh2} MB/s, openssh ${openssh} MB/s, scp ${other} MB/s`);
  }
  await removeAgent(host);
  return ways.map((way) => ({
    figure: named('upload_vs_scp', way),
    ...{ unit: 'MB/s', better: 'higher', samples: ours[way], goalRatio: 0.8 },
    peer: { name: 'scp (the better of sftp and -O), without its start', samples: scp },
    note: `${way}; an agent of ${padded.bytes} bytes, from the first byte until the host's file is complete`,
  }));
}

/** The product with an agent that has bytes behind its end, which no compression makes fewer. */
async function paddedAgent(dir: string): Promise<Padded> {
  const resourceDir = join(dir, 'padded');
  const agents = join(resourceDir, 'agents');
  await mkdir(agents, { recursive: true });
  for (const name of await readdir(dist))
    if (name !== 'agents') await symlink(join(dist, name), join(resourceDir, name));
  const agent = await readFile(join(dist, 'agents', machine(), 'ringside-agent'));
  const content = Buffer.concat([agent, randomBytes(PADDING)]);
  const file = join(agents, 'padded');
  await writeFile(file, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const entry = { file: 'padded', sha256, bytes: content.length };
  await writeFile(join(agents, 'manifest.json'), JSON.stringify({ version: 'bench', agents: { [machine()]: entry } }));
  return { resourceDir, file, bytes: content.length };
}

/** Milliseconds from the first byte until the file on the host has all of them. */
async function uploadMs({ sshd, name }: BenchHost, padded: Padded, way: Way): Promise<number> {
  const engine = await benchEngine(sshd, { resourceDir: padded.resourceDir, ssh: { transport: way } });
  try {
    let begin: (time: number) => void = () => undefined;
    const begun = new Promise<number>((resolve) => (begin = resolve));
    const ready = engine.connect(name, { progress: ({ done }) => done === 0 && begin(performance.now()) });
    const from = await Promise.race([begun, ready.then(() => Promise.reject(new Error('nothing was uploaded')))]);
    const arrived = await arrival(padded.bytes);
    await ready;
    return arrived - from;
  } finally {
    await engine.dispose();
  }
}

async function arrival(bytes: number): Promise<number> {
  const end = performance.now() + 60_000;
  while (performance.now() < end) {
    const now = performance.now();
    const parts = (await readdir(folder)).filter((entry) => entry.startsWith('.new.'));
    for (const part of parts) {
      const file = await stat(join(folder, part, 'ringside-agent')).catch(() => undefined);
      if (file?.size === bytes) return now;
    }
    await sleep(3); // often enough for half a second, and seldom enough not to take a CPU from the upload
  }
  throw new Error('the upload was not seen to arrive');
}

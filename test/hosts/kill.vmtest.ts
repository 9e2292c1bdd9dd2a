/**
 * The kill matrix on an old and on a new kernel: what this machine's own cannot attach (kprobes, fentry, security hooks),
 * and what an old one has no links for. Both machines at once.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeCache } from '../integration/support/cli.ts';
import { faults } from './kill/faults.ts';
import { byTracing, everywhere, newer, NETKIT, type Kind } from './kill/kinds.ts';
import { buildCensus, buildLeftovers, KillMatrix, type Host } from './kill/matrix.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine, type Machine } from './vm/machine.ts';

/** An emulated machine is slow: the tenth of the lease that is kept for detaching has to be enough for it, too. */
const LEASE_MS = 15_000;
const MINUTES = 60_000;

const kernels: { name: string; kinds: Kind[]; append: string[]; prepare: string }[] = [
  {
    name: '5.10',
    kinds: [...everywhere, ...byTracing],
    // Debian's 5.10 knows BPF as a security module and does not start it.
    append: ['lsm=lockdown,capability,yama,apparmor,bpf'],
    prepare: 'true',
  },
  {
    name: '7.3',
    kinds: [...everywhere, ...byTracing, ...newer],
    append: [],
    prepare: `ip link add ${NETKIT} type netkit; ip link set ${NETKIT} up`,
  },
];

let object: string;
let census: string;
beforeAll(async () => {
  [object, census] = await Promise.all([buildLeftovers(), buildCensus()]);
  await fetchKernels(kernels.map(({ name }) => ({ name, arch: 'amd64' })));
}, 10 * MINUTES);
afterAll(removeCache);

describe.concurrent.each(kernels)('nothing is left on Linux $name', ({ name, kinds, append, prepare }) => {
  let machine: Machine | undefined;
  let matrix: KillMatrix;

  const pids = async (comm: string): Promise<number[]> =>
    (await machine!.ssh(`pgrep -x ${comm} || true`)).split('\n').filter(Boolean).map(Number);

  const hostOf = (running: Machine): Host => ({
    name: `Linux ${running.kernel.release}`,
    kinds,
    leaseMs: LEASE_MS,
    folder: '/run/kill',
    sh: (command) => running.ssh(command),
    victims: async () => ({
      workers: await pids('ringside-agent'),
      supervisors: await pids('ringside-superv'),
      cut: 'ip link set eth0 down',
      mend: 'ip link set eth0 up; ip route add default via 10.0.2.2',
    }),
    client: () => ({
      args: ['--host', 'vm-root', '--ssh-config', running.configFile, '--known-hosts', running.knownHostsFile],
    }),
  });

  beforeAll(async () => {
    const [kernel] = await fetchKernels([{ name, arch: 'amd64' }]);
    machine = await startMachine(kernel!, { append });
    await machine.ssh(`mkdir /run/kill; ${prepare}`);
    await machine.put(census, '/run/kill/census');
    matrix = new KillMatrix(hostOf(machine), object);
    await matrix.setUp();
  }, 10 * MINUTES);
  afterAll(async () => {
    console.log(`\n${matrix.printed().text}\n`);
    await machine?.stop();
  });

  // One after the other on a machine, the machines beside each other.
  it(
    'whatever dies or stops, within the lease',
    async () => {
      for (const fault of faults) await matrix.strike(fault);
      expect(matrix.printed().faults).toEqual(faults.map((fault) => fault.name));
    },
    15 * MINUTES,
  );
});

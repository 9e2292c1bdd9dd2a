/**
 * `npm run test:corpus -- FOLDER… [--host HOST | --vm KERNEL] [--seconds N] [--only PATTERN] [--json] [--strict]`: tries
 * every BPF program of the folders on a host and says for each whether it builds, loads, attaches and delivers, or why
 * not. Exit status 0 whatever the programs do; 1 for a failure of the tool, or with --strict when one does not get there.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { noPrompter } from '../../core/src/prompt.ts';
import { createEngine } from '../../core/src/runs/engine.ts';
import { defaultSshOptions, type SshOptions } from '../../core/src/ssh/options.ts';
import { fetchKernels } from '../hosts/vm/fetch.ts';
import { startMachine, type Machine } from '../hosts/vm/machine.ts';
import { run, sh, type Kernel } from '../hosts/vm/paths.ts';
import { corpusFiles } from './files.ts';
import { localShell, preparePlace, sshShell, type Shell } from './place.ts';
import { fileLines, summarize, summaryLines } from './report.ts';
import { tryFile, type FileResult } from './tryFile.ts';

const root = process.env['RINGSIDE_ROOT'] ?? process.cwd();

const options = {
  host: { type: 'string' },
  vm: { type: 'string' },
  arch: { type: 'string' },
  'ssh-config': { type: 'string' },
  seconds: { type: 'string' },
  only: { type: 'string' },
  json: { type: 'boolean' },
  strict: { type: 'boolean' },
} as const;

interface Host {
  shell: Shell;
  ssh: Partial<SshOptions>;
  /** A virtual machine is that much slower. */
  patience: number;
  stop(): Promise<void>;
}

async function openHost(values: { host?: string; vm?: string; arch?: string; 'ssh-config'?: string }): Promise<Host> {
  if (values.vm !== undefined) return openMachine(values.vm, values.arch === 'arm64' ? 'arm64' : 'amd64');
  const host = values.host ?? 'local';
  const nothing = (): Promise<void> => Promise.resolve();
  if (host === 'local') return { shell: localShell, ssh: {}, patience: 1, stop: nothing };
  const config = values['ssh-config'];
  const ssh = config === undefined ? {} : { configFile: resolve(config) };
  return { shell: sshShell(host, config === undefined ? [] : ['-F', config]), ssh, patience: 2, stop: nothing };
}

async function openMachine(name: string, arch: 'amd64' | 'arm64'): Promise<Host> {
  const [kernel] = await fetchKernels([{ name, arch }]);
  const machine = await startMachine(kernel!);
  await loadModules(kernel!, machine).catch((error: unknown) =>
    process.stderr.write(`no veth there: ${String(error)}\n`),
  );
  const { configFile, knownHostsFile, identityFile } = machine;
  return {
    shell: sshShell('vm-root', ['-F', configFile]),
    ssh: { configFile, knownHostsFile, identityFile },
    patience: 3,
    stop: () => machine.stop(),
  };
}

/** A cloud kernel has veth as a module, and the machine's initramfs holds only what it needs to be reached. */
async function loadModules(kernel: Kernel, machine: Machine): Promise<void> {
  const path = (await run('find', [kernel.dir, '-name', 'veth.ko*'])).trim().split('\n')[0];
  if (path === undefined || path === '') return;
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  const module = await sh(`${path.endsWith('.xz') ? 'xz -dc' : 'cat'} ${quoted} | gzip -9 | base64 -w 0`);
  await machine.ssh(
    `echo ${module} | base64 -d | gunzip > /tmp/veth.ko && /bin/busybox insmod /tmp/veth.ko; rm -f /tmp/veth.ko`,
  );
}

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true });
  if (positionals.length === 0) {
    process.stderr.write('Which folder? npm run test:corpus -- FOLDER… [--host HOST | --vm 6.12]\n');
    return 2;
  }
  const folders = positionals.map((p) => resolve(p));
  const files = corpusFiles(folders).filter((f) => values.only === undefined || f.path.includes(values.only));
  if (files.length === 0) {
    process.stderr.write('No BPF source (SEC("…") and a licence) and no BPF object lies there.\n');
    return 2;
  }
  const host = await openHost(values);
  const engine = createEngine({
    resourceDir: join(root, 'dist'),
    cacheDir: join(root, '.cache', 'corpus'),
    compilerPath: '',
    prompter: noPrompter,
    ssh: { ...defaultSshOptions, acceptNewHostKey: true, ...host.ssh },
  });
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const results: FileResult[] = [];
  try {
    const place = await preparePlace(host.shell, join(root, 'test', 'corpus', 'activity.c'));
    const seconds = Number(values.seconds ?? 2) * (values.seconds === undefined ? host.patience : 1);
    try {
      const { info } = await engine.connect(host.shell.host);
      if (!values.json)
        process.stdout.write(`${files.length} files on ${host.shell.host}, Linux ${info?.kernel ?? '?'}\n`);
      for (const file of files) {
        if (interrupted.signal.aborted) break;
        const result = await tryFile(file, { engine, place, seconds, stepMs: 30_000 * host.patience });
        results.push(result);
        process.stdout.write(
          `${values.json ? JSON.stringify({ type: 'file', ...result }) : fileLines(result, folders[0]!)}\n`,
        );
      }
    } finally {
      await place.stop();
    }
  } finally {
    await engine.dispose();
    await host.stop();
  }
  const summary = summarize(results);
  process.stdout.write(
    values.json ? `${JSON.stringify({ type: 'summary', ...summary })}\n` : `${summaryLines(summary)}\n`,
  );
  const reached = summary.builds === summary.files && summary.delivers + summary.variants === summary.programs;
  return values.strict && !reached ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);

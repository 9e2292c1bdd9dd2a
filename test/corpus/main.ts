/**
 * `npm run test:corpus -- FOLDER…`: tries every BPF program of the folders on a host and says for each whether it builds,
 * loads, attaches and delivers, or why not.
 */
import { setMaxListeners } from 'node:events';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { RingsideError } from '../../core/src/errors.ts';
import { noPrompter } from '../../core/src/prompt.ts';
import { createEngine } from '../../core/src/runs/engine.ts';
import { defaultSshOptions, type SshOptions } from '../../core/src/ssh/options.ts';
import { fetchKernels } from '../hosts/vm/fetch.ts';
import { startMachine, type Machine } from '../hosts/vm/machine.ts';
import { run, sh, type Kernel } from '../hosts/vm/paths.ts';
import { examine, examinedLines, isClean, partNames, type Examined, type Part } from './examine.ts';
import { commonFolder, corpusFiles, shortName, type Corpus } from './files.ts';
import { localShell, preparePlace, sshShell, type Shell } from './place.ts';
import { fileLines, heading, summarize, summaryLines } from './report.ts';
import { tryFile, type FileResult, type TryOptions } from './tryFile.ts';

const root = process.env['RINGSIDE_ROOT'] ?? process.cwd();

const usage = `npm run test:corpus -- FOLDER|FILE… [options]

Tries every BPF program of the folders (sources with SEC("…"), objects) on a host: does it build, load, attach, deliver?
If not, the exact reason. Our figures of each verdict are compared with the last lines of its own log. Nothing is changed in the folders, and nothing is left on the host.

Three tables follow. Headers: do our vmlinux.h and bpftool's make the same layouts and instructions of each program? Editor: what does
the language server say of each source, and is it a false alarm, because the host runs it? Records: what does each ring and perf
buffer carry, how is that known, and is it what a person read in the source (test/corpus/records.expected.json)?

  --host HOST          a host of ~/.ssh/config, or local (the default; needs root)
  --ssh-config FILE    instead of ~/.ssh/config
  --vm KERNEL          a virtual machine with a Debian kernel: 5.10, 6.1, 6.12 or 7.3
  --arch arm64         of the machine; amd64 is the default
  --only TEXT          only files whose path holds the text
  --load-only          build and load, attach nothing
  --seconds N          activity while a file is attached; 2 by default, more on slower hosts
  --step-seconds N     most that a step of one file may take; 30 by default, more on slower hosts and for long objects
  --without LIST       leaves tables out: headers, editor, records
  --json               a line of JSON for the corpus, for each file, for the sums, and for the tables
  --strict             exit status 1 unless every program delivers (with --load-only: loads), all figures are the log's, and
                       no table has a difference, a false alarm, or a record type that is not right

Exit status: 0 the folders were tried, whatever came of it; 1 the tool failed, or --strict; 2 wrong use, or no BPF program
there; 130 interrupted.
`;

const options = {
  help: { type: 'boolean', short: 'h' },
  host: { type: 'string' },
  vm: { type: 'string' },
  arch: { type: 'string' },
  'ssh-config': { type: 'string' },
  seconds: { type: 'string' },
  only: { type: 'string' },
  'load-only': { type: 'boolean' },
  'step-seconds': { type: 'string' },
  without: { type: 'string' },
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
    process.stderr.write(`drivers are missing there: ${String(error)}\n`),
  );
  const { configFile, knownHostsFile, identityFile } = machine;
  return {
    shell: sshShell('vm-root', ['-F', configFile]),
    ssh: { configFile, knownHostsFile, identityFile },
    patience: 3,
    stop: () => machine.stop(),
  };
}

/** Drivers that a cloud kernel has as modules: the machine's initramfs holds only what it needs to be reached. */
const MODULES = ['veth', 'loop'];

async function loadModules(kernel: Kernel, machine: Machine): Promise<void> {
  for (const name of MODULES) {
    const path = (await run('find', [kernel.dir, '-name', `${name}.ko*`])).trim().split('\n')[0];
    if (path === undefined || path === '') continue;
    const quoted = `'${path.replaceAll("'", "'\\''")}'`;
    const module = await sh(`${path.endsWith('.xz') ? 'xz -dc' : 'cat'} ${quoted} | gzip -9 | base64 -w 0`);
    await machine.ssh(
      `echo ${module} | base64 -d | gunzip > /tmp/${name}.ko && /bin/busybox insmod /tmp/${name}.ko; rm -f /tmp/${name}.ko`,
    );
  }
}

class Usage extends Error {}

function readArguments(argv: string[]) {
  try {
    const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true });
    for (const name of ['seconds', 'step-seconds'] as const) {
      const value = values[name];
      if (value !== undefined && !(Number(value) > 0 && Number(value) <= 3600))
        throw new Error(`--${name} ${value}: 1 to 3600`);
    }
    const without = (values.without ?? '').split(',').filter((name) => name !== '');
    const other = without.find((name) => !(partNames as readonly string[]).includes(name));
    if (other !== undefined) throw new Error(`--without ${other}: ${partNames.join(', ')}`);
    return { values, positionals, parts: partNames.filter((name) => !without.includes(name)) };
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function readFolders(places: string[], only: string | undefined): Corpus {
  try {
    const corpus = corpusFiles(places.map((p) => resolve(p)));
    return { ...corpus, files: corpus.files.filter((f) => only === undefined || f.path.includes(only)) };
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

type Values = ReturnType<typeof readArguments>['values'];

async function main(argv: string[]): Promise<number> {
  const { values, positionals, parts } = readArguments(argv);
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (positionals.length === 0) throw new Usage(`Which folder?\n\n${usage}`);
  const corpus = readFolders(positionals, values.only);
  for (const text of corpus.unreadable) process.stderr.write(`not read: ${text}\n`);
  if (corpus.files.length === 0) {
    const bcc = corpus.bcc.length > 0 ? ` ${corpus.bcc.length} are written for BCC's own compiler.` : '';
    throw new Usage(
      `No BPF source (SEC("…")) and no BPF object lies there${values.only ? ' with that name' : ''}.${bcc}`,
    );
  }
  const interrupted = new AbortController();
  setMaxListeners(0, interrupted.signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const wasInterrupted = (): boolean => interrupted.signal.aborted;
  const { results, examined } = await onHost(values, corpus, parts, interrupted.signal);
  const summary = summarize(results);
  const loadOnly = values['load-only'] ?? false;
  process.stdout.write(
    values.json ? `${JSON.stringify({ type: 'summary', ...summary })}\n` : `${summaryLines(summary, loadOnly)}\n`,
  );
  if (examined !== null)
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ type: 'examined', ...examined })}\n`
        : `\n${examinedLines(examined, baseOf(corpus))}\n`,
    );
  if (wasInterrupted()) return 130;
  const there = loadOnly ? summary.loads : summary.delivers + summary.variants;
  const reached = summary.builds === summary.files && there === summary.programs && summary.differing === 0;
  const clean = examined === null || isClean(examined);
  return values.strict && !(reached && clean) ? 1 : 0;
}

/** `examined` is null when no table is wanted, or the run was interrupted. */
async function onHost(
  values: Values,
  corpus: Corpus,
  parts: readonly Part[],
  signal: AbortSignal,
): Promise<{ results: FileResult[]; examined: Examined | null }> {
  const host = await openHost(values);
  const interrupted = (): boolean => signal.aborted;
  const cacheDir = join(root, '.cache', 'corpus');
  const engine = createEngine({
    resourceDir: join(root, 'dist'),
    cacheDir,
    compilerPath: '',
    prompter: noPrompter,
    ssh: { ...defaultSshOptions, acceptNewHostKey: true, ...host.ssh },
  });
  try {
    const place = await preparePlace(host.shell, join(root, 'test', 'corpus', 'activity.c'));
    try {
      const { info } = await engine.connect(host.shell.host, { signal });
      begin(values, corpus, host.shell.host, info?.kernel ?? '');
      const each = { engine, place, signal, ...limits(values, host.patience) };
      const results = await tryAll(values, corpus, each);
      if (interrupted() || parts.length === 0) return { results, examined: null };
      const examined = await examine(results, { ...each, parts, host: host.shell.host, root, cacheDir });
      // Half a table would say that nothing is wrong.
      return { results, examined: interrupted() ? null : examined };
    } finally {
      await place.stop();
    }
  } finally {
    await engine.dispose();
    await host.stop();
  }
}

function limits(values: Values, patience: number) {
  return {
    seconds: values.seconds === undefined ? 2 * patience : Number(values.seconds),
    stepMs: 1000 * (values['step-seconds'] === undefined ? 30 * patience : Number(values['step-seconds'])),
    loadOnly: values['load-only'] ?? false,
  };
}

function begin(values: Values, { files, bcc, unreadable }: Corpus, host: string, kernel: string): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ type: 'corpus', host, kernel, files: files.length, bcc, unreadable })}\n`);
    return;
  }
  process.stdout.write(`${files.length} files on ${host}, Linux ${kernel}\n${heading}\n`);
  const base = baseOf({ files, bcc });
  for (const path of bcc)
    process.stdout.write(
      `- ${shortName(path, base)}  is for BCC's own compiler, not for clang and libbpf: not counted\n`,
    );
}

/** Where the names of a corpus begin. */
const baseOf = ({ files, bcc }: Pick<Corpus, 'files' | 'bcc'>): string =>
  commonFolder([...files.map((f) => f.path), ...bcc]);

async function tryAll(values: Values, { files, bcc }: Corpus, each: TryOptions): Promise<FileResult[]> {
  const base = baseOf({ files, bcc });
  const results: FileResult[] = [];
  for (const file of files) {
    if (each.signal.aborted) break;
    const result = await tryFile(file, each);
    results.push(result);
    process.stdout.write(`${values.json ? JSON.stringify({ type: 'file', ...result }) : fileLines(result, base)}\n`);
  }
  return results;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const { code, message } = RingsideError.from(error);
    if (error instanceof Usage) process.stderr.write(`${error.message.trimEnd()}\n`);
    else if (code !== 'internal') process.stderr.write(`${message} [${code}]\n`);
    else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(error instanceof Usage ? 2 : 1);
  },
);

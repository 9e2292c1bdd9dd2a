/** What typing waits for: completion, hover and diagnostics of the language server, its memory, and its reading of BTF. */
import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver-protocol/node.js';
import { Btf } from '../../core/src/bpf/index.ts';
import { localVmlinuxHeader } from '../../core/src/build/index.ts';
import { writeVmlinuxHeader } from '../../core/src/build/vmlinux.ts';
import { dist, root } from './environment.ts';
import { percentile, type Measured } from './figure.ts';
import type { Bench } from './main.ts';

const ROUNDS = 5;
const LOCAL_BTF = '/sys/kernel/btf/vmlinux';

export const lspBench: Bench = {
  summary: 'language server: completion, hover, diagnostics, memory; reading BTF and writing vmlinux.h',
  run: async (say) => [...(await server(say)), ...(await types(say))],
};

/** Lines behind which something is asked for, put before a function's first statement. */
const ASKED = ['\tstruct task_struct *asked = 0; asked->', '\tbpf_get_', '\tBPF_CORE_READ((struct task_struct *)0, '];
const SECTIONS = ['\nSEC("tp/sched/', '\nSEC("kprobe/vfs_', '\nSEC("fentry/tcp', '\nSEC("lsm/', '\nSEC("'];

interface Program {
  uri: string;
  text: string;
}

async function programs(): Promise<Program[]> {
  const folders = (await readdir(join(root, 'bpf-snippets'), { withFileTypes: true })).filter((each) =>
    each.isDirectory(),
  );
  const found: Program[] = [];
  for (const { name } of folders) {
    const path = join(root, 'bpf-snippets', name, `${name}.bpf.c`);
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text !== null) found.push({ uri: pathToFileURL(path).href, text });
  }
  return found;
}

async function server(say: (text: string) => void): Promise<Measured[]> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'ringside-bench-lsp-'));
  // The engine writes a kernel's header once; the server finds it.
  await localVmlinuxHeader(cacheDir);
  const child = spawn(process.execPath, [join(dist, 'language-server.js'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  try {
    const client = new Client(connection);
    await client.start(cacheDir);
    const all = await programs();
    for (const { uri, text } of all) await client.open(uri, text);
    say(`${all.length} programs are open`);
    const completion = await rounds(() => completions(client, all));
    const hover = await rounds(() => hovers(client, all));
    const diagnostics = await rounds(() => edits(client, all[0]!));
    const rss = await residentBytes(child);
    say(`completion ${completion.join(' ')} ms, hover ${hover.join(' ')} ms, diagnostics ${diagnostics.join(' ')} ms`);
    return [
      { figure: 'completion_p95_ms', unit: 'ms', better: 'lower', samples: completion, goal: 15 },
      { figure: 'hover_p95_ms', unit: 'ms', better: 'lower', samples: hover, goal: 10 },
      {
        figure: 'diagnostics_p95_ms',
        unit: 'ms',
        better: 'lower',
        samples: diagnostics,
        goal: 250,
        note: 'with the debounce',
      },
      {
        figure: 'rss_bytes',
        unit: 'bytes',
        better: 'lower',
        samples: [rss],
        goal: 150 * 1024 * 1024,
        note: "this kernel's BTF loaded",
      },
    ];
  } finally {
    await connection.sendRequest('shutdown').catch(() => undefined);
    await connection.sendNotification('exit').catch(() => undefined);
    connection.dispose();
    await rm(cacheDir, { recursive: true, force: true });
  }
}

/** The 95th percentile of each round. */
async function rounds(measure: () => Promise<number[]>): Promise<number[]> {
  await measure(); // indexes are made when they are first asked for
  const found: number[] = [];
  for (let i = 0; i < ROUNDS; i++) found.push(Math.round(percentile(await measure(), 95) * 100) / 100);
  return found;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function completions(client: Client, all: readonly Program[]): Promise<number[]> {
  const times: number[] = [];
  for (const { uri, text } of all) {
    const body = text.indexOf('{\n', text.lastIndexOf('SEC("t')) + 2;
    const sources = [
      ...ASKED.map((asked) => ({
        text: `${text.slice(0, body)}${asked}\n${text.slice(body)}`,
        at: body + asked.length,
      })),
      ...SECTIONS.map((asked) => ({ text: `${text}${asked}")\n`, at: text.length + asked.length })),
    ];
    for (const source of sources) {
      await client.change(uri, source.text);
      const position = positionAt(source.text, source.at);
      times.push(
        await timed(() =>
          client.connection.sendRequest('textDocument/completion', { textDocument: { uri }, position }),
        ),
      );
    }
    await client.change(uri, text);
  }
  return times;
}

async function hovers(client: Client, all: readonly Program[]): Promise<number[]> {
  const times: number[] = [];
  for (const { uri, text } of all) {
    for (const { index } of text.matchAll(/\bbpf_\w+|\bstruct (\w+)|->\w+|BPF_MAP_TYPE_\w+/g)) {
      const position = positionAt(text, index + 8);
      times.push(
        await timed(() => client.connection.sendRequest('textDocument/hover', { textDocument: { uri }, position })),
      );
    }
  }
  return times;
}

/** From a keystroke to the diagnostics of what was typed. */
async function edits(client: Client, { uri, text }: Program): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    times.push(
      await timed(async () => {
        const version = await client.change(uri, `${text}\nint typed_${i};\n`);
        await client.diagnosed(uri, version);
      }),
    );
  }
  return times;
}

function positionAt(text: string, offset: number): { line: number; character: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length - 1, character: before.at(-1)!.length };
}

class Client {
  private readonly versions = new Map<string, number>();
  private readonly published = new Map<string, number>();
  private wake: (() => void)[] = [];

  constructor(readonly connection: ProtocolConnection) {
    connection.onNotification('textDocument/publishDiagnostics', ({ uri, version }: PublishDiagnosticsParams) => {
      this.published.set(uri, version ?? 0);
      this.wake.splice(0).forEach((done) => done());
    });
    connection.listen();
  }

  async start(cacheDir: string): Promise<void> {
    const initializationOptions = { resourceDir: dist, cacheDir, compilerPath: '', trusted: true };
    await this.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
      initializationOptions,
    });
    await this.connection.sendNotification('initialized', {});
  }

  async open(uri: string, text: string): Promise<void> {
    this.versions.set(uri, 1);
    await this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'c', version: 1, text },
    });
    await this.diagnosed(uri, 1);
  }

  async change(uri: string, text: string): Promise<number> {
    const version = this.versions.get(uri)! + 1;
    this.versions.set(uri, version);
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
    return version;
  }

  async diagnosed(uri: string, version: number): Promise<void> {
    while ((this.published.get(uri) ?? 0) < version) await new Promise<void>((resolve) => this.wake.push(resolve));
  }
}

async function residentBytes({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)![1]) * 1024;
}

async function types(say: (text: string) => void): Promise<Measured[]> {
  const bytes = await readFile(LOCAL_BTF);
  const parse: number[] = [];
  const ours: number[] = [];
  const peer: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.now();
    const btf = Btf.parse(bytes);
    parse.push(((performance.now() - started) * 10 * 1024 * 1024) / bytes.length);
    ours.push(
      await timed(async () => {
        await Promise.resolve(writeVmlinuxHeader(btf));
      }),
    );
    peer.push(
      await timed(() =>
        promisify(execFile)('bpftool', ['btf', 'dump', 'file', LOCAL_BTF, 'format', 'c'], { maxBuffer: 64 << 20 }),
      ),
    );
  }
  say(`vmlinux.h ${ours.map(Math.round).join(' ')} ms, bpftool ${peer.map(Math.round).join(' ')} ms`);
  return [
    { figure: 'btf_parse_ms', unit: 'ms', better: 'lower', samples: parse, goal: 200, note: 'scaled to 10 MB' },
    {
      ...{ figure: 'vmlinux_write_vs_bpftool', unit: 'ms', better: 'lower', samples: ours, goal: 500, goalRatio: 0.5 },
      peer: { name: 'bpftool btf dump format c', samples: peer },
    },
  ];
}

/** The bundled server over stdio, as an editor drives it, with the real clang and this machine's kernel. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type Diagnostic,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver-protocol/node';
import { targetNotification } from './protocol.ts';

const program = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"

SEC("tp/sched/sched_process_exec")
int on_exec(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct event e = { .pid = 1 };
	return task->pid == e.pid;
}

char LICENSE[] SEC("license") = "GPL";
`;

let folder: string;
let child: ChildProcess;
let connection: ProtocolConnection;
let published: PublishDiagnosticsParams[];
let wake: (() => void)[];
let file: string;
let uri: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-ls-'));
  const root = join(import.meta.dirname, '../..');
  cpSync(join(root, 'core/resources'), join(folder, 'dist/resources'), { recursive: true });
  await build({
    entryPoints: [join(root, 'language-server/src/main.ts')],
    outfile: join(folder, 'dist/language-server.js'),
    ...{ bundle: true, platform: 'node', format: 'cjs', target: 'node20', logLevel: 'error' },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  published = [];
  wake = [];
  const sources = mkdtempSync(join(folder, 'src-'));
  // A folder with a space and an umlaut: paths travel as URIs, arguments and in clang's output.
  mkdirSync(join(sources, 'my prögrams'));
  writeFileSync(join(sources, 'my prögrams', 'shared.h'), 'struct event { int pid; };\n');
  file = join(sources, 'my prögrams', 'probe.bpf.c');
  writeFileSync(file, program);
  uri = pathToFileURL(file).href;
});
afterEach(async () => {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await connection.sendRequest('shutdown');
  await connection.sendNotification('exit');
  await gone;
  connection.dispose();
});

async function start(options: object = {}): Promise<void> {
  child = spawn(process.execPath, [join(folder, 'dist/language-server.js'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  connection = createProtocolConnection(new StreamMessageReader(child.stdout!), new StreamMessageWriter(child.stdin!));
  connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
    published.push(params);
    wake.splice(0).forEach((done) => done());
  });
  connection.listen();
  await connection.sendRequest('initialize', {
    ...{ processId: process.pid, rootUri: null, capabilities: {} },
    initializationOptions: {
      ...{ resourceDir: join(folder, 'dist'), cacheDir: join(folder, 'cache'), compilerPath: '', trusted: true },
      ...options,
    },
  });
  await connection.sendNotification('initialized', {});
}

/** Diagnostics of the document at that version, as soon as they are there. */
async function diagnosticsOf(version: number): Promise<Diagnostic[]> {
  for (;;) {
    const found = published.find((p) => p.uri === uri && p.version === version);
    if (found) return found.diagnostics;
    await new Promise<void>((resolve) => wake.push(resolve));
  }
}

const open = (text: string, version = 1) =>
  connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri, languageId: 'c', version, text },
  });
const change = (text: string, version: number) =>
  connection.sendNotification('textDocument/didChange', {
    textDocument: { uri, version },
    contentChanges: [{ text }],
  });

describe('language server', () => {
  it('finds errors in the unsaved text with exact ranges, and clears them when they are repaired', async () => {
    await start();
    await open(program);
    expect(await diagnosticsOf(1)).toEqual([]);

    await change(program.replace('task->pid ==', 'task->pidd =='), 2);
    const [wrong, ...rest] = await diagnosticsOf(2);
    expect(rest).toEqual([]);
    expect(wrong).toMatchObject({
      range: { start: { line: 9, character: 14 }, end: { line: 9, character: 18 } },
      severity: 1,
      source: 'clang',
    });
    expect(wrong!.message).toMatch(/no member named 'pidd' in 'struct task_struct'/);

    await change(program, 3);
    expect(await diagnosticsOf(3)).toEqual([]);
  });

  it('answers quickly once the kernel types are precompiled, and only for the newest text', async () => {
    await start();
    await open(program);
    await diagnosticsOf(1);
    for (let version = 2; version <= 6; version++) await change(program.replace('pid ==', `pid${version} ==`), version);
    const [wrong] = await diagnosticsOf(6);
    expect(wrong!.message).toContain("'pid6'");
    expect(published.map((p) => p.version)).toEqual([1, 6]);
  });

  it('shows what is wrong in a header at its #include, and sees the header repaired', async () => {
    await start();
    writeFileSync(join(file, '..', 'shared.h'), 'struct event { int pid; unknown_t x; };\n');
    await open(program);
    const [wrong] = await diagnosticsOf(1);
    expect(wrong!.range.start.line).toBe(2);
    expect(wrong!.message).toContain('shared.h:1: unknown type name');
    writeFileSync(join(file, '..', 'shared.h'), 'struct event { int pid; };\n');
    published = [];
    await connection.sendNotification('workspace/didChangeWatchedFiles', { changes: [] });
    expect(await diagnosticsOf(1)).toEqual([]);
  });

  it('checks a C file that holds programs whatever its name, and no other', async () => {
    await start();
    const sources = join(file, '..');
    const wrong = program.replace('task->pid', 'task->pidd');
    uri = pathToFileURL(join(sources, 'main.c')).href;
    await open('int main(void) { return wrong; }');
    uri = pathToFileURL(join(sources, 'probe.c')).href;
    writeFileSync(join(sources, 'probe.c'), wrong);
    await open(wrong);
    expect((await diagnosticsOf(1)).map(({ message }) => message)).toEqual([expect.stringContaining("'pidd'")]);
    expect(new Set(published.map((each) => each.uri))).toEqual(new Set([uri]));
  });

  it('takes the types of the target that the extension names', async () => {
    await start();
    await open(program);
    expect(await diagnosticsOf(1)).toEqual([]);
    const other = join(folder, 'other');
    mkdirSync(other, { recursive: true });
    writeFileSync(
      join(other, 'vmlinux.h'),
      '#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\ntypedef unsigned long long __u64; typedef unsigned int __u32, __wsum;\n' +
        'typedef unsigned short __u16, __be16; typedef unsigned char __u8; typedef long long __s64; typedef int __s32;\n' +
        'typedef unsigned int __be32; typedef unsigned long long __be64;\n' +
        'enum bpf_map_type { BPF_MAP_TYPE_HASH };\nstruct task_struct { int tgid; };\n#endif\n',
    );
    published = [];
    const target = { vmlinuxHeader: join(other, 'vmlinux.h'), arch: 'x86_64' };
    await connection.sendNotification(targetNotification, target);
    const diagnostics = await diagnosticsOf(1);
    expect(diagnostics.map((d) => d.message)).toContainEqual(
      expect.stringContaining("no member named 'pid' in 'struct task_struct'"),
    );
  });

  it('runs nothing in a workspace that is not trusted', async () => {
    // A compiler that would leave a trace.
    const trap = join(folder, 'clang');
    const trace = join(folder, 'ran');
    writeFileSync(trap, `#!/bin/sh\necho ran >'${trace}'\n`, { mode: 0o755 });
    await start({ trusted: false, compilerPath: trap });
    await open(program.replace('task->pid', 'task->pidd'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(published).toEqual([]);
    expect(() => rmSync(trace)).toThrow();
  });

  it('says how to get a compiler when there is none', async () => {
    await start({ compilerPath: '/nowhere/clang' });
    await open(program);
    const [missing] = await diagnosticsOf(1);
    expect(missing).toMatchObject({ code: 'no-compiler', severity: 2 });
    expect(missing!.message).toMatch(/install/i);
  });
});

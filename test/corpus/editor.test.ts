import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAll } from './editor.ts';

/** A language server that finds something in line 2 of every text, or ends when it is told one. */
const server = (onOpen: string): string => `
let input = Buffer.alloc(0);
const send = (message) => {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  process.stdout.write('Content-Length: ' + Buffer.byteLength(body) + '\\r\\n\\r\\n' + body);
};
let target = 'none';
const handle = ({ id, method, params }) => {
  if (method === 'initialize') send({ id, result: { capabilities: {} } });
  if (method === 'ringside/target') target = params.host;
  if (method !== 'textDocument/didOpen') return;
  const { uri, version } = params.textDocument;
  const range = { start: { line: 1, character: 0 }, end: { line: 1, character: 3 } };
  ${onOpen}
};
process.stdin.on('data', (chunk) => {
  input = Buffer.concat([input, chunk]);
  for (;;) {
    const end = input.indexOf('\\r\\n\\r\\n');
    if (end < 0) return;
    const length = Number(/Content-Length: (\\d+)/.exec(input.toString('latin1', 0, end))[1]);
    if (input.length < end + 4 + length) return;
    const body = input.toString('utf8', end + 4, end + 4 + length);
    input = input.subarray(end + 4 + length);
    handle(JSON.parse(body));
  }
});
`;
const finding = `send({ method: 'textDocument/publishDiagnostics', params: { uri, version, diagnostics: [
  { range, severity: 4, source: 'ringside', code: 'printk-left', message: target }] } });`;
const target = {
  ...{ host: 'web-1', kernel: '6.12', arch: 'x86_64', vmlinuxHeader: null, btf: null },
  ...{ targets: null, cached: false },
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ringside-corpus-'));
  mkdirSync(join(root, 'dist'));
  for (const name of ['a.bpf.c', 'b.bpf.c']) writeFileSync(join(root, name), `// ${name}\n\tbpf_printk("x");\n`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function open(onOpen: string, signal = new AbortController().signal) {
  writeFileSync(join(root, 'dist', 'language-server.js'), server(onOpen));
  const files = ['a.bpf.c', 'b.bpf.c'].map((name) => join(root, name));
  return openAll(files, { root, cacheDir: root, target, patience: 20_000, signal });
}

describe('openAll', () => {
  it('tells of each file what the server finds for the host, with the line that it is in', async () => {
    const said = await open(finding);
    expect([...said.keys()]).toEqual([join(root, 'a.bpf.c'), join(root, 'b.bpf.c')]);
    expect(said.get(join(root, 'b.bpf.c'))).toEqual([
      {
        ...{ line: 2, severity: 'hint', ours: true, code: 'printk-left', message: 'web-1' },
        text: '\tbpf_printk("x");',
      },
    ]);
  });

  it('says when the server ends, and waits no longer', async () => {
    await expect(open('process.exit(3);')).rejects.toThrow('the language server ended with exit code 3');
  });

  it('ends with what it has when it is interrupted', async () => {
    const interrupted = new AbortController();
    setTimeout(() => interrupted.abort(), 300);
    expect((await open('', interrupted.signal)).size).toBe(0);
  });
});

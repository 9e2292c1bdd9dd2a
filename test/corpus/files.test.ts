import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commonFolder, corpusFiles, shortName } from './files.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ringside-corpus-files-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const program = 'SEC("xdp")\nint p(void *ctx) { return 2; }\n';

function elf(machine: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF', 0, 'latin1');
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

describe('corpusFiles', () => {
  const names = (): string[] => corpusFiles([folder]).files.map((f) => shortName(f.path, folder));

  it('takes sources with programs and objects for the BPF machine, and nothing else', () => {
    put('a/one.bpf.c', program);
    put('a/kern.c', program);
    put('a/user.c', 'int main(void) { return 0; }\n');
    put('a/only_maps.c', 'struct { int x; } m SEC(".maps");\nSEC("license") char l[] = "GPL";\n');
    put('b/one.bpf.c', program); // the same name as another
    put('b/built.o', elf(247));
    put('b/native.o', elf(62));
    put('b/empty.o', '');
    put('b/notes.txt', program);
    expect(names()).toEqual(['a/kern.c', 'a/one.bpf.c', 'b/built.o', 'b/one.bpf.c']);
  });

  it('takes a source without a licence, but no part that another one includes', () => {
    put('whole.bpf.c', `#include "part.c"\n${program}`);
    const part = put('part.c', program);
    expect(names()).toEqual(['whole.bpf.c']);
    expect(corpusFiles([part]).files.map((f) => f.path)).toEqual([part]); // named by itself
  });

  it("tells sources for BCC's compiler from those that are empty", () => {
    const bcc = put('old.bpf.c', '#include <bcc/proto.h>\nint xdp(struct xdp_md *ctx) { return 2; }\n');
    put('empty.bpf.c', '');
    const corpus = corpusFiles([folder]);
    expect(corpus.bcc).toEqual([bcc]);
    expect(names()).toEqual(['empty.bpf.c']);
  });

  it('goes into no hidden folder, no dependency and no loop of links', () => {
    for (const at of ['.git/x.bpf.c', 'node_modules/x.bpf.c', 'target/x.bpf.c']) put(at, program);
    symlinkSync(folder, join(folder, 'loop'));
    expect(corpusFiles([folder])).toEqual({ files: [], bcc: [], unreadable: [] });
  });

  it('says which place is not there', () => {
    expect(() => corpusFiles([join(folder, 'none')])).toThrow(/none/);
  });
});

it('shows names from the folder that all lie in', () => {
  expect(commonFolder(['/x/a/1.c', '/x/b/2.c'])).toBe('/x');
  expect(commonFolder(['/x/a/1.c'])).toBe('/x/a');
  expect(commonFolder(['/a/1.c', '/b/2.c'])).toBe('/');
  expect(shortName('/x/a/1.c', '/x')).toBe('a/1.c');
});

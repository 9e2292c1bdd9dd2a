/** The header against this machine's kernel: clang must agree with BTF on every size and offset. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Btf, type BtfType } from '../bpf/index.ts';
import { findCompiler, type CompilerCommand } from './compiler.ts';
import { writeVmlinuxHeader } from './vmlinux.ts';

type Composite = Extract<BtfType, { kind: 'struct' | 'union' }>;

let folder: string;
let btf: Btf;
let compiler: CompilerCommand;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-vmlinux-'));
  btf = Btf.parse(readFileSync('/sys/kernel/btf/vmlinux'));
  writeFileSync(join(folder, 'vmlinux.h'), writeVmlinuxHeader(btf));
  compiler = await findCompiler({});
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compile(source: string, ...flags: string[]): { status: number | null; stderr: string; object: string } {
  const file = join(folder, 'check.c');
  const object = join(folder, 'check.o');
  writeFileSync(file, source);
  const base = [
    '-target',
    'bpf',
    '-g',
    '-O2',
    '-std=gnu17',
    '-I',
    folder,
    '-c',
    file,
    '-o',
    object,
    '-ferror-limit=20',
  ];
  const result = spawnSync(compiler.path, [...compiler.args, ...base, ...flags], { encoding: 'utf8' });
  return { status: result.status, stderr: result.stderr, object };
}

/** Every named record whose name is unique, so that the C name is certain. */
function uniqueRecords(): Composite[] {
  const count = new Map<string, number>();
  const records: Composite[] = [];
  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.type(id);
    const tag = ['struct', 'union', 'enum', 'enum64'].includes(type.kind);
    if (!tag || type.name === '') continue;
    count.set(type.name, (count.get(type.name) ?? 0) + 1);
    if (type.kind === 'struct' || type.kind === 'union') records.push(type);
  }
  return records.filter((r) => count.get(r.name) === 1);
}

/** Assertions for the record's members, those of anonymous members included. */
function* assertions(name: string, record: Composite, base: number): Generator<string> {
  for (const member of record.members) {
    const offset = base + member.bitOffset;
    if (member.name === '') {
      const inner = btf.type(member.type);
      if (inner.kind === 'struct' || inner.kind === 'union') yield* assertions(name, inner, offset);
    } else if (member.bitSize === 0 && offset % 8 === 0) {
      yield `_Static_assert(__builtin_offsetof(${name}, ${member.name}) == ${offset / 8}, "${name}.${member.name}");`;
    }
  }
}

describe('vmlinux.h of this kernel', () => {
  it('compiles without a warning', () => {
    const result = compile('#include "vmlinux.h"\n', '-Wall', '-Wextra', '-Werror', '-Wno-unused');
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
  });

  it('has the size of every record and the offset of every member that BTF names', () => {
    const lines = ['#include "vmlinux.h"'];
    const records = uniqueRecords();
    for (const record of records) {
      const name = `${record.kind} ${record.name}`;
      lines.push(`_Static_assert(sizeof(${name}) == ${record.size}, "sizeof ${name}");`);
      lines.push(...assertions(name, record, 0));
    }
    expect(records.length).toBeGreaterThan(5000);
    expect(lines.length).toBeGreaterThan(50_000);
    const result = compile(lines.join('\n'), '-DBPF_NO_PRESERVE_ACCESS_INDEX', '-fsyntax-only');
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
  });

  it("places bit fields as BTF does: clang's own BTF of the header says the same", () => {
    const records = uniqueRecords().filter((r) => r.members.some((m) => m.bitSize > 0));
    const variables = records.map((r, i) => `${r.kind} ${r.name} *v${i};`);
    const result = compile(['#include "vmlinux.h"', ...variables].join('\n'));
    expect(result.stderr).toBe('');
    const objcopy = join(folder, 'check.btf');
    execFileSync('llvm-objcopy-19', ['--dump-section', `.BTF=${objcopy}`, result.object]);
    const compiled = Btf.parse(readFileSync(objcopy));
    let bitFields = 0;
    for (const record of records) {
      const id = compiled.findByNameKind(record.name, record.kind);
      expect(id, record.name).not.toBeNull();
      const other = compiled.type(id!) as Composite;
      expect(other.size, record.name).toBe(record.size);
      const places = (r: Composite) => r.members.map((m) => [m.name, m.bitOffset, m.bitSize]);
      expect(
        places(other).filter(([name]) => !String(name).startsWith('__fill')),
        record.name,
      ).toEqual(places(record));
      bitFields += record.members.filter((m) => m.bitSize > 0).length;
    }
    expect(bitFields).toBeGreaterThan(1000);
  });

  it('is as good to a program as the header that bpftool writes: the same CO-RE accesses come out', () => {
    const program = `#include "vmlinux.h"
      int probe(struct task_struct *task, struct sk_buff *skb) {
        return task->pid + task->signal->nr_threads + (int)task->start_time + skb->len + task->in_iowait;
      }`;
    const ours = compile(program);
    expect(ours.stderr).toBe('');
    const disassemble = (object: string) =>
      execFileSync('llvm-objdump-19', ['-dr', '--no-show-raw-insn', object], { encoding: 'utf8' });
    const oursText = disassemble(ours.object);
    writeFileSync(
      join(folder, 'vmlinux.h'),
      execFileSync('bpftool', ['btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'c'], {
        maxBuffer: 1 << 26,
      }),
    );
    const theirs = compile(program);
    writeFileSync(join(folder, 'vmlinux.h'), writeVmlinuxHeader(btf));
    // Relocations name type ids, which depend on the order in the header.
    const plain = (text: string) =>
      text
        .replace(/<\d+>|\[\d+\]/g, '')
        .split('\n')
        .slice(3)
        .join('\n');
    expect(plain(oursText)).toContain('struct task_struct::pid');
    expect(plain(oursText)).toBe(plain(disassemble(theirs.object)));
  });

  it('is written in about half a second of processor time', () => {
    const fresh = Btf.parse(readFileSync('/sys/kernel/btf/vmlinux'));
    const start = process.cpuUsage();
    writeVmlinuxHeader(fresh);
    const { user, system } = process.cpuUsage(start);
    // Measured: 0.5 to 0.7 s; with room for a machine on which other tests crowd the caches.
    expect((user + system) / 1000).toBeLessThan(2000);
  });
});

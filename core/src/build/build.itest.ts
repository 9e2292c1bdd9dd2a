/** Builds with the real clang, libbpf's headers and this machine's kernel types. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BpfObject, Elf, untypedExterns } from '../bpf/index.ts';
import {
  buildObject,
  localVmlinuxHeader,
  objectCachePath,
  sha256Hex,
  stripDwarf,
  warmUp,
  type BuildOptions,
} from './index.ts';

const program = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "shared.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");
const volatile u32 wanted = 3;
u64 seen;

static __noinline int parent(struct task_struct *task)
{
	return BPF_CORE_READ(task, real_parent, tgid);
}

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	u32 key = wanted;
	u64 *count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		seen += *count + SHARED;
	return parent((void *)bpf_get_current_task());
}

char LICENSE[] SEC("license") = "GPL";
`;

let folder: string;
let cacheDir: string;
let resourceDir: string;
let header: string;
let file: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-build-'));
  cacheDir = join(folder, 'cache');
  resourceDir = join(folder, 'dist');
  mkdirSync(resourceDir);
  symlinkSync(join(import.meta.dirname, '../../resources'), join(resourceDir, 'resources'));
  header = await localVmlinuxHeader(cacheDir);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  // A project of its own: what an earlier test left beside it does not belong to it.
  const sources = mkdtempSync(join(folder, 'my src-'));
  mkdirSync(join(sources, '.git'));
  writeFileSync(join(sources, 'shared.h'), '#define SHARED 1\n');
  file = join(sources, 'probe.bpf.c');
  writeFileSync(file, program);
});

const options = (more: Partial<BuildOptions> = {}): BuildOptions => ({
  ...{ file, vmlinuxHeader: header, cacheDir, resourceDir },
  ...more,
});
/** Makes a program one that is built with the whole of vmlinux.h. */
const wantsAll = '#define compared bpf_core_type_matches\n';
const pchFolder = () => join(cacheDir, 'pch');
const precompiled = () =>
  (existsSync(pchFolder()) ? readdirSync(pchFolder()) : []).map((name) => join(pchFolder(), name));
const leftovers = () => readdirSync(join(cacheDir, 'objects')).filter((name) => name.endsWith('.tmp'));

describe('buildObject', () => {
  it('makes an object with BTF, line information and DWARF, named by its hash', async () => {
    const result = await buildObject(options());
    expect(result).toMatchObject({ ok: true, diagnostics: [] });
    const bytes = readFileSync(result.object);
    expect(result.object).toBe(objectCachePath(cacheDir, sha256Hex(bytes)));
    const object = BpfObject.parse(bytes);
    expect(object.programs.map((p) => p.name)).toEqual(['on_exec']);
    expect(object.line(object.programs[0]!.section, 0)).toMatchObject({ file, line: 23 });
    expect(object.elf.section('.debug_info')).toBeDefined();
    expect(result.compiler.flags).toContain('-mcpu=v3');
  });

  it('makes the same code with what it mentions of vmlinux.h, in a fraction of the DWARF', async () => {
    const part = await buildObject(options());
    writeFileSync(file, program + wantsAll);
    const whole = await buildObject(options());
    const [a, b] = [part, whole].map((r) => BpfObject.parse(readFileSync(r.object)));
    const sections = b!.elf.sections.filter((s) => !/^\.(?:debug|BTF|rel|symtab|strtab|llvm)/.test(s.name));
    expect(sections.map((s) => s.name)).toContain('raw_tp/sched_process_exec');
    for (const { name, data } of sections) expect(Buffer.compare(a!.elf.section(name)!.data, data), name).toBe(0);
    const fields = (o: BpfObject) => [...o.btfExt!.relocations.values()].flat().map((r) => [r.offset, r.kind]);
    expect(fields(a!)).toEqual(fields(b!));
    expect(a!.elf.section('.debug_info')!.data.length).toBeLessThan(b!.elf.section('.debug_info')!.data.length / 5);
  });

  it('builds with the whole vmlinux.h what follows pointers to what it does not name', async () => {
    const text = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
SEC("fentry/vfs_read") int on_read(void *ctx) { return bpf_get_current_task_btf()->tgid; }
char LICENSE[] SEC("license") = "GPL";
`;
    for (let round = 0; round < 2; round++) {
      const result = await buildObject(options({ text }));
      expect(result).toMatchObject({ ok: true, diagnostics: [] });
      expect(BpfObject.parse(readFileSync(result.object)).btfExt!.relocations.size).toBe(1);
    }
  });

  it('says what is wrong with a program in terms of the whole vmlinux.h', async () => {
    const text = program.replace('real_parent', 'no_such_member');
    const { ok, diagnostics } = await buildObject(options({ text }));
    expect(ok).toBe(false);
    expect(diagnostics[0]).toMatchObject({ file, message: expect.stringContaining('no_such_member') as string });
    expect(diagnostics.filter((d) => d.file.includes('excerpts'))).toEqual([]);
  });

  it('makes the same object with and without the precompiled header', async () => {
    writeFileSync(file, program + wantsAll);
    const without = await buildObject(options());
    await warmUp(options());
    expect(precompiled()).toHaveLength(1);
    const quick = await buildObject(options());
    const [a, b] = [without, quick].map((r) => BpfObject.parse(readFileSync(r.object)));
    // clang numbers BTF types in no fixed order; everything else is the same to the byte.
    expect(b!.btf!.typeCount).toBe(a!.btf!.typeCount);
    for (const section of a!.elf.sections.filter((s) => s.name !== '.BTF')) {
      expect(Buffer.compare(b!.elf.section(section.name)!.data, section.data), section.name).toBe(0);
    }
  });

  it('has the header read when it is warm', async () => {
    const own = join(mkdtempSync(join(folder, 'own-')), 'vmlinux.h');
    const write = (text: string): void => {
      writeFileSync(own, text);
      utimesSync(own, 1_700_000_000, 1_700_000_000);
    };
    write(readFileSync(header, 'utf8'));
    const warm = options({ vmlinuxHeader: own, cacheDir: join(own, '../cache') });
    await warmUp(warm);
    // No build reads it again: it finds what it mentions of what was read before.
    write(' '.repeat(statSync(own).size));
    expect(await buildObject(warm)).toMatchObject({ ok: true, diagnostics: [] });
  });

  it('keeps the types of externs that only the end of a scope refers to, with the precompiled header', async () => {
    const text = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	int i, sum = 0;

	bpf_for(i, 0, 4)
		sum += i;
	return sum;
}
char LICENSE[] SEC("license") = "GPL";
${wantsAll}`;
    await warmUp(options());
    expect(precompiled()).not.toHaveLength(0);
    for (let round = 0; round < 2; round++) {
      const { object } = await buildObject(options({ text }));
      const built = BpfObject.parse(readFileSync(object));
      const externs = built.elf.symbols.filter((s) => s.section === 0 && s.name !== '').map((s) => s.name);
      expect(externs).toContain('bpf_iter_num_destroy');
      expect(untypedExterns(built)).toEqual([]);
    }
  });

  it('goes on without a precompiled header that clang refuses, and removes it', async () => {
    writeFileSync(file, program + wantsAll);
    // Another -D makes another one, so that this test spoils only its own.
    const own = options({ flags: ['-DSPOILED'] });
    const before = new Set(precompiled());
    await warmUp(own);
    const [spoiled] = precompiled().filter((path) => !before.has(path));
    writeFileSync(spoiled!, 'CPCH but then nonsense');
    expect(await buildObject(own)).toMatchObject({ ok: true, diagnostics: [] });
    expect(existsSync(spoiled!)).toBe(false);
  });

  it('leaves the precompiled header alone where a macro changes what vmlinux.h says', async () => {
    writeFileSync(file, `#define BPF_NO_PRESERVE_ACCESS_INDEX\n${program}`);
    await warmUp(options());
    expect(await buildObject(options())).toMatchObject({ ok: true });
    const direct = 'int plain(struct task_struct *task) { return task->pid; }';
    writeFileSync(file, `#define BPF_NO_PRESERVE_ACCESS_INDEX\n#include "vmlinux.h"\n${direct}`);
    const result = await buildObject(options());
    expect(BpfObject.parse(readFileSync(result.object)).btfExt!.relocations.size).toBe(0);
  });

  it("builds a project's own vmlinux.h in preference, also after it was changed", async () => {
    const own = join(file, '..', 'vmlinux.h');
    const head = readFileSync(header, 'utf8');
    writeFileSync(own, head.replace('struct task_struct {', 'struct task_struct {\n\tint only_here;'));
    const use = (name: string) =>
      writeFileSync(file, `#include "vmlinux.h"\nint f(struct task_struct *t) { return t->${name}; }`);
    use('only_here');
    await warmUp(options());
    expect(await buildObject(options())).toMatchObject({ ok: true });
    writeFileSync(own, head.replace('struct task_struct {', 'struct task_struct {\n\tint now_there;'));
    expect(await buildObject(options())).toMatchObject({ ok: false });
    use('now_there');
    expect(await buildObject(options())).toMatchObject({ ok: true });
  });

  it('compiles unsaved text under the name of its file: includes, diagnostics and line texts are right', async () => {
    const text = program.replace('seen += *count', 'seen += *count + 7');
    const result = await buildObject(options({ text }));
    expect(result).toMatchObject({ ok: true, diagnostics: [] });
    expect(readFileSync(file, 'utf8')).toBe(program);
    const object = BpfObject.parse(readFileSync(result.object));
    const lines = object.btfExt!.lines.get('raw_tp/sched_process_exec')!;
    expect(new Set(lines.map((l) => l.file))).toEqual(new Set([file]));
    expect(lines.map((l) => object.btf!.name(l.textOffset))).toContain('\t\tseen += *count + 7 + SHARED;');

    const wrong = await buildObject(options({ text: text.replace('SHARED', 'UNSHARED') }));
    expect(wrong).toMatchObject({ ok: false, object: '', sha256: '' });
    expect(wrong.diagnostics[0]).toMatchObject({ file, line: 26, column: 24, endColumn: 32, severity: 'error' });
    expect(readdirSync(join(cacheDir, 'tmp'))).toEqual([]);
  });

  it('checks the syntax without writing an object', async () => {
    const result = await buildObject(options({ syntaxOnly: true, text: program.replace('wanted;', 'wantedd;') }));
    expect(result).toMatchObject({ ok: false, object: '' });
    expect(result.diagnostics[0]!.message).toContain('wantedd');
  });

  it('builds for the target machine and with further flags', async () => {
    const source = `#include "vmlinux.h"
#if defined(__TARGET_ARCH_arm64) && OPTION_OF_MINE == 5
int right;
#else
#error wrong
#endif
`;
    expect(await buildObject(options({ text: source, arch: 'aarch64', flags: ['-DOPTION_OF_MINE=5'] }))).toMatchObject({
      ok: true,
    });
  });

  it('finds headers of relative -I flags from the given folder', async () => {
    const inc = mkdtempSync(join(folder, 'inc-'));
    mkdirSync(join(inc, 'include'));
    writeFileSync(join(inc, 'include', 'far.h'), '#define FAR 1\n');
    const text = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include "far.h"\nint x = FAR;\n';
    const built = await buildObject(options({ text, flags: ['-Iinclude'], cwd: inc }));
    // Neither the kernel's types nor what comes with us.
    expect(built).toMatchObject({ ok: true, headers: [join(inc, 'include', 'far.h')] });
  });

  it('builds programs with the headers of the system and of the C library', async () => {
    const text =
      '#include <linux/bpf.h>\n#include <linux/ip.h>\n#include <stdint.h>\n#include <bpf/bpf_helpers.h>\nuint64_t x;\n';
    expect(await buildObject(options({ text, vmlinuxHeader: null }))).toMatchObject({ ok: true, diagnostics: [] });
  });

  it('says that there is no target when vmlinux.h is wanted and cannot be made', async () => {
    const result = await buildObject(options({ vmlinuxHeader: null }));
    expect(result.ok).toBe(false);
    expect(result.diagnostics[0]).toMatchObject({ line: 1, code: 'no-vmlinux' });
  });

  it('writes the object where it is told', async () => {
    const outputPath = join(folder, 'out dir', 'x.o');
    expect((await buildObject(options({ outputPath }))).object).toBe(outputPath);
    expect(Elf.parse(readFileSync(outputPath)).section('.BTF')).toBeDefined();
    writeFileSync(join(folder, 'plain'), '');
    await expect(buildObject(options({ outputPath: join(folder, 'plain', 'x.o') }))).rejects.toMatchObject({
      code: 'not-writable',
    });
  });

  it('ends at once when it is cancelled, and leaves nothing behind', async () => {
    const abort = new AbortController();
    const building = buildObject(options({ signal: abort.signal }));
    setTimeout(() => abort.abort(), 60);
    await expect(building).rejects.toMatchObject({ code: 'cancelled' });
    expect(leftovers()).toEqual([]);
  });

  it('reports a missing file and a compiler that crashes', async () => {
    await expect(buildObject(options({ file: join(folder, 'none.bpf.c') }))).rejects.toMatchObject({
      code: 'file-not-found',
    });
    const compilerPath = compilerThat("echo 'PLEASE submit a bug report' >&2; kill -SEGV $$");
    const result = await buildObject(options({ compilerPath }));
    expect(result.ok).toBe(false);
    expect(result.diagnostics).toMatchObject([{ code: 'compiler-crash', severity: 'error' }]);
    expect(result.diagnostics[0]!.message).toContain('SIGSEGV');
  });

  it('kills a compiler that hangs, with what it has started, and says so', async () => {
    const compilerPath = compilerThat('sleep 30 & echo $! >"$0.pid"; wait');
    const result = await buildObject(options({ compilerPath, timeoutMs: 300 }));
    expect(result.ok).toBe(false);
    expect(result.diagnostics).toMatchObject([{ code: 'compiler-crash', severity: 'error' }]);
    expect(result.diagnostics[0]!.message).toContain('did not come to an end in time and was killed');
    const started = `/proc/${readFileSync(`${compilerPath}.pid`, 'utf8').trim()}/stat`;
    // Gone, or dead until init looks after it.
    const isDead = () => !existsSync(started) || /\) Z /.test(readFileSync(started, 'utf8'));
    await vi.waitFor(() => expect(isDead()).toBe(true));
    expect(leftovers()).toEqual([]);
  });

  /** What stands for clang, and does that when it is to compile. */
  function compilerThat(does: string): string {
    const path = join(folder, 'clang');
    const version = "*--version*) echo 'clang version 18.0.0';;";
    const targets = "*--print-targets*) echo '  bpf - BPF';;";
    writeFileSync(path, `#!/bin/sh\ncase "$*" in\n${version}\n${targets}\n*) ${does};;\nesac\n`);
    chmodSync(path, 0o755);
    return path;
  }
});

describe('stripDwarf', () => {
  it('does what llvm-strip -g does: every section that is left has the same content', async () => {
    const { object } = await buildObject(options());
    const bytes = readFileSync(object);
    const ours = Elf.parse(stripDwarf(bytes));
    const theirsFile = join(folder, 'theirs.o');
    execFileSync('llvm-strip-19', ['-g', '-o', theirsFile, object]);
    const theirs = Elf.parse(readFileSync(theirsFile));
    const names = (elf: Elf) => elf.sections.map((s) => s.name).filter((n) => n !== '.llvm_addrsig');
    expect(names(ours).sort()).toEqual(names(theirs).sort());
    for (const section of theirs.sections.filter((s) => s.type === 1)) {
      expect(Buffer.compare(ours.section(section.name)!.data, section.data), section.name).toBe(0);
    }
    const symbols = (elf: Elf) =>
      elf.symbols.map((s) => [s.name, s.type, s.binding, s.value, elf.sections[s.section]?.name]);
    expect(symbols(ours)).toEqual(symbols(theirs));
    const relocations = (elf: Elf) =>
      elf.sections.map((s) => elf.relocations(s).map((r) => [s.name, r.offset, r.type, r.symbol.name])).flat();
    expect(relocations(ours).sort()).toEqual(relocations(theirs).sort());
    expect(ours.bytes.length).toBeLessThan(bytes.length / 2);
  });

  it('makes an object that the kernel loads, once and again the same', async () => {
    const { object } = await buildObject(options());
    const stripped = stripDwarf(readFileSync(object));
    expect(stripDwarf(stripped)).toBe(stripped);
    const small = join(folder, 'small.o');
    writeFileSync(small, stripped);
    const bpffs = join(folder, 'bpffs');
    mkdirSync(bpffs);
    execFileSync('mount', ['-t', 'bpf', 'ringside-test', bpffs]);
    try {
      execFileSync('bpftool', ['prog', 'load', small, join(bpffs, 'prog')], { stdio: 'pipe' });
      const shown = execFileSync('bpftool', ['prog', 'show', 'pinned', join(bpffs, 'prog')], { encoding: 'utf8' });
      expect(shown).toContain('raw_tracepoint  name on_exec');
    } finally {
      execFileSync('umount', [bpffs]);
    }
  });
});

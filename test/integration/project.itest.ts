/** `ringside project`: what is written in C builds, runs and prints what happened. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache } from './support/cli.ts';

let before: ReturnType<typeof bpfState>;
let folder: string;
beforeEach(() => {
  before = bpfState();
  folder = mkdtempSync(join(tmpdir(), 'ringside-project-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
});
afterAll(removeCache);

const gallery = (name: string): string => `bpf-snippets/${name}/${name}.bpf.c`;
const badNames = 'test/fixtures/programs/1-bad-names.bpf.c';
const takenNames = 'test/fixtures/programs/taken_names.bpf.c';

async function create(file: string, language: string, name: string): Promise<string> {
  const dir = join(folder, name);
  const { code, stdout, stderr } = await cliRun(['project', file, '--language', language, '--out', dir, '--json']);
  expect(code, stdout + stderr).toBe(0);
  return dir;
}

it('--list shows the files, says which exist already, and writes none', async () => {
  writeFileSync(join(folder, 'Cargo.toml'), 'mine');
  const args = ['project', gallery('syscount'), '--language', 'rust', '--out', folder, '--list'];
  const { code, stdout, stderr } = await cliRun(args);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^Would create .*\n {2}\.gitignore\n {2}Cargo\.toml {2}\(exists\)\n/);
  expect(stdout).toContain('\n  src/main.rs\n');
  expect(stdout).not.toContain('Next:');
  expect(readdirSync(folder)).toEqual(['Cargo.toml']);
});

/** Builds a project in C with every warning an error. */
function make(dir: string): void {
  const built = spawnSync('make', ['CLANG=clang-19', 'CFLAGS=-g -O2 -Wall -Wextra -Werror'], {
    cwd: dir,
    encoding: 'utf8',
  });
  expect(built.status, built.stdout + built.stderr).toBe(0);
}

/** Runs it, does something, ends it by SIGINT once the text is there; gives all that it printed. */
async function watched(
  dir: string,
  program: string,
  options: string[],
  cause: () => void,
  text: RegExp,
): Promise<string> {
  const child = spawn(join(dir, program), options, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, told] = ['', ''];
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const seen = new Promise<void>((resolve) => {
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString();
      if (text.test(out)) resolve();
    });
    child.stderr.on('data', (data: Buffer) => {
      told += data.toString();
      if (told.includes('attached')) cause();
    });
  });
  await Promise.race([seen, ended]);
  child.kill('SIGINT');
  expect(await ended, out + told).toBe(0);
  expect(out).toMatch(text);
  return out;
}

it('execsnoop in C builds without a warning, and prints a typed record of what was started', async () => {
  const dir = await create(gallery('execsnoop'), 'c', 'execsnoop');
  make(dir);
  const run = (): void => void spawnSync('/bin/echo', ['ringside-project']);
  const out = await watched(dir, 'execsnoop', [], run, /args=\/bin\/echo ringside-project/);
  expect(out).toMatch(
    /^events ts=\d+ pid=\d+ ppid=\d+ uid=0 comm=echo filename=\/bin\/echo args=\/bin\/echo ringside-project$/m,
  );
});

it('names of other languages, bit fields, unions, two rings and a perf buffer come out right, and a flag sets a knob', async () => {
  const dir = await create(badNames, 'c', 'bad');
  make(dir);
  const run = (): void => void spawnSync('/bin/true');
  const out = await watched(dir, 'probe_1_bad_names', ['--range', '40'], run, /^match a=7.*\n/m);
  expect(out).toMatch(/^type type=43 match=5 self=-3 fn=true impl=KIND_B select=\{number=104 text=h\}/m);
  expect(out).toMatch(/^Func kind=1 value=1099511627776 .* pid=\d+ /m);
  const wrong = spawnSync(join(dir, 'probe_1_bad_names'), ['--range', 'many'], { encoding: 'utf8' });
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toContain('--range many: not a number that fits');
});

it("records and variables of types that C's library has, too, or that no header has, build and are read right", async () => {
  const dir = await create(takenNames, 'c', 'taken');
  make(dir);
  const run = (): void => void spawnSync('/bin/true');
  await watched(dir, 'taken_names', [], run, /^events pid=\d+ errno=-5 to=::2$/m);
});

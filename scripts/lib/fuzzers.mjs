// The fuzzers: which there are, how each is built, run and its corpus made small. See docs/decisions/0007-fuzzers.md.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { instrumentation } from './instrument.mjs';
import { at, cache } from './paths.mjs';
import { Failure, run, which } from './run.mjs';
import { rustEnv } from './rust.mjs';

/**
 * @typedef {object} Fuzzer
 * @property {string} what one line for people
 * @property {'agent' | 'engine'} side
 * @property {number} [longest] bytes of an input
 */

/** @type {Record<string, Fuzzer>} */
export const fuzzers = {
  protocol: { side: 'agent', what: 'a whole connection of the agent: frames, requests, blobs', longest: 4096 },
  object: { side: 'agent', what: 'objects in libbpf and libelf (AddressSanitizer)', longest: 12_288 },
  btf: { side: 'agent', what: 'BTF in libbpf and in the agent (AddressSanitizer)', longest: 8192 },
  binary: { side: 'agent', what: 'programs and libraries of the host in the agent', longest: 16_384 },
  'engine-object': { side: 'engine', what: 'objects in the engine: ELF, BTF, DWARF, records' },
  'engine-btf': { side: 'engine', what: 'BTF in the engine, split BTF too' },
  'engine-btf-ext': { side: 'engine', what: '.BTF.ext in the engine' },
  'engine-frames': { side: 'engine', what: 'frames in the engine' },
};

/** The kept corpus is small enough for the tree; what a run finds goes to the cache. */
const corpusOf = (name) =>
  fuzzers[name].side === 'agent' ? at('host-agent/fuzz/corpus', name) : at('test/fuzz/corpus', name);
const work = (...parts) => join(cache, 'fuzz', ...parts);
const mostSeconds = 24 * 3600;

const triple = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`;
const binary = (name) => at('host-agent/target/fuzz', triple, 'release', name);

/** Builds what these fuzzers need. @param {string[]} names */
export async function buildFuzzers(names) {
  if (names.some((name) => fuzzers[name].side === 'agent')) await buildAgents();
  if (names.some((name) => fuzzers[name].side === 'engine')) await buildEngine();
}

/**
 * libFuzzer's instrumentation and AddressSanitizer for Rust and for libbpf's C. `-Z` is for this build alone allowed on
 * the stable compiler; the agent itself is built without either.
 */
async function buildAgents() {
  const clang = ['clang-19', 'clang'].find((name) => which(name) !== undefined);
  if (clang === undefined)
    throw new Failure('The fuzzers of the agent need clang.', 'Run `npm run setup -- --profile test`.');
  const coverage = ['level=4', 'inline-8bit-counters', 'pc-table', 'trace-compares'];
  const flags = ['-Cpasses=sancov-module', ...coverage.map((one) => `-Cllvm-args=-sanitizer-coverage-${one}`)];
  const target = triple.replaceAll('-', '_');
  const env = {
    ...rustEnv(),
    RUSTC_BOOTSTRAP: '1',
    RUSTFLAGS: [...flags, '-Zsanitizer=address', '-Cforce-frame-pointers'].join(' '),
    [`CC_${target}`]: clang,
    [`CXX_${target}`]: clang.replace('clang', 'clang++'),
    [`CFLAGS_${target}`]: '-O1 -g -fsanitize=address,fuzzer-no-link',
    [`LIBBPF_SYS_LIBRARY_PATH_${target}`]: `/usr/lib/${triple.replace('-unknown', '')}`,
  };
  const folder = at('host-agent/fuzz');
  const args = ['build', '--locked', '--release', '--target', triple, '--target-dir', at('host-agent/target/fuzz')];
  await run('cargo', args, { cwd: folder, env, log: 'fuzz-build', timeout: 30 * 60_000 });
  const objects = await testObjects(clang);
  rmSync(work('seeds'), { recursive: true, force: true });
  mkdirSync(work('seeds', 'btf'), { recursive: true });
  mkdirSync(work('seeds', 'object'), { recursive: true });
  for (const object of readdirSync(objects))
    if (statSync(join(objects, object)).size <= fuzzers.object.longest)
      cpSync(join(objects, object), work('seeds', 'object', object));
  for (const object of readdirSync(work('seeds', 'object'))) {
    const dump = `--dump-section=.BTF=${work('seeds', 'btf', object)}`;
    await run(clang.replace('clang', 'llvm-objcopy'), [dump, join(objects, object), '/dev/null'], {
      log: 'fuzz-seeds',
    });
  }
  mkdirSync(work('seeds', 'binary'), { recursive: true });
  const probes = at('host-agent/crates/agent/src/rpc/targets/testdata/probes.S');
  for (const kind of ['-static', '-shared', '-no-pie'])
    await run(clang, ['-nostdlib', '-Wl,--build-id', kind, probes, '-o', work('seeds', 'binary', `probes${kind}`)], {
      log: 'fuzz-seeds',
    });
  await run(binary('seeds'), [work('seeds', 'protocol'), join(objects, 'ring.o')], { log: 'fuzz-seeds' });
  rmSync(objects, { recursive: true });
}

/** The agent's test objects, without DWARF: small, and with everything that libbpf reads. */
async function testObjects(clang) {
  mkdirSync(work(), { recursive: true });
  const out = mkdtempSync(work('objects-'));
  const sources = readdirSync(at('host-agent/tests/objects')).filter((name) => name.endsWith('.bpf.c'));
  const includes = [at('core/resources/libbpf'), `/usr/include/${triple.replace('-unknown', '')}`].map(
    (one) => `-I${one}`,
  );
  for (const source of sources) {
    const object = join(out, basename(source, '.bpf.c') + '.o');
    const args = [
      '-target',
      'bpf',
      `-D__TARGET_ARCH_${process.arch === 'arm64' ? 'arm64' : 'x86'}`,
      '-g',
      // Inputs go into the tree: where this checkout lies does not.
      `-ffile-prefix-map=${at()}=.`,
      '-O2',
      ...includes,
      '-c',
      at('host-agent/tests/objects', source),
      '-o',
      object,
    ];
    await run(clang, args, { log: 'fuzz-seeds' });
    await run(clang.replace('clang', 'llvm-strip'), ['-g', object], { log: 'fuzz-seeds' });
  }
  return out;
}

/** The engine's fuzzers with counters in everything of core/src that they use. */
async function buildEngine() {
  const { plugin, banner } = instrumentation((file) => file.startsWith(at('core/src')));
  const { outputFiles } = await build({
    entryPoints: [at('test/fuzz/main.ts'), at('test/fuzz/worker.ts')],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    outdir: work('engine'),
    write: false,
    plugins: [plugin],
    logLevel: 'error',
  });
  mkdirSync(work('engine'), { recursive: true });
  for (const { path, text } of outputFiles) writeFileSync(path, `${banner()}${text}`);
}

/**
 * Runs one fuzzer. @param {string} name @param {{ seconds: number, seed: number }} how
 * @returns {Promise<boolean>} whether it ended without a finding
 */
export async function fuzz(name, { seconds, seed }) {
  const time = Math.min(seconds, mostSeconds);
  mkdirSync(work(name), { recursive: true });
  mkdirSync(work('crashes'), { recursive: true });
  const { code } = await (fuzzers[name].side === 'agent' ? fuzzAgent(name, time, seed) : engine(name, time, seed));
  return code === 0;
}

function fuzzAgent(name, seconds, seed) {
  const args = [
    `-max_total_time=${seconds}`,
    `-seed=${seed}`,
    `-max_len=${fuzzers[name].longest}`,
    // Wall time: a connection that asks for everything on a busy machine takes many seconds with AddressSanitizer.
    `-timeout=${name === 'protocol' ? 120 : 20}`,
    '-rss_limit_mb=1500',
    // Its threads are still giving back their own memory when the leak check looks.
    ...(name === 'protocol' ? ['-detect_leaks=0'] : []),
    '-print_final_stats=1',
    `-artifact_prefix=${work('crashes', `${name}-`)}`,
    work(name),
    ...[corpusOf(name), work('seeds', name)].filter((folder) => existsSync(folder)),
  ];
  return run(binary(name), args, { log: `fuzz-${name}`, allow: anyCode, timeout: (seconds + 300) * 1000 });
}

const anyCode = Array.from({ length: 256 }, (_, code) => code);

function engine(name, seconds, seed, ...more) {
  const args = [name, String(seconds), String(seed), corpusOf(name), work(name), work('crashes'), ...more];
  const env = { ...process.env, RINGSIDE_ROOT: at() };
  const options = { env, log: `fuzz-${name}`, allow: anyCode, timeout: (seconds + 300) * 1000 };
  return run(process.execPath, [work('engine', 'main.mjs'), ...args], options);
}

/** Most bytes of one fuzzer's corpus in the tree. */
export const mostKept = 300_000;

/** Makes the corpus in the tree the smallest that does all that it and the cache do. @param {string} name */
export async function minimize(name) {
  mkdirSync(work(name), { recursive: true });
  if (fuzzers[name].side === 'engine') return engine(name, 0, 1, '--minimize');
  const kept = corpusOf(name);
  const merged = mkdtempSync(work('merged-'));
  const from = [work('seeds', name), kept, work(name)].filter((folder) => existsSync(folder));
  const args = ['-merge=1', `-max_len=${fuzzers[name].longest}`, '-timeout=20', '-rss_limit_mb=1500', merged, ...from];
  await run(binary(name), args, { log: `fuzz-merge-${name}`, timeout: 30 * 60_000 });
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  // The merge tries small inputs first, so the small ones do most.
  const files = readdirSync(merged).map((file) => ({ file, size: statSync(join(merged, file)).size }));
  let size = 0;
  for (const one of files.sort((a, b) => a.size - b.size)) {
    size += one.size;
    if (size > mostKept) break;
    cpSync(join(merged, one.file), join(kept, one.file.slice(0, 16)));
  }
  rmSync(merged, { recursive: true });
}

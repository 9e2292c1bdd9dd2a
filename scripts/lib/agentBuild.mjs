// The host agent's two static binaries, and the protocol code that both sides generate from one schema.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, hashFiles, isFresh, stamp } from './hash.mjs';
import { at, dist, root } from './paths.mjs';
import { Failure, run, which } from './run.mjs';
import { rustEnv } from './rust.mjs';

/** Machines that an agent is built for, as `uname -m` calls them. */
export const architectures = ['x86_64', 'aarch64'];

/** This machine in the same words. */
export const nativeArchitecture = () => ({ x64: 'x86_64', arm64: 'aarch64' })[process.arch] ?? process.arch;

/** Where the agent for a machine is. @param {string} architecture */
export const agentFile = (architecture) => join(dist, 'agents', architecture, 'ringside-agent');

const agentSources = () => filesBelow(at('host-agent'), ['target', 'node_modules']);

/**
 * Builds the agent, unless its sources are those of the last build.
 * @param {string[]} wanted of `architectures`
 * @returns {Promise<string[]>} those that were built now
 */
export async function buildAgents(wanted) {
  const hash = hashFiles(root, agentSources());
  const stale = wanted.filter((name) => !existsSync(agentFile(name)) || !isFresh(`agent-${name}`, hash));
  // Side by side: the linker's optimizer, the longest part of each, uses one processor.
  const builds = await Promise.allSettled(stale.map((name) => buildAgent(name, hash)));
  for (const ended of builds) if (ended.status === 'rejected') throw ended.reason;
  return stale;
}

/** @param {string} architecture @param {string} hash of the sources */
async function buildAgent(architecture, hash) {
  await run('bash', [at('host-agent/build.sh'), architecture], {
    env: rustEnv(),
    log: `agent-${architecture}`,
    remedy:
      'Run `npm run setup -- --profile test` for the system packages that the agent needs (Rust, static libelf and zlib).',
  });
  if (!existsSync(agentFile(architecture)))
    throw new Failure(`host-agent/build.sh ended well but left no ${agentFile(architecture).replace(`${root}/`, '')}.`);
  stamp(`agent-${architecture}`, hash);
}

/**
 * Generates core/src/agent/generated/agent_pb.ts from host-agent/proto/agent.proto, unless it is up to date.
 * @returns {Promise<boolean>} whether it was generated now
 */
export async function generateProtocol() {
  const proto = at('host-agent/proto/agent.proto');
  const out = at('core/src/agent/generated');
  const plugin = at('node_modules/.bin/protoc-gen-es');
  const hash = hashFiles(root, [proto, at('node_modules/@bufbuild/protoc-gen-es/package.json')]);
  if (existsSync(join(out, 'agent_pb.ts')) && isFresh('protocol', hash)) return false;
  if (which('protoc') === undefined)
    throw new Failure(
      'protoc is missing: it reads the agent protocol.',
      'Run `npm run setup`, or install protobuf-compiler.',
    );
  mkdirSync(out, { recursive: true });
  await run(
    'protoc',
    [
      `--plugin=protoc-gen-es=${plugin}`,
      `--es_out=${out}`,
      '--es_opt=target=ts,import_extension=ts',
      '-I',
      at('host-agent/proto'),
      proto,
    ],
    { log: 'protocol' },
  );
  stamp('protocol', hash);
  return true;
}

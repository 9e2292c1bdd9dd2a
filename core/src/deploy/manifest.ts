/** The agents that ship with Ringside: one static program per architecture and the hashes that they must have. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RingsideError } from '../errors.ts';

export interface AgentFile {
  /** File name in the folder of the manifest. */
  file: string;
  /** 64 hexadecimal digits. */
  sha256: string;
  bytes: number;
}

/** `<resourceDir>/agents/manifest.json`. Architectures are named as `uname -m` does. */
export interface AgentManifest {
  version: string;
  agents: Record<string, AgentFile>;
}

const remedy = 'Build them with `npm run build`; in the packaged extension, reinstall it.';

function folderOf(resourceDir: string): string {
  return join(resourceDir, 'agents');
}

/** Reads and checks the manifest. Error: agent-missing. */
export async function readManifest(resourceDir: string): Promise<AgentManifest> {
  const file = join(folderOf(resourceDir), 'manifest.json');
  const bad = (why: string): RingsideError =>
    new RingsideError('agent-missing', `The list of host agents ${file} cannot be used: ${why}.`, {
      remedy,
      links: [file],
    });
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw bad((error as Error).message);
  }
  if (!isRecord(value) || typeof value['version'] !== 'string' || !isRecord(value['agents']))
    throw bad('it is no manifest');
  const agents: Record<string, AgentFile> = {};
  for (const [arch, agent] of Object.entries(value['agents'])) {
    // These words become part of a shell script, so their shape is not left to chance.
    const usable =
      /^[a-z0-9_]{1,32}$/.test(arch) &&
      isRecord(agent) &&
      typeof agent['file'] === 'string' &&
      /^(?:[a-z0-9_]{1,32}\/)?[a-z0-9_-]{1,64}$/.test(agent['file']) &&
      typeof agent['sha256'] === 'string' &&
      /^[0-9a-f]{64}$/.test(agent['sha256']) &&
      Number.isSafeInteger(agent['bytes']) &&
      (agent['bytes'] as number) > 0;
    if (!usable) throw bad(`the entry ${JSON.stringify(arch)} is wrong`);
    agents[arch] = {
      file: agent['file'] as string,
      sha256: agent['sha256'] as string,
      bytes: agent['bytes'] as number,
    };
  }
  return { version: value['version'], agents };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The agent's bytes, checked against the manifest. Error: agent-missing. */
export async function readAgent(resourceDir: string, agent: AgentFile): Promise<Buffer> {
  const file = join(folderOf(resourceDir), agent.file);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new RingsideError('agent-missing', `The host agent ${file} cannot be read: ${(error as Error).message}.`, {
      remedy,
      links: [file],
    });
  }
  if (sha256(bytes) !== agent.sha256) {
    throw new RingsideError(
      'agent-missing',
      `The host agent ${file} is not the one that the manifest lists (SHA-256 differs).`,
      {
        remedy,
        links: [file],
      },
    );
  }
  return bytes;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

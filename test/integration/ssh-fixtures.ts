/** What the ssh and deploy tests share: prompters, a stub agent with its manifest, error capture. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { machine, tmpdir } from 'node:os';
import { join } from 'node:path';
import { RingsideError } from '../../core/src/errors.ts';
import type { HostKeyAnswer, HostKeyQuestion, Prompter, SecretQuestion } from '../../core/src/prompt.ts';

/** Fails the test when anything is asked. */
export const nobody: Prompter = {
  confirmHostKey: () => Promise.reject(new Error('a host key was asked about')),
  secret: (question) => Promise.reject(new Error(`a secret was asked for: ${question.prompt}`)),
};

export interface RecordingPrompter extends Prompter {
  hostKeys: HostKeyQuestion[];
  secrets: SecretQuestion[];
}

/** Answers from lists, in order; undefined when a list is used up. */
export function answering(answers: { hostKey?: HostKeyAnswer; secrets?: (string | undefined)[] }): RecordingPrompter {
  const left = [...(answers.secrets ?? [])];
  const prompter: RecordingPrompter = {
    hostKeys: [],
    secrets: [],
    confirmHostKey: (question) => {
      prompter.hostKeys.push(question);
      return Promise.resolve(answers.hostKey ?? 'no');
    },
    secret: (question) => {
      prompter.secrets.push(question);
      return Promise.resolve(left.shift());
    },
  };
  return prompter;
}

/** The RingsideError that a promise must reject with. */
export async function failure(promise: Promise<unknown>): Promise<RingsideError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RingsideError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** The agents' first eight bytes (agent.proto). */
export const magic = Buffer.from([0x00, 0xe2, 0x52, 0x49, 0x4e, 0x47, 0x1a, 0x0a]);

const stubSource = `
#include <stdio.h>
#include <unistd.h>
int main(void) {
  static char buffer[65536];
  fprintf(stderr, "stub of version %s\\n", VERSION);
  write(1, "\\0\\342RING\\032\\n", 8);
  for (;;) {
    ssize_t n = read(0, buffer, sizeof buffer);
    if (n <= 0) return 0;
    for (ssize_t done = 0; done < n;) {
      ssize_t w = write(1, buffer + done, n - done);
      if (w <= 0) return 1;
      done += w;
    }
  }
}
`;

export interface StubResources {
  resourceDir: string;
  sha256: string;
  file: string;
  remove(): void;
}

/** A resource folder with a static stand-in for the agent: says the magic, then echoes its stdin. */
export function stubAgent(version = '1', architectures = [machine()], source = stubSource): StubResources {
  const resourceDir = mkdtempSync(join(tmpdir(), 'ringside-agents-'));
  const folder = join(resourceDir, 'agents');
  mkdirSync(folder);
  const file = join(folder, 'stub');
  execFileSync('gcc', ['-static', '-O1', `-DVERSION="${version}"`, '-x', 'c', '-', '-o', file], { input: source });
  const bytes = readFileSync(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const agents = Object.fromEntries(architectures.map((arch) => [arch, { file: 'stub', sha256, bytes: bytes.length }]));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ version, agents }));
  return { resourceDir, sha256, file, remove: () => rmSync(resourceDir, { recursive: true, force: true }) };
}

/** Reads exactly so many bytes from a stream in the way the agent's client does: by 'data'. */
export function take(stream: NodeJS.ReadableStream, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < length) return;
      stream.off('data', onData);
      resolve(bytes);
    };
    stream.on('data', onData);
    stream.once('end', () => reject(new Error(`ended after ${bytes.length} of ${length} bytes`)));
  });
}

/** The verdict of a host's verifier: every program loaded alone, nothing attached, nothing left loaded. */
import { readFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ObjectOptionsSchema, ProgramVerdict } from '../agent/generated/agent_pb.ts';
import type { VerifyReport } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { verdictFromAgent } from '../verifier/index.ts';
import { printable } from '../agent/frames.ts';
import type { ConnectedHost } from './hosts.ts';
import { loadPlan, type LoadSpec } from './loadPlan.ts';
import type { PreparedObject } from './prepare.ts';

/** Verifier log level: register states of every instruction plus statistics (BPF_LOG_LEVEL1 | BPF_LOG_STATS). */
const LOG_LEVEL = 1 | 4;
/** Below BPF_LOG_LEVEL2 the kernel takes back what it has logged of a path that ends well. */
const EVERY_PATH = 2 | 4;

/** At level 1, kernels before 5.17 print states only where paths meet; at level 2, before every instruction. */
const ALL_STATES = 2 | 4;
const STATES_LIMIT_BYTES = 8 << 20;

const printsStates = (kernel: string): boolean => {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  return Number(major) * 1000 + Number(minor) >= 5017;
};

export async function verifyOn(
  host: ConnectedHost,
  object: PreparedObject,
  spec: LoadSpec & { everyPath?: boolean },
  fullLog: FileHandle | undefined,
  call: CallOptions,
): Promise<VerifyReport> {
  call.progress?.({ step: `Verifying on ${host.name}` });
  const plan = await loadPlan(object, spec, 'verify', host);
  const objectBlob = await host.agent.sendBlob(plan.bytes, call);
  const kernelBtfBlob = plan.kernelBtf === null ? 0 : await host.agent.sendBlob(plan.kernelBtf, call);
  const options = { ...plan.options, kernelBtfBlob, logLevel: spec.everyPath === true ? EVERY_PATH : LOG_LEVEL };
  const { programs } = await host.agent.request(
    { case: 'verifyObject', value: { objectBlob, options } },
    'verify',
    call,
  );
  const states =
    spec.everyPath === true || printsStates(host.info.kernel)
      ? null
      : await logsWithStates(host, objectBlob, options, programs, call);
  const verdicts = [];
  const readSource = sourceReader(object.file);
  for (const p of programs) {
    const bytes = p.logBlob === 0 ? new Uint8Array(0) : host.agent.takeBlob(p.logBlob);
    const log = printable(states?.get(p.name) ?? bytes);
    await fullLog?.write(`==== ${host.name} ${p.name} (${p.section}): ${p.verdict}\n${log}\n`);
    const error = p.error && { code: p.error.code, message: p.error.message, hint: p.error.hint };
    verdicts.push(
      verdictFromAgent(
        {
          name: p.name,
          section: plan.sections.get(p.name) ?? p.section,
          verdict: p.verdict,
          error: error ?? null,
          log,
          instructions: p.instructions,
          verifyMicros: Number(p.verifyMicros),
          libbpfLog: printable(p.libbpfLog),
        },
        object.full,
        readSource,
      ),
    );
  }
  for (const { program, section, error } of plan.leftOut) {
    const { code, message, remedy: hint } = error;
    const skipped = { verdict: 'skipped', log: '', instructions: 0, verifyMicros: 0, libbpfLog: '' };
    verdicts.push(
      verdictFromAgent({ name: program, section, ...skipped, error: { code, message, hint } }, object.full),
    );
  }
  return {
    ok: verdicts.every((v) => v.verdict !== 'rejected'),
    host: host.name,
    kernel: host.info.kernel,
    programs: verdicts,
    notes: plan.notes.map(({ about, text }) => `${about}: ${text}`),
  };
}

/** Logs of what was rejected, once more with all states; a program whose log gets too long is not among them. */
async function logsWithStates(
  host: ConnectedHost,
  objectBlob: number,
  options: MessageInitShape<typeof ObjectOptionsSchema>,
  first: readonly ProgramVerdict[],
  call: CallOptions,
): Promise<Map<string, Uint8Array>> {
  const logs = new Map<string, Uint8Array>();
  const rejected = first.filter((p) => p.verdict === 'rejected' && p.logBlob !== 0 && !p.logTruncated);
  if (rejected.length === 0) return logs;
  const more = {
    ...options,
    programs: rejected.map((p) => p.name),
    logLevel: ALL_STATES,
    logLimitBytes: BigInt(STATES_LIMIT_BYTES),
  };
  const { programs } = await host.agent.request(
    { case: 'verifyObject', value: { objectBlob, options: more } },
    'verify',
    call,
  );
  for (const { name, verdict, logBlob, logTruncated } of programs) {
    const log = logBlob === 0 ? null : host.agent.takeBlob(logBlob);
    if (log !== null && verdict === 'rejected' && !logTruncated) logs.set(name, log);
  }
  return logs;
}

/** Source files by the names that line information has for them: absolute, or as seen from the program's folder. */
function sourceReader(file: string): (name: string) => string | null {
  return (name) => {
    try {
      return readFileSync(resolve(dirname(resolve(file)), name), 'utf8');
    } catch {
      return null; // moved or generated: the verdict is told without repairs
    }
  };
}

export async function openFullLog(path: string | undefined): Promise<FileHandle | undefined> {
  return path === undefined ? undefined : open(path, 'w');
}

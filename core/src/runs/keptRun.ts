/**
 * Runs that outlive their client: what is left with the agent so that any other client can go on with the run, and how
 * it is read again. It comes from a host, so everything in it is checked; the object is read by the reader that takes any.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { KeptRun as AgentKeptRun } from '../agent/generated/agent_pb.ts';
import { inspectObject } from '../bpf/index.ts';
import { sentObject } from '../build/index.ts';
import { RingsideError } from '../errors.ts';
import type { AttachSpec, KeptRunInfo } from '../model/index.ts';
import type { PreparedObject } from './prepare.ts';

const VERSION = 1;
/** Unpacked, at most. */
const MAX_BYTES = 64 << 20;

/** The part of a spec that says what the run is; how it is looked at is up to whoever does. */
type KeptSpec = Pick<AttachSpec, 'file' | 'programs' | 'targets' | 'set'>;

export function keptDetails(spec: AttachSpec, object: PreparedObject): Uint8Array {
  const { file, programs, targets, set } = spec;
  const head: KeptSpec & { version: number; cpu: string } = {
    version: VERSION,
    cpu: object.cpu,
    file,
    programs,
    targets,
    set,
  };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return gzipSync(Buffer.concat([length, text, object.full]));
}

/** Errors: protocol, when it is nothing that this version has left there; object-…, when the object cannot be read. */
export function readDetails(details: Uint8Array): { spec: KeptSpec; object: PreparedObject } {
  let head: unknown;
  let full: Uint8Array;
  try {
    const bytes = gunzipSync(details, { maxOutputLength: MAX_BYTES });
    const length = bytes.readUInt32LE(0);
    head = JSON.parse(bytes.subarray(4, 4 + length).toString('utf8'));
    full = new Uint8Array(bytes.subarray(4 + length));
  } catch (error) {
    throw foreign(error);
  }
  if (!isHead(head)) throw foreign(undefined);
  const { cpu, file, programs, targets, set } = head;
  const object = { file, full, stripped: sentObject(full), report: inspectObject(full), diagnostics: [], cpu };
  return { spec: { file, programs, targets, set }, object };
}

const foreign = (cause: unknown): RingsideError =>
  new RingsideError('protocol', 'The run was kept by another version of Ringside, or what it left is damaged.', {
    remedy: 'Look at it with the version that kept it, or end it with `ringside end HOST RUN`.',
    cause,
  });

const isText = (value: unknown): value is string => typeof value === 'string' && value.length < 65_536;

function isHead(value: unknown): value is KeptSpec & { cpu: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { version, cpu, file, programs, targets, set } = value as Record<string, unknown>;
  return (
    version === VERSION &&
    isText(cpu) &&
    isText(file) &&
    Array.isArray(programs) &&
    programs.every(isText) &&
    Array.isArray(targets) &&
    targets.every(
      (t: unknown) =>
        typeof t === 'object' &&
        t !== null &&
        ['program', 'key', 'value'].every((k) => isText((t as Record<string, unknown>)[k])),
    ) &&
    typeof set === 'object' &&
    set !== null &&
    Object.values(set).every(isText)
  );
}

export function keptRunInfo(host: string, { run, name, by, sinceNs, expiresNs, pid, uid }: AgentKeptRun): KeptRunInfo {
  return { host, run, name, by, since: String(sinceNs), expires: String(expiresNs), pid, uid };
}

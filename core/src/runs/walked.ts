/** Which lines of a program a host's verifier walks: all programs loaded alone with a whole log, nothing stays loaded. */
import { BpfObject } from '../bpf/index.ts';
import type { WalkedReport } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { walkedInsns, WalkedLines } from '../testrun/index.ts';
import type { ConnectedHost } from './hosts.ts';
import { loadPlan, type LoadSpec } from './loadPlan.ts';
import type { PreparedObject } from './prepare.ts';

/** BPF_LOG_LEVEL2: every instruction of every path stays in the log. */
const LOG_LEVEL = 2;

export async function walkedOn(
  host: ConnectedHost,
  object: PreparedObject,
  spec: LoadSpec,
  call: CallOptions,
): Promise<WalkedReport> {
  call.progress?.({ step: `Following the verifier of ${host.name}` });
  const { agent } = host;
  const plan = await loadPlan(object, spec, 'verify', host);
  const objectBlob = await agent.sendBlob(plan.bytes, call);
  const kernelBtfBlob = plan.kernelBtf === null ? 0 : await agent.sendBlob(plan.kernelBtf, call);
  const options = { ...plan.options, kernelBtfBlob, logLevel: LOG_LEVEL };
  const { programs } = await agent.request({ case: 'verifyObject', value: { objectBlob, options } }, 'verify', call);
  const lines = new WalkedLines(BpfObject.parse(object.full), object.file);
  const report: WalkedReport = { host: host.name, kernel: host.info.kernel, cut: [], refused: [], files: [] };
  for (const { name, verdict, logBlob, logTruncated, error } of programs) {
    const log = logBlob === 0 ? new Uint8Array(0) : agent.takeBlob(logBlob);
    if (logTruncated) report.cut.push(name);
    if (verdict !== 'accepted') report.refused.push({ program: name, message: error?.message ?? verdict });
    lines.add(name, walkedInsns(log));
  }
  return { ...report, files: lines.files() };
}

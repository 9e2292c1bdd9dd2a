/** The code of any program of a host, asked of its agent, with the names of what it calls and uses. */
import type { AgentClient } from '../agent/client.ts';
import type { ProgramCode as PbCode } from '../agent/generated/agent_pb.ts';
import { Btf } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import { visibleText } from '../events/index.ts';
import { programItem } from '../maps/index.ts';
import type { ProgramCode } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { helperNumbers, readCode, type RawCode } from './programCode.ts';

/** Errors: `unknown-program`, `no-permission`. */
export async function hostCode(agent: AgentClient, host: string, id: number, call: CallOptions): Promise<ProgramCode> {
  const list = await agent.request({ case: 'listPrograms', value: { ids: [id] } }, 'programList', call);
  const entry = list.programs[0];
  const code = await agent.request({ case: 'getProgramCode', value: { id } }, 'programCode', call);
  const taken = (blob: number): Uint8Array => (blob === 0 ? new Uint8Array(0) : agent.takeBlob(blob));
  const raw: RawCode = { ...code, xlated: taken(code.xlatedBlob), jited: taken(code.jitedBlob) };
  const btf = await typesOf(agent, code.btfId, call);
  const helpers = await helperNames(agent, code, raw.xlated, call);
  const maps = await mapNames(agent, entry?.mapIds ?? [], call);
  const unknown = await whyHidden(agent, code, raw, call);
  const item = entry && programItem(entry, list.ownersKnown);
  return {
    ...{ host, id, name: item?.name ?? '', type: item?.type ?? '', arch: agent.hello.arch },
    xlatedBytes: raw.xlated.length === 0 ? null : raw.xlated.length,
    jitedBytes: raw.jited.length === 0 ? null : raw.jited.length,
    functions: readCode(raw, { btf, helper: (imm) => helpers.get(imm), map: (mapId) => maps.get(mapId) }),
    ...unknown,
  };
}

/** null where the program has no types, or none that this reader can read: then there are no lines. */
async function typesOf(agent: AgentClient, id: number, call: CallOptions): Promise<Btf | null> {
  if (id === 0) return null;
  try {
    const answer = await agent.request({ case: 'getBtfById', value: { id } }, 'btf', call);
    return answer.blob === 0 || answer.split ? null : Btf.parse(agent.takeBlob(answer.blob));
  } catch (error) {
    const { code } = RingsideError.from(error);
    if (code !== 'no-btf' && code !== 'object-malformed' && code !== 'no-permission') throw error;
    return null;
  }
}

/** Calls name helpers by their distance from one function of the kernel. */
async function helperNames(
  agent: AgentClient,
  { callBase }: PbCode,
  xlated: Uint8Array,
  call: CallOptions,
): Promise<Map<number, string>> {
  const numbers = helperNumbers(xlated);
  if (callBase === 0n || numbers.length === 0) return new Map();
  const addresses = numbers.map((imm) => BigInt.asUintN(64, callBase + BigInt(imm)));
  try {
    const { symbols } = await agent.request({ case: 'symbolize', value: { pid: 0, addresses } }, 'symbolize', call);
    const named = numbers.map((imm, i) => [imm, symbols[i]] as const);
    return new Map(
      named.flatMap(([imm, symbol]) => (symbol?.name && symbol.offset === 0n ? [[imm, visibleText(symbol.name)]] : [])),
    );
  } catch (error) {
    const { code } = RingsideError.from(error);
    if (code !== 'no-permission' && code !== 'symbols-failed') throw error;
    return new Map();
  }
}

async function mapNames(agent: AgentClient, ids: readonly number[], call: CallOptions): Promise<Map<number, string>> {
  if (ids.length === 0) return new Map();
  const { maps } = await agent.request({ case: 'listMaps', value: { ids: [...ids] } }, 'mapList', call);
  return new Map(maps.map(({ id, name }) => [id, visibleText(name)]));
}

async function whyHidden(
  agent: AgentClient,
  code: PbCode,
  raw: RawCode,
  call: CallOptions,
): Promise<Pick<ProgramCode, 'xlatedUnknown' | 'jitedUnknown'>> {
  if (raw.xlated.length > 0 && raw.jited.length > 0) return { xlatedUnknown: '', jitedUnknown: '' };
  const facts = await agent.request({ case: 'getHostFacts', value: {} }, 'hostFacts', call);
  const rights = 'The kernel shows it only with CAP_BPF and CAP_PERFMON, or to root.';
  const hidden = `The kernel hides the code with its addresses: this needs CAP_SYSLOG and kernel.kptr_restrict at most 1 (it is ${facts.kptrRestrict || 'unknown'}).`;
  const jitOff = 'The program is interpreted: net.core.bpf_jit_enable is 0.';
  const why = (bytes: number): string => (bytes === 0 ? rights : hidden);
  return {
    xlatedUnknown: raw.xlated.length > 0 ? '' : why(code.xlatedBytes),
    jitedUnknown: raw.jited.length > 0 ? '' : facts.jit.trim() === '0' ? jitOff : why(code.jitedBytes),
  };
}

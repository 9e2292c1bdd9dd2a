/** What the agent lists of a host, as the model shows it: unknown is null, never 0. */
import type { LinkEntry, MapEntry, NetAttachment, Owner, ProgramEntry } from '../agent/generated/agent_pb.ts';
import type { Count, LinkItem, MapItem, ObjectOwner, ProgramItem } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { AgentClient } from '../agent/client.ts';
import { jsonInteger, visibleText } from '../events/index.ts';

const count = (value: bigint): Count => jsonInteger(value);
const known = (value: bigint, isKnown: boolean): Count | null => (isKnown ? count(value) : null);
const positive = (value: number): number | null => (value === 0 ? null : value);

export async function listPrograms(agent: AgentClient, call: CallOptions): Promise<ProgramItem[]> {
  const list = await agent.request({ case: 'listPrograms', value: {} }, 'programList', call);
  return list.programs.map((program) => programItem(program, list.ownersKnown));
}

export async function listMaps(agent: AgentClient, ids: number[], call: CallOptions): Promise<MapItem[]> {
  const list = await agent.request({ case: 'listMaps', value: { ids } }, 'mapList', call);
  return list.maps.map((map) => mapItem(map, list.ownersKnown));
}

/** Links, and after them what is attached to interfaces without one. */
export async function listLinks(agent: AgentClient, call: CallOptions): Promise<LinkItem[]> {
  const list = await agent.request({ case: 'listLinks', value: {} }, 'linkList', call);
  const net = await agent.request({ case: 'listNetAttachments', value: {} }, 'netAttachmentList', call);
  const programs = await listPrograms(agent, call);
  const byId = new Map(programs.map((program) => [program.id, program]));
  const links = list.links.map((link) => linkItem(link, list.ownersKnown, byId));
  return [...links, ...net.attachments.filter((a) => a.linkId === 0).map((a) => netItem(a, byId))];
}

function owned(owners: Owner[], pins: string[], ownersKnown: boolean) {
  const list: ObjectOwner[] = owners.map(({ pid, command, ringside }) => ({
    pid,
    command: visibleText(command),
    ringside,
  }));
  return {
    owners: ownersKnown || list.length > 0 ? list : null,
    pins: pins.map(visibleText),
    ringside: list.some((owner) => owner.ringside) ? true : ownersKnown ? false : null,
  };
}

export function programItem(p: ProgramEntry, ownersKnown: boolean): ProgramItem {
  return {
    id: p.id,
    name: visibleText(p.name),
    type: p.type,
    tag: p.tag,
    attachTo: p.attachTo === '' ? null : visibleText(p.attachTo),
    gpl: p.gpl,
    uid: p.uid,
    loadedAt: p.loadedAtNs.toString(),
    instructionBytes: positive(p.xlatedBytes),
    jitedBytes: positive(p.jitedBytes),
    memoryBytes: known(p.memlockBytes, p.memlockKnown),
    mapIds: p.mapIds,
    btfId: positive(p.btfId),
    runs: known(p.runCount, p.runsKnown),
    runNanos: known(p.runNanos, p.runsKnown),
    nanosPerRun: p.runsKnown && p.runCount > 0n ? Number(p.runNanos) / Number(p.runCount) : null,
    recursionMisses: count(p.recursionMisses),
    verifiedInstructions: positive(p.verifiedInsns),
    ...owned(p.owners, p.pins, ownersKnown),
  };
}

export function mapItem(m: MapEntry, ownersKnown: boolean): MapItem {
  return {
    id: m.id,
    name: visibleText(m.name),
    type: m.type,
    keySize: m.keySize,
    valueSize: m.valueSize,
    maxEntries: m.maxEntries,
    flags: count(m.flags),
    extra: count(m.mapExtra),
    memoryBytes: known(m.memlockBytes, m.memlockKnown),
    frozen: m.frozen,
    btfId: positive(m.btfId),
    ...owned(m.owners, m.pins, ownersKnown),
  };
}

type Programs = ReadonlyMap<number, ProgramItem>;

function programOf(id: number, programs: Programs): LinkItem['program'] {
  return id === 0 ? null : { id, name: programs.get(id)?.name ?? '' };
}

export function linkItem(l: LinkEntry, ownersKnown: boolean, programs: Programs): LinkItem {
  const details = Object.entries(l.details).map(([name, value]) => [name, visibleText(value)] as const);
  return {
    id: l.id,
    kind: l.kind,
    program: programOf(l.programId, programs),
    attachType: l.attachType === '' ? null : l.attachType,
    target: visibleText(l.target),
    details: Object.fromEntries(details.sort(([a], [b]) => (a < b ? -1 : 1))),
    missed: known(l.missed, l.missedKnown),
    ...owned(l.owners, l.pins, ownersKnown),
  };
}

/** Its owners are those of its program: nothing else keeps it apart from the interface. */
export function netItem(a: NetAttachment, programs: Programs): LinkItem {
  const program = programs.get(a.programId);
  const details: Record<string, string> = { ifindex: String(a.ifindex) };
  details[a.kind === 'xdp' ? 'mode' : 'direction'] = a.mode;
  if (a.kind === 'tc') {
    details['handle'] = `0x${a.handle.toString(16)}`;
    details['name'] = visibleText(a.name);
    details['priority'] = String(a.priority);
  }
  return {
    id: null,
    kind: a.kind,
    program: programOf(a.programId, programs),
    attachType: null,
    target: visibleText(`${a.iface} ${a.mode}`),
    details,
    missed: null,
    owners: program?.owners ?? null,
    pins: [],
    ringside: program?.ringside ?? null,
  };
}

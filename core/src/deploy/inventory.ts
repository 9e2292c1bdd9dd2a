/** What is installed and running of us on a host, and its removal. */
import type { AgentRemoval, AgentStatus } from '../model/index.ts';
import type { Transport } from '../ssh/transport.ts';
import { scriptFailure } from './deployAgent.ts';
import { readManifest } from './manifest.ts';
import { inventoryScript } from './scripts.ts';
import { withPrivilege, type Marker, type SessionOptions } from './session.ts';

export interface InventoryOptions extends SessionOptions {
  /** Folder with `agents/manifest.json`: tells which installed agents are the current ones. */
  resourceDir: string;
  /** Where root's agents are kept on the host; tests have their own. */
  folders?: readonly string[];
}

async function inventory(
  transport: Transport,
  action: 'list' | 'remove',
  options: InventoryOptions,
): Promise<Marker[]> {
  return withPrivilege(
    transport,
    options,
    (nonce, elevation) => inventoryScript(nonce, action, elevation, options.folders),
    (code, text) => scriptFailure(transport.host, code, text),
    async (session) => {
      const markers: Marker[] = [];
      for (;;) {
        const marker = await session.next();
        if (marker.word === 'done') break;
        markers.push(marker);
      }
      session.finish(false);
      return markers;
    },
  );
}

/**
 * The agents on a host. `startedSeconds` is the age of a process in seconds; `current` says that a file is the one
 * that this version would start (a file that was tampered with is not).
 */
export async function agentStatus(transport: Transport, options: InventoryOptions): Promise<AgentStatus> {
  const manifest = await readManifest(options.resourceDir);
  const hashes = new Set(Object.values(manifest.agents).map((agent) => agent.sha256));
  const status: AgentStatus = { host: transport.host, installed: [], running: [], kept: [] };
  options.progress?.({ step: `Looking for agents on ${transport.host}` });
  for (const { word, text } of await inventory(transport, 'list', options)) {
    const fields = text.split(' ');
    if (word === 'agent') {
      const [bytes = '', sha256 = '', ...path] = fields;
      status.installed.push({ path: path.join(' '), sha256, bytes: Number(bytes), current: hashes.has(sha256) });
    } else if (word === 'running') {
      const [pid = '', user = '', ticks = '', uptime = '', hz = ''] = fields;
      const age = Number(uptime) - Number(ticks) / Number(hz);
      status.running.push({ pid: Number(pid), user, startedSeconds: Math.max(0, Math.round(age)) });
    } else if (word === 'kept') {
      const [run = '', expires = '', pid = '', ...name] = fields;
      status.kept.push({ run, name: name.join(' '), pid: Number(pid), expires });
    }
  }
  return status;
}

/** Ends our agents on a host, by their own pids, and removes every installed version; touches nothing else. */
export async function agentRemove(transport: Transport, options: InventoryOptions): Promise<AgentRemoval> {
  options.progress?.({ step: `Removing agents from ${transport.host}` });
  const markers = await inventory(transport, 'remove', options);
  return { host: transport.host, removed: markers.filter(({ word }) => word === 'removed').map(({ text }) => text) };
}

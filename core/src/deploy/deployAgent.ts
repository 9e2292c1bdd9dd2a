/** Gets the agent onto a host and running: one command when it is there already, one upload when it is not. */
import { isErrorCode, RingsideError } from '../errors.ts';
import type { ConnectionState } from '../model/index.ts';
import { quote } from '../ssh/shell.ts';
import type { ExecChannel, Transport } from '../ssh/transport.ts';
import { readAgent, readManifest, sha256, type AgentFile, type AgentManifest } from './manifest.ts';
import { launchScript, type Elevation } from './scripts.ts';
import { readable, withPrivilege, type HostSession, type SessionOptions } from './session.ts';
import { sudoFailure } from './sudo.ts';

export interface DeployOptions extends SessionOptions {
  /** Folder with `agents/manifest.json` and the agents. */
  resourceDir: string;
  onState?: (state: ConnectionState) => void;
  /** Where root's agents are kept on the host; tests have their own. */
  folders?: readonly string[];
  /** The kept run that is taken over: the first words are then those of the agent that keeps it. */
  adopt?: string;
}

export type Privilege = 'root' | 'sudo' | 'user';

/** The agent, started; its magic is the next thing on stdout (after whatever the login shell may have printed). */
export interface AgentProcess {
  channel: ExecChannel;
  sha256: string;
  /** Its file on the host. */
  path: string;
  /** `uname -m`. */
  arch: string;
  privilege: Privilege;
  /** The way to it. */
  elevation: Elevation['kind'];
  /** It was uploaded by this call. */
  installed: boolean;
  /** Ends an ephemeral agent's stay: waits for its end and for the removal of its file. Else it does nothing. */
  cleanup(): Promise<void>;
}

const chunkBytes = 256 * 1024;
/** The agent must say its first word by then. */
const firstByteMs = 15_000;
/** The host removes an ephemeral agent's file when the agent has ended; a lease may have to run out before. */
const cleanupMs = 5_000;

interface HostFacts {
  arch: string;
  uid: string;
  user: string;
}

/** An error of the scripts' `fail` marker with words and remedy. */
export function scriptFailure(host: string, code: string, text: string): RingsideError {
  switch (code) {
    case 'not-linux':
      return new RingsideError(
        'not-linux',
        `${host} runs ${text.split(' ')[0] ?? 'something else'}; eBPF needs Linux.`,
        {
          remedy: 'Choose a Linux host; a virtual machine will do.',
        },
      );
    case 'arch-unsupported':
      return new RingsideError('arch-unsupported', `${host} is a ${text} machine, for which there is no agent.`, {
        remedy: 'x86_64 and aarch64 are supported.',
      });
    case 'agent-tampered':
      return new RingsideError(
        'agent-tampered',
        `The agent's file ${text} on ${host} is not the one that was installed, and was not executed.`,
        {
          remedy: `Find out who changed it; then \`ringside agent remove ${host}\` and connect again to install it anew.`,
          links: [text],
        },
      );
    case 'no-space':
      return new RingsideError('no-space', `There is no space for the agent on ${host}: ${text}`, {
        remedy: 'Free a few megabytes there (`df -h`), then try again.',
        detail: text,
      });
    case 'noexec':
      return new RingsideError('noexec', `No folder on ${host} lets the agent be executed: ${text}`, {
        remedy: noexecRemedy(text),
        detail: text,
      });
    case 'not-writable':
      return new RingsideError('not-writable', `The agent cannot be stored on ${host}: ${text}`, {
        remedy: 'Make one of these folders writable (a read-only file system? a full inode table?), then try again.',
        detail: text,
      });
    case 'sudo-denied':
      return sudoFailure(host, text, 0);
    default:
      return new RingsideError(
        isErrorCode(code) ? code : 'agent-start',
        `The agent could not be started on ${host}: ${text}.`,
        {
          remedy: 'Try again; the host may have become unreachable or full meanwhile.',
        },
      );
  }
}

/** `text` has what the script found ("FOLDER is on MOUNT, which …"), or is the path that could not be executed. */
function noexecRemedy(text: string): string {
  const known = / is on (\/[^,;]*), which/.exec(text)?.[1];
  const mount = known === undefined ? `"$(df -P ${quote(text)} | sed -n '2s/.* //p')"` : quote(known);
  return `Let root there run \`mount -o remount,exec ${mount}\` (for good: take noexec out of its line in /etc/fstab), then try again.`;
}

/**
 * Starts the agent on a connected host, installing it first when it is missing. Its file's SHA-256 is compared on the
 * host, in a folder that only the starting user can write to, by the very shell that then executes it.
 * Errors: agent-missing, agent-tampered, agent-start, arch-unsupported, not-linux, no-space, noexec, not-writable,
 * sudo-denied, sudo-password-needed, sudo-password-wrong, host-lost, host-timeout, cancelled.
 */
export async function deployAgent(transport: Transport, options: DeployOptions): Promise<AgentProcess> {
  const manifest = await readManifest(options.resourceDir);
  const { ephemeral } = options.ssh;
  options.onState?.('probing');
  options.progress?.({ step: `Starting agent on ${transport.host}` });
  return withPrivilege(
    transport,
    options,
    (nonce, elevation) => launchScript(nonce, manifest, elevation, ephemeral, options.folders, options.adopt),
    (code, text) => scriptFailure(transport.host, code, text),
    async (session, elevation) => {
      const facts = readFacts(await expectMarker(session, 'host'));
      try {
        const uid = await expectMarker(session, 'up');
        const privilege: Privilege = uid !== '0' ? 'user' : facts.uid === '0' ? 'root' : 'sudo';
        options.log.debug(
          `${transport.host}: ${facts.arch}, uid ${facts.uid}, start as ${privilege} (${elevation.kind})`,
        );
        return await start(transport, options, manifest, session, facts, { privilege, elevation: elevation.kind });
      } catch (error) {
        throw withUser(error, facts.user);
      }
    },
  );
}

/** sudo's refusals name the line to add; only now the user's name is known. */
function withUser(error: unknown, user: string): unknown {
  if (!(error instanceof RingsideError) || error.code !== 'sudo-denied') return error;
  const name = /^[\w.@-]+$/.test(user) ? user : 'USER';
  return new RingsideError(error.code, error.message, {
    remedy: error.remedy.replaceAll('USER', name),
    detail: error.detail,
    links: error.links,
  });
}

async function expectMarker(session: HostSession, word: string): Promise<string> {
  const marker = await session.next();
  if (marker.word !== word)
    throw new RingsideError('agent-start', `The start script said ${marker.word}, not ${word}.`);
  return marker.text;
}

function readFacts(text: string): HostFacts {
  const [, arch = '', uid = '', user = ''] = text.split(' ');
  return { arch, uid, user };
}

async function start(
  transport: Transport,
  options: DeployOptions,
  manifest: AgentManifest,
  session: HostSession,
  facts: HostFacts,
  right: Pick<AgentProcess, 'privilege' | 'elevation'>,
): Promise<AgentProcess> {
  const agent = manifest.agents[facts.arch];
  if (!agent) throw scriptFailure(transport.host, 'arch-unsupported', facts.arch);
  let installed = false;
  for (;;) {
    const { word, text } = await session.next();
    if (word === 'need') {
      installed = true;
      options.onState?.('installing');
      await upload(transport, options, session, agent, text);
    } else if (word === 'readback') {
      await readBack(transport, session, agent, text);
    } else if (word === 'start') {
      if (right.privilege !== 'user') options.onState?.('privileged');
      await firstByte(transport, session, text, options.adopt);
      session.handOver();
      return {
        channel: session.channel,
        sha256: agent.sha256,
        path: text,
        arch: facts.arch,
        ...right,
        installed,
        cleanup: () => cleanUp(session.channel, options.ssh.ephemeral),
      };
    }
  }
}

/** "OFFSET FOLDER": an upload that was cut goes on where it ended. The whole is hashed on the host in any case. */
function readNeed(transport: Transport, agent: AgentFile, need: string): [number, string] {
  const [offset = '', ...folder] = need.split(' ');
  const begin = Number(offset);
  if (!/^\d+$/.test(offset) || begin >= agent.bytes)
    throw new RingsideError('agent-start', `The start script on ${transport.host} asked for bytes that there are not.`);
  return [begin, folder.join(' ')];
}

/** Sends the agent's bytes to the waiting script. Stops when the script ends, which then has said why. */
async function upload(
  transport: Transport,
  options: DeployOptions,
  session: HostSession,
  agent: AgentFile,
  need: string,
): Promise<void> {
  const [begin, folder] = readNeed(transport, agent, need);
  const bytes = await readAgent(options.resourceDir, agent);
  const step = `Uploading agent to ${transport.host}`;
  const rest = begin === 0 ? '' : `, ${begin} of them are there`;
  options.log.info(`${transport.host}: installing the agent (${bytes.length} bytes${rest}) in ${folder}`);
  const script = { over: false };
  const ended = session.channel.exit.then(() => {
    script.over = true;
  });
  for (let offset = begin; offset < bytes.length && !script.over; offset += chunkBytes) {
    options.progress?.({ step, done: offset, total: bytes.length });
    const chunk = bytes.subarray(offset, offset + chunkBytes);
    const written = new Promise<void>((resolve) => {
      session.channel.stdin.write(chunk, () => resolve());
    });
    await session.race(Promise.race([written, ended]));
    session.touch();
  }
  options.progress?.({ step, done: bytes.length, total: bytes.length });
}

/** The host has no hash program: its file comes back, is hashed here, and the script is told. */
async function readBack(transport: Transport, session: HostSession, agent: AgentFile, marker: string): Promise<void> {
  const { stdout, stdin } = session.channel;
  const [size, ...path] = marker.split(' ');
  // A file of another size need not be read to be wrong.
  if (Number(size) !== agent.bytes) throw scriptFailure(transport.host, 'agent-tampered', path.join(' '));
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < agent.bytes) {
    await session.race(readable(stdout));
    const chunk = stdout.read(Math.min(stdout.readableLength, agent.bytes - length)) as Buffer | null;
    if (chunk === null) {
      if (stdout.readableEnded || stdout.destroyed) break;
      continue;
    }
    chunks.push(chunk);
    length += chunk.length;
    session.touch();
  }
  stdin.write(sha256(Buffer.concat(chunks)) === agent.sha256 ? 'yes\n' : 'no\n');
}

/** Waits for the agent's first word; when it ends before, says why. */
async function firstByte(transport: Transport, session: HostSession, path: string, adopt?: string): Promise<void> {
  const { channel } = session;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), firstByteMs);
  });
  const first = await session.race(Promise.race([readable(channel.stdout), late])).finally(() => clearTimeout(timer));
  if (channel.stdout.readableLength > 0) return;
  if (first === 'late')
    throw new RingsideError(
      'agent-start',
      `The agent ${path} on ${transport.host} started but said nothing within ${firstByteMs / 1000} s.`,
    );
  const exit = await session.race(channel.exit);
  if (exit.code === null && exit.signal === null) throw session.cut();
  if (adopt !== undefined && exit.code === notKept) throw runNotKept(transport.host, adopt);
  // The shell's own message ("Permission denied") is what tells the reason.
  await session.next().catch(() => undefined);
  const detail = session.noise;
  const status = exit.code === null ? `signal ${exit.signal ?? 'unknown'}` : `exit ${exit.code}`;
  if (exit.code === 126 && /ermission denied/.test(detail)) throw scriptFailure(transport.host, 'noexec', path);
  if (exit.code === 126 && /Operation not permitted/.test(detail)) throw notHere(transport.host, path, detail);
  throw new RingsideError(
    'agent-start',
    `The agent ${path} on ${transport.host} ended before its first word (${status}).`,
    {
      detail,
      remedy:
        'The detail shows what it printed. An old kernel, a seccomp filter or too little memory may be the reason.',
    },
  );
}

/** execve(2), EPERM: the file was given capabilities that no process may have there. */
function notHere(host: string, path: string, detail: string): RingsideError {
  return new RingsideError('agent-start', `The kernel of ${host} does not let the agent ${path} be executed.`, {
    detail,
    remedy: `Its file has capabilities (\`getcap ${path}\`) that processes there, as in a container, may not have. \`sudo setcap -r ${path}\` takes them away; \`ringside doctor\` then names those that are possible.`,
  });
}

/** Exit code of an agent that should take over a run that is not kept there. */
const notKept = 3;

export function runNotKept(host: string, run: string): RingsideError {
  return new RingsideError('run-not-kept', `No run ${run} is kept on ${host}.`, {
    remedy: `\`ringside runs ${host}\` lists those that are; its time may be over.`,
  });
}

async function cleanUp(channel: ExecChannel, ephemeral: boolean): Promise<void> {
  if (!ephemeral) return;
  channel.stdin.end();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, cleanupMs);
  });
  await Promise.race([channel.exit, late]);
  clearTimeout(timer);
}

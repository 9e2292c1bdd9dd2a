/** Asks for what SEC() leaves open: the interface of an XDP program, the binary of a uprobe … */
import { networkInterfaces } from 'node:os';
import * as vscode from 'vscode';
import type { AttachSpec, ProgramInfo } from '@ringside/core/model';
import { localHost } from '../model/hostList.ts';

type Target = AttachSpec['targets'][number];

interface Question {
  title: string;
  placeholder: string;
  /** Used when nothing was answered before. */
  initial?: string;
  check?: (text: string) => string | undefined;
}

const wholeNumber = (text: string) => (/^\d+$/.test(text) ? undefined : 'A whole number.');
const absolutePath = (text: string) => (text.startsWith('/') ? undefined : 'An absolute path on the host.');

/** How each target key of the CLI contract is asked for. */
const questions: Record<string, Question> = {
  iface: { title: 'Network interface', placeholder: 'eth0' },
  cgroup: { title: 'Cgroup', placeholder: 'path of the cgroup, / for all', initial: '/' },
  netns: { title: 'Network namespace', placeholder: 'path or name' },
  binary: { title: 'Binary or library', placeholder: '/usr/lib/x86_64-linux-gnu/libc.so.6', check: absolutePath },
  symbol: { title: 'Function in the binary', placeholder: 'malloc' },
  offset: { title: 'Offset in the binary', placeholder: '0x1234' },
  pid: { title: 'Process id', placeholder: '4242', check: wholeNumber },
  comm: { title: 'Process name', placeholder: 'nginx' },
  container: { title: 'Container', placeholder: 'name or id' },
  func: { title: 'Kernel function', placeholder: 'tcp_connect' },
  event: { title: 'Event', placeholder: 'sched:sched_switch' },
  provider: { title: 'USDT provider', placeholder: 'libc' },
  probe: { title: 'USDT probe', placeholder: 'setjmp' },
  freq: { title: 'Samples per second and CPU', placeholder: '99', initial: '99', check: wholeNumber },
  cpu: { title: 'CPU', placeholder: 'a number, or all', initial: 'all' },
  map: { title: 'Map', placeholder: 'name' },
  program: { title: 'Program to attach to', placeholder: 'name or id' },
  section: { title: 'What kind of program this is', placeholder: 'kprobe/FUNCTION, xdp, tc/ingress …' },
};

/** Fixed choices, whatever the host. */
const choices: Record<string, string[]> = {
  direction: ['ingress', 'egress', 'both'],
  'xdp-mode': ['native', 'generic', 'offload'],
  section: [
    'xdp',
    'tc/ingress',
    'tc/egress',
    'socket',
    'perf_event',
    'sockops',
    'cgroup_skb/ingress',
    'cgroup_skb/egress',
  ],
};

export interface TargetContext {
  host: string;
  file: string;
  memory: vscode.Memento;
  /** Values that are already known; they are not asked for. */
  known: Target[];
}

/** The missing targets of the programs, asked one by one; undefined when the user leaves. */
export async function askTargets(programs: ProgramInfo[], context: TargetContext): Promise<Target[] | undefined> {
  const targets = [...context.known];
  for (const program of programs) {
    for (const key of program.needsTarget) {
      if (targets.some((t) => t.key === key && (t.program === '' || t.program === program.name))) continue;
      const value = await askTarget(program, key, context, targets.find((t) => t.key === key)?.value);
      if (value === undefined) return undefined;
      targets.push({ program: program.name, key, value });
    }
  }
  return targets;
}

async function askTarget(
  program: ProgramInfo,
  key: string,
  context: TargetContext,
  before: string | undefined,
): Promise<string | undefined> {
  const question = questions[key] ?? { title: key, placeholder: '' };
  const title = `${question.title} for ${program.name} (${program.section}) on ${context.host}`;
  const memoryKey = `ringside.target:${context.host}:${context.file}:${program.name}:${key}`;
  const initial = before ?? context.memory.get<string>(memoryKey) ?? question.initial;
  const known = choices[key] ?? localChoices(key, context.host);
  const answer =
    known.length > 0 ? await pickOrType(title, known, initial, question) : await type(title, initial, question);
  if (answer !== undefined) await context.memory.update(memoryKey, answer);
  return answer;
}

/** What this machine itself can tell; a host's own lists come from the engine when it has them. */
function localChoices(key: string, host: string): string[] {
  return key === 'iface' && host === localHost ? Object.keys(networkInterfaces()) : [];
}

const other = '$(edit) Something else…';

async function pickOrType(
  title: string,
  known: string[],
  initial: string | undefined,
  question: Question,
): Promise<string | undefined> {
  const sorted = [...known].sort((a, b) => Number(b === initial) - Number(a === initial));
  const picked = await vscode.window.showQuickPick([...sorted, other], {
    title,
    placeHolder: question.title,
    ignoreFocusOut: true,
  });
  return picked === other ? await type(title, initial, question) : picked;
}

async function type(title: string, initial: string | undefined, question: Question): Promise<string | undefined> {
  const text = await vscode.window.showInputBox({
    title,
    placeHolder: question.placeholder,
    ignoreFocusOut: true,
    ...(initial === undefined ? {} : { value: initial }),
    validateInput: (value) => (value.trim() === '' ? 'A value is needed.' : question.check?.(value.trim())),
  });
  return text?.trim();
}

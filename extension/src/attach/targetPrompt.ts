/** Asks for what SEC() leaves open: the interface of an XDP program, the binary of a uprobe … */
import * as vscode from 'vscode';
import type { AttachSpec, ProgramInfo, TargetQuery } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';

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
  /** Knows what the host has to attach to. */
  engine: Pick<Engine, 'targets'>;
  host: string;
  file: string;
  memory: vscode.Memento;
  /** Values that are already known; they are not asked for. */
  known: Target[];
}

/**
 * The missing targets of the programs, asked one by one; undefined when the user leaves. Of several programs one may be
 * left without: it does not run then, and the run says so.
 */
export async function askTargets(programs: ProgramInfo[], context: TargetContext): Promise<Target[] | undefined> {
  const targets = [...context.known];
  let without = 0;
  for (const program of programs) {
    for (const key of program.needsTarget) {
      if (targets.some((t) => t.key === key && (t.program === '' || t.program === program.name))) continue;
      const mayGo = without < programs.length - 1;
      const value = await askTarget(program, key, context, targets.find((t) => t.key === key)?.value, mayGo);
      if (value === undefined) return undefined;
      if (value === leaveOut) {
        without++;
        break;
      }
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
  mayLeaveOut: boolean,
): Promise<string | undefined> {
  const question = questions[key] ?? { title: key, placeholder: '' };
  const title = `${question.title} for ${program.name} (${program.section}) on ${context.host}`;
  const memoryKey = `ringside.target:${context.host}:${context.file}:${program.name}:${key}`;
  const initial = before ?? context.memory.get<string>(memoryKey) ?? question.initial;
  const known = choices[key] ?? (await candidates(program, key, context));
  const answer =
    known.length > 0 || mayLeaveOut
      ? await pickOrType(title, known, initial, question, mayLeaveOut)
      : await type(title, initial, question);
  if (answer !== undefined && answer !== leaveOut) await context.memory.update(memoryKey, answer);
  return answer;
}

/** More than this nobody picks from: the name is typed. */
const MOST_CANDIDATES = 5_000;

/** What the host has for this key; none where the list would be of no help, or the host does not tell. */
async function candidates(program: ProgramInfo, key: string, { engine, host }: TargetContext): Promise<string[]> {
  const query = queryOf(program, key);
  if (query === undefined) return [];
  const found = await engine.targets(host, { ...query, limit: MOST_CANDIDATES }).catch(() => undefined);
  if (found === undefined || found.total > MOST_CANDIDATES) return [];
  return [...new Set(found.targets.filter((t) => t.unusable === null).map((t) => t.name))];
}

function queryOf(program: ProgramInfo, key: string): TargetQuery | undefined {
  switch (key) {
    case 'iface':
    case 'cgroup':
    case 'container':
      return { kind: key, pattern: '' };
    case 'event':
      return { kind: program.attach === 'tracepoint' ? 'tracepoint' : 'raw_tp', pattern: '' };
    case 'func': {
      // kprobe/dummy_file_open: the author puts one of ext4_file_open, xfs_file_open … in its place.
      const [, rest] = /\/dummy_?(\w+)$/.exec(program.section) ?? [];
      const kind = program.type === 'kprobe' ? 'kprobe' : program.type === 'lsm' ? 'lsm' : 'fentry';
      return rest === undefined ? undefined : { kind, pattern: `*${rest}*` };
    }
    default:
      return undefined;
  }
}

const other = '$(edit) Something else…';
const leaveOut = '$(circle-slash) Leave this program out';

async function pickOrType(
  title: string,
  known: string[],
  initial: string | undefined,
  question: Question,
  mayLeaveOut: boolean,
): Promise<string | undefined> {
  const sorted = [...known].sort((a, b) => Number(b === initial) - Number(a === initial));
  const picked = await vscode.window.showQuickPick([...sorted, other, ...(mayLeaveOut ? [leaveOut] : [])], {
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

/** What a person sees: colours where there is a terminal, progress and questions on stderr. */
import { createInterface } from 'node:readline';
import type { GuardFinding, GuardQuestion, HostKeyAnswer, Prompter, ProgressStep } from '@ringside/core';

const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
const paint = (code: number) => (text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);

/** Left-aligned columns, as wide as their widest cell; numbers to the right. */
export function table(header: string[], rows: string[][], right: boolean[] = []): string {
  const widths = header.map((h, i) => Math.max(h.length, ...rows.map((r) => (r[i] ?? '').length)));
  const line = (cells: string[]): string =>
    cells
      .map((c, i) => (right[i] ? c.padStart(widths[i]!) : i === cells.length - 1 ? c : c.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [bold(line(header)), ...rows.map(line)].join('\n');
}

/** Shows steps on stderr: one line that is rewritten on a terminal, plain lines elsewhere. */
export class ProgressLine {
  private shown = '';
  constructor(private readonly enabled: boolean) {}

  readonly report = ({ step, done, total }: ProgressStep): void => {
    if (!this.enabled) return;
    const share = total ? ` ${Math.floor((100 * (done ?? 0)) / total)} %` : '';
    const text = step + share;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
    else if (step !== this.shown) process.stderr.write(`${step}\n`);
    this.shown = step;
  };

  clear(): void {
    if (this.enabled && process.stderr.isTTY && this.shown !== '') process.stderr.write('\r\x1b[K');
    this.shown = '';
  }
}

/** Asks on the terminal. Without one, everything is answered no: a script must say --accept-new-host-key itself. */
export function terminalPrompter(progress: ProgressLine): Prompter {
  const canAsk = process.stdin.isTTY && process.stderr.isTTY;
  return {
    async confirmHostKey(q, signal): Promise<HostKeyAnswer> {
      if (!canAsk) return 'no';
      progress.clear();
      process.stderr.write(
        `The authenticity of ${q.host} (port ${q.port}) cannot be established.\n${q.keyType} key fingerprint is ${q.fingerprint}\n${q.randomart}\n${q.note === undefined ? '' : `${q.note}\n`}`,
      );
      const answer = (await line('Trust it? [o]nce, [r]emember, [N]o: ', true, signal))?.trim().toLowerCase() ?? '';
      return answer.startsWith('o') ? 'once' : answer.startsWith('r') ? 'remember' : 'no';
    },
    async secret(q, signal) {
      if (!canAsk) return undefined;
      progress.clear();
      return line(q.attempt > 1 ? `Wrong. ${q.prompt} ` : `${q.prompt} `, q.echo, signal);
    },
    async confirmGuard(q, signal) {
      if (!canAsk) return false;
      progress.clear();
      process.stderr.write(guardText(q));
      const question =
        q.kind === 'attach' ? 'Attach all the same? [y/N]: ' : 'Is the connection alive? Keep it? [y/N]: ';
      return /^y(es)?$/i.test(((await line(question, true, signal)) ?? '').trim());
    },
  };
}

function guardText({ kind, run, host, findings, withinMs = 0 }: GuardQuestion): string {
  const said =
    kind === 'attach'
      ? `${run} on ${host} needs your confirmation:`
      : `${run} is attached on ${host}. Without a yes the host detaches it in ${Math.floor(withinMs / 1000)} s:`;
  return `${said}\n${findings.map(findingLine).join('\n')}\n`;
}

export function findingLine({ rule, reason, cutting }: GuardFinding): string {
  return `  ${yellow(rule)}${cutting ? ' (may cut the connection)' : ''}: ${reason}`;
}

/** One line from the terminal; without echo for secrets. undefined: end of input or cancelled. */
function line(prompt: string, echo: boolean, signal: AbortSignal | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    process.stderr.write(prompt);
    const input = createInterface({ input: process.stdin, output: echo ? process.stderr : undefined, terminal: true });
    let answered = false;
    const finish = (value: string | undefined): void => {
      if (answered) return;
      answered = true;
      input.close();
      process.stderr.write('\n');
      resolve(value);
    };
    input.once('line', finish);
    input.once('close', () => finish(undefined));
    input.once('SIGINT', () => finish(undefined));
    signal?.addEventListener('abort', () => finish(undefined), { once: true });
  });
}

/** Reads the first line of stdin (--password-stdin). */
export async function firstLineOfStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0]!.replace(/\r$/, '');
}

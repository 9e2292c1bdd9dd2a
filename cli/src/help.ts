import type { Command } from './commands/index.ts';

export function help(commands: Record<string, Command>): string {
  const width = Math.max(...Object.values(commands).map((c) => c.usage.length));
  const lines = Object.values(commands).map((c) => `  ${c.usage.padEnd(width)}  ${c.summary}`);
  return [
    'ringside: write an eBPF program, attach it to any Linux host you can ssh to, watch its events.',
    '',
    ...lines,
    '',
    'HOST is "local", an alias of your ssh config, user@host[:port], or several separated by commas.',
    'Common options: --json --quiet --log-level LEVEL --ssh-config FILE --known-hosts FILE --identity FILE',
    '  --accept-new-host-key --transport auto|ssh2|openssh --sudo auto|never|always --password-stdin --ephemeral --read-only',
    'Exit codes: 0 done, 1 rejected, 2 wrong use, 3 host, 4 the host cannot, 5 source, 6 agent, 130 interrupted.',
    '',
  ].join('\n');
}

export function helpFor(name: string, command: Command, common: Record<string, unknown>): string {
  const own = Object.keys(command.options).filter((o) => !(o in common));
  return [
    `ringside ${command.usage}`,
    '',
    `  ${command.summary}`,
    own.length ? `  options: ${own.map((o) => `--${o}`).join(' ')}` : '',
    `  (${name})`,
    ...(command.help === undefined ? [] : command.help.split('\n').map((line) => `  ${line}`)),
    '',
  ]
    .filter((l, i, all) => l !== '' || i === 1 || i === all.length - 1)
    .join('\n');
}

/** The `ringside` command (docs: CLI contract). Parses, runs one command over the engine, maps the end to an exit code. */
import { dirname } from 'node:path';
import { Exit, RingsideError, type ExitCode } from '@ringside/core';
import { version } from '../../package.json';
import { commonOptions, parse, usage, type Parsed } from './args.ts';
import { commands, type Command } from './commands/index.ts';
import { openContext } from './context.ts';
import { help, helpFor } from './help.ts';
import { printError } from './output/error.ts';

/** dist/ beside the bundle dist/cli.js. */
const resourceDir = process.env['RINGSIDE_RESOURCES'] ?? dirname(__filename);

async function main(argv: string[]): Promise<ExitCode> {
  const name = argv[0];
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(help(commands));
    return name === undefined ? Exit.usage : Exit.done;
  }
  if (name === '--version' || name === 'version') {
    process.stdout.write(`ringside ${version}\n`);
    return Exit.done;
  }
  const command = commands[name];
  if (!command)
    return fail(
      usage(`There is no command "${name}".`, `Commands: ${Object.keys(commands).join(', ')}.`),
      argv.includes('--json'),
    );
  let parsed: Parsed;
  try {
    parsed = parse(argv.slice(1), command.options);
  } catch (error) {
    return fail(error, argv.includes('--json'));
  }
  if (parsed.values['help'] === true) {
    process.stdout.write(helpFor(name, command, commonOptions));
    return Exit.done;
  }
  return run(command, parsed);
}

async function run(command: Command, parsed: Parsed): Promise<ExitCode> {
  const abort = new AbortController();
  const interrupt = (): void => {
    if (abort.signal.aborted) process.exit(Exit.interrupted); // the second Ctrl+C does not wait for the host
    abort.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  process.on('SIGHUP', interrupt);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') interrupt(); // the reader has seen enough
  });
  let context;
  try {
    context = await openContext(parsed, resourceDir, abort.signal);
    const code = await command.run(context);
    return abort.signal.aborted ? Exit.interrupted : code;
  } catch (error) {
    context?.progress.clear();
    return fail(error, parsed.common.json);
  } finally {
    context?.progress.clear();
    await context?.engine.dispose();
  }
}

function fail(error: unknown, json: boolean): ExitCode {
  const failure = RingsideError.from(error);
  printError(failure, json);
  return failure.exitCode;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = fail(error, false);
  },
);

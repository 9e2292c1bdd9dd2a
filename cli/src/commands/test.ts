import { Exit, errorCodes, type ExitCode, type TestOutcome, type TestReport, type TestResult } from '@ringside/core';
import {
  exactly,
  guardNames,
  hostList,
  listOption,
  loadOptionNames,
  loadOptions,
  targets,
  textOption,
} from '../args.ts';
import { coverageLines } from '../output/coverage.ts';
import { hostFailure, oneOrAll } from '../output/outcomes.ts';
import { bold, dim, green, red, yellow } from '../terminal.ts';
import type { Command } from './index.ts';

export const test: Command = {
  usage:
    'test FILE|OBJECT --host HOST [--tests FILE] [--test NAME]… [--program NAME]… [--target [PROGRAM:]KEY=VALUE]… [--confirm RULE[,RULE…]]… [--map-size MAP=ENTRIES]… [--kconfig NAME=VALUE]… [--btf FILE] [--coverage]',
  summary: 'runs programs on given packets and contexts (BPF_PROG_TEST_RUN) and compares; nothing is attached',
  help: `Tests stand in NAME.bpf.test.json beside NAME.bpf.c. Exit code 1: a test failed; 4: the host cannot run a program of
this type by request.
--json: {"ok","host","kernel","file","testFile","passed","failed","errors","tests":[{"name","program","line","column",
"outcome":"passed|failed|error","error":{"code","message","remedy",…}|null,"returned":{"value","name"|null}|null,
"nanosPerRun","repeat","differences":[{"what":"return|data|context|map|global|record|print","path","expected","actual",
"line","column"}],"data":{"in","expected","out","summary"},"prints":[…],"printsUnknown","records":{STREAM:[…]}}],
"coverage":{"ran":[{"file","lines":[{"line","instructions","told","ran"}]}],"unfollowed":[{"test","message"}],
"walked":{"files":[{"file","lines":[{"line","instructions","walked"}]}],…}}|null}; coverage only with --coverage;
several hosts give an array, one element a host, each with its own result or error.`,
  options: {
    host: { type: 'string' },
    tests: { type: 'string' },
    test: { type: 'string', multiple: true },
    program: { type: 'string', multiple: true },
    target: { type: 'string', multiple: true },
    confirm: { type: 'string', multiple: true },
    coverage: { type: 'boolean' },
    ...loadOptionNames,
  },
  async run({ engine, positionals, values, common, json, text, call, progress }) {
    const [file] = exactly(positionals, ['FILE']);
    const testFile = textOption(values, 'tests');
    const outcomes = await engine.test(
      {
        file: file!,
        hosts: hostList(textOption(values, 'host')),
        tests: listOption(values, 'test'),
        programs: listOption(values, 'program'),
        targets: targets(listOption(values, 'target')),
        confirmed: guardNames(listOption(values, 'confirm')),
        load: loadOptions(values),
        ...(testFile && { testFile }),
        ...(values['coverage'] === true && { coverage: true }),
      },
      call,
    );
    progress.clear();
    if (common.json) json(oneOrAll(outcomes));
    else text(outcomes.map(forPeople).join('\n\n'));
    return exitCode(outcomes);
  },
};

/** A host's own failure counts first, then a test that failed, then one that could not be run. */
function exitCode(outcomes: TestOutcome[]): ExitCode {
  for (const outcome of outcomes) if ('error' in outcome) return errorCodes[outcome.error.code];
  const reports = outcomes.filter((outcome): outcome is TestReport => !('error' in outcome));
  const error = reports.flatMap(({ tests }) => tests.flatMap((one) => one.error ?? []))[0];
  if (reports.some(({ failed }) => failed > 0)) return Exit.rejected;
  return error === undefined ? Exit.done : errorCodes[error.code];
}

function forPeople(outcome: TestOutcome): string {
  if ('error' in outcome) return hostFailure(outcome);
  return [
    bold(`${outcome.host} (kernel ${outcome.kernel})`),
    ...outcome.tests.map((one) => testLines(one, outcome)),
    total(outcome),
    ...(outcome.coverage === null ? [] : coverageLines(outcome.coverage)),
  ].join('\n');
}

function total({ passed, failed, errors, tests }: TestReport): string {
  if (tests.length === 0) return dim('No test.');
  const parts = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(errors > 0 ? [`${errors} not run`] : []),
  ];
  return (failed + errors === 0 ? green : red)(parts.join(', '));
}

function testLines(one: TestResult, { testFile }: TestReport): string {
  const mark = { passed: green('✓'), failed: red('✗'), error: yellow('!') }[one.outcome];
  const returned = one.returned === null ? '' : `  returned ${one.returned.name ?? one.returned.value}`;
  const time =
    one.nanosPerRun === null ? '' : `, ${one.nanosPerRun} ns${one.repeat > 1 ? ` each of ${one.repeat}` : ''}`;
  const lines = [`  ${mark} ${one.name} ${dim(`${one.program}${returned}${time}`)}`];
  if (one.error) {
    const place = `${testFile}:${one.line}:${one.column}: ${red('error')}: `;
    lines.push(`      ${one.error.message.startsWith(testFile) ? '' : place}${one.error.message}`);
    if (one.error.remedy !== '') lines.push(`      ${one.error.remedy}`);
  }
  for (const { path, expected, actual, line, column } of one.differences)
    lines.push(
      `      ${dim(`${testFile}:${line}:${column}:`)} ${red('error')}: ${bold(path)}: expected ${green(expected)}, but it is ${red(actual)}`,
    );
  if (one.differences.some(({ what }) => what === 'data') && one.data.out !== null) {
    if (one.data.expected !== null) lines.push(dim('      expected'), hexLines(one.data.expected, one.data.out));
    lines.push(dim(`      got  ${one.data.summary ?? ''}`), hexLines(one.data.out, one.data.expected));
  }
  if (one.outcome !== 'passed') for (const said of one.prints) lines.push(dim(`      bpf_printk: ${said}`));
  return lines.join('\n');
}

/** Sixteen bytes a line; those that differ from the other packet are red. */
function hexLines(hex: string, other: string | null): string {
  const bytes = hex.match(/../g) ?? [];
  const others = other?.match(/../g) ?? null;
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes
      .slice(at, at + 16)
      .map((byte, i) => (others !== null && others[at + i] !== byte ? red(byte) : byte));
    lines.push(`        ${dim(at.toString(16).padStart(4, '0'))}  ${row.join(' ')}`);
  }
  return lines.join('\n');
}

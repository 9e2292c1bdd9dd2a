import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { CoverageReport, TestListing, TestResult } from '@ringside/core/model';
import type { CallOptions } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { saveIfDirty, untrusted } from '../attach/attacher.ts';
import { errorData, ExtensionError } from '../errors.ts';
import { stepWords } from '../progress.ts';
import { ranFiles, walkedFiles } from './coverage.ts';
import { differenceText, outputLines, sides } from './testOutput.ts';

/** One test file with those of its tests that are to run. */
export interface FileOfTests {
  listing: TestListing;
  tests: vscode.TestItem[];
}

export type Purpose = 'run' | 'debug' | 'ran' | 'walked';

/** Runs the tests of one file on the file's host, and puts what came of it into the test run. */
export async function runFile(
  context: AppContext,
  run: vscode.TestRun,
  { listing, tests }: FileOfTests,
  purpose: Purpose,
  signal: AbortSignal,
): Promise<void> {
  for (const test of tests) run.started(test);
  const source = vscode.Uri.file(listing.file);
  try {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const host = await context.attacher.hostFor(source);
    if (host === undefined) {
      for (const test of tests) run.skipped(test);
      return;
    }
    await saveIfDirty(source);
    await saveIfDirty(vscode.Uri.file(listing.testFile));
    // What a run says of its way is for whoever looks into it; results say enough otherwise.
    const progress: CallOptions['progress'] = (step) => {
      if (purpose === 'debug') run.appendOutput(`${stepWords(step)}\r\n`);
    };
    const names = tests.map((test) => test.label);
    const coverage = purpose === 'ran' || purpose === 'walked';
    const request = {
      ...{ file: listing.file, testFile: listing.testFile, hosts: [host], tests: names, programs: [] },
      ...(coverage && { coverage }),
    };
    const [outcome] = await askingGuards(request, (asked) => context.engine.test(asked, { signal, progress }));
    if (outcome === undefined) return;
    if ('error' in outcome) throw new ExtensionError(outcome.error);
    for (const result of outcome.tests) {
      const test = tests.find((one) => one.label === result.name);
      if (test) report(run, test, result, listing.testFile, host);
    }
    if (outcome.coverage !== null && purpose === 'ran') coverRan(run, outcome.coverage, host);
    if (outcome.coverage !== null && purpose === 'walked') coverWalked(run, outcome.coverage, host);
  } catch (error) {
    const data = errorData(error);
    if (data.code === 'cancelled') {
      run.appendOutput(`${basename(listing.testFile)}: cancelled; what was not run yet is skipped.\r\n`);
      for (const test of tests) run.skipped(test);
      return;
    }
    context.errors.log(error);
    const text = [data.message, data.remedy, data.detail].filter((part) => part !== '').join('\n');
    run.appendOutput(`${basename(listing.testFile)}: ${text.replaceAll('\n', '\r\n')}\r\n`);
    for (const test of tests) run.errored(test, new vscode.TestMessage(text));
  }
}

type Request = Parameters<AppContext['engine']['test']>[0];
type Outcomes = Awaited<ReturnType<AppContext['engine']['test']>>;

/** What can harm a host is run only after a yes, and then all of it again. */
async function askingGuards(request: Request, test: (request: Request) => Promise<Outcomes>): Promise<Outcomes> {
  const outcomes = await test(request);
  const findings = outcomes.flatMap((outcome) =>
    'error' in outcome ? [] : outcome.tests.flatMap((result) => result.error?.findings ?? []),
  );
  if (findings.length === 0) return outcomes;
  const rules = [...new Set(findings.map((finding) => finding.rule))];
  const detail = [...new Set(findings.map(({ rule, program }) => `${program}: ${rule}`))].join('\n');
  const question = 'These tests run programs that can harm the host.';
  const yes = await vscode.window.showWarningMessage(question, { modal: true, detail }, 'Run All the Same');
  return yes === undefined ? outcomes : test({ ...request, confirmed: rules });
}

function report(run: vscode.TestRun, test: vscode.TestItem, result: TestResult, testFile: string, host: string): void {
  const uri = vscode.Uri.file(testFile);
  const at = (line: number, column: number): vscode.Location =>
    new vscode.Location(uri, new vscode.Position(Math.max(0, line - 1), Math.max(0, column - 1)));
  run.appendOutput(outputLines(result, host), undefined, test);
  const duration = result.nanosPerRun === null ? undefined : (result.nanosPerRun * result.repeat) / 1e6;
  switch (result.outcome) {
    case 'passed':
      run.passed(test, duration);
      return;
    case 'failed':
      run.failed(
        test,
        result.differences.map((difference) => {
          const { expected, actual } = sides(result, difference);
          const message = vscode.TestMessage.diff(differenceText(difference), expected, actual);
          message.location = at(difference.line, difference.column);
          return message;
        }),
        duration,
      );
      return;
    case 'error': {
      const message = new vscode.TestMessage(`${result.error?.message ?? ''}\n${result.error?.remedy ?? ''}`.trim());
      message.location = at(result.line, result.column);
      run.errored(test, message);
    }
  }
}

function coverRan(run: vscode.TestRun, { ran, unfollowed }: CoverageReport, host: string): void {
  run.appendOutput(
    `Coverage: lines that ran on ${host}, in a copy of the object with marks between its instructions.\r\n`,
  );
  for (const { test, message } of unfollowed)
    run.appendOutput(`  ${test}: its run was not followed. ${message.replaceAll('\n', '\r\n')}\r\n`);
  for (const one of ranFiles(ran)) run.addCoverage(one);
}

function coverWalked(run: vscode.TestRun, { walked }: CoverageReport, host: string): void {
  run.appendOutput(
    `Coverage: lines that the verifier of ${host} (${walked.kernel}) walked; it says nothing of what ran.\r\n`,
  );
  for (const { program, message } of walked.refused) run.appendOutput(`  ${program}: ${message}\r\n`);
  for (const program of walked.cut) run.appendOutput(`  ${program}: its log was cut, lines may be missing\r\n`);
  for (const one of walkedFiles(walked)) run.addCoverage(one);
}

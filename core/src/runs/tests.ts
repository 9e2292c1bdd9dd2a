/** The tests of a program: which there are, and all of them on one host. */
import { stat } from 'node:fs/promises';
import { RingsideError } from '../errors.ts';
import type { TestListing, TestReport, TestResult } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import {
  isBroken,
  isTestFile,
  readTestFile,
  sourceOfTests,
  testFileOf,
  type BrokenTest,
  type TestCase,
} from '../testrun/index.ts';
import type { TestRequest } from './api.ts';
import type { ConnectedHost } from './hosts.ts';
import { Covered } from './covered.ts';
import { otherCpu } from './instructionSet.ts';
import type { PreparedObject } from './prepare.ts';
import { runTest, type TestSpec } from './testRun.ts';
import { walkedOn } from './walked.ts';

type Test = TestCase | BrokenTest;
interface Files {
  file: string;
  testFile: string;
}

/** What is tested and the file with its tests, whichever of them was named. Errors: `file-not-found`. */
export async function testFiles(file: string, testFile: string | undefined): Promise<Files> {
  if (testFile !== undefined || !isTestFile(file)) return { file, testFile: testFile ?? testFileOf(file) };
  const candidates = [
    sourceOfTests(file),
    file.replace(/\.test\.json$/, '.o'),
    file.replace(/\.bpf\.test\.json$/, '.o'),
  ];
  for (const candidate of candidates) if (await exists(candidate)) return { file: candidate, testFile: file };
  throw new RingsideError('file-not-found', `There is no ${candidates[0]!} beside ${file}.`, {
    remedy: 'Tests of NAME.bpf.c stand in NAME.bpf.test.json beside it; name another object with --tests.',
  });
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

export async function listTests(named: string, namedTests: string | undefined): Promise<TestListing> {
  const { file, testFile } = await testFiles(named, namedTests);
  const { tests } = await readTestFile(testFile);
  return {
    file,
    testFile,
    tests: tests.map((test) => ({
      ...{ name: test.name, program: test.program, ...test.place },
      ...{ endLine: test.end.line, endColumn: test.end.column },
      error: isBroken(test) ? test.error.toData() : null,
    })),
  };
}

/** Error: `usage` for a name that no test has. */
export function chosenTests({ tests }: { tests: Test[] }, { tests: names, programs }: TestRequest): Test[] {
  for (const name of names) {
    if (tests.some((test) => test.name === name)) continue;
    throw new RingsideError('usage', `There is no test "${name}".`, {
      remedy: `Tests: ${tests.map((test) => test.name).join(', ') || 'none'}.`,
    });
  }
  for (const name of programs) {
    if (tests.some((test) => test.program === name)) continue;
    throw new RingsideError('usage', `No test runs a program "${name}".`, {
      remedy: `Tests run ${[...new Set(tests.map((test) => test.program))].join(', ') || 'nothing'}.`,
    });
  }
  return tests
    .filter((test) => names.length === 0 || names.includes(test.name))
    .filter((test) => programs.length === 0 || programs.includes(test.program));
}

type Prepare = Parameters<typeof otherCpu>[3];

/** One after the other: what a test leaves in the maps is gone with its object. */
export async function testOn(
  host: ConnectedHost,
  built: PreparedObject,
  { file, testFile, tests }: Files & { tests: Test[] },
  request: TestRequest,
  prepare: Prepare,
  call: CallOptions,
): Promise<TestReport> {
  const spec: TestSpec = { targets: request.targets ?? [], confirmed: request.confirmed ?? [] };
  if (request.load) spec.load = request.load;
  let object = built;
  const walked = request.coverage === true ? await walkedOn(host, object, { programs: [], set: {} }, call) : null;
  const covered = walked === null ? null : new Covered(host, object);
  const one = (test: Test): Promise<TestResult> =>
    covered === null
      ? runTest(host, object, test, spec, call)
      : covered.run(test.name, (marked, onRan) =>
          runTest(host, marked, test, { ...spec, ...(onRan && { onRan }) }, call),
        );
  const results: TestResult[] = [];
  for (const test of tests) {
    try {
      results.push(await one(test));
    } catch (error) {
      const { code } = RingsideError.from(error);
      const other = await otherCpu(code, file, { host, object }, prepare, call);
      if (other === null) throw error;
      object = other.object;
      covered?.use(object);
      results.push(await one(test));
    }
  }
  const count = (outcome: TestResult['outcome']): number =>
    results.filter((result) => result.outcome === outcome).length;
  const [passed, failed, errors] = [count('passed'), count('failed'), count('error')];
  const { name, info } = host;
  return {
    ok: failed + errors === 0,
    host: name,
    kernel: info.kernel,
    file,
    testFile,
    passed,
    failed,
    errors,
    tests: results,
    coverage: walked === null ? null : covered!.report(walked),
  };
}

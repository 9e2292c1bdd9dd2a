// What the test runners report, as counts. A runner that says nothing is a failure, never zero failures.

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} skipped names of tests that did not run
 * @property {string[]} failures names, with the first line of the reason
 * @property {string[]} [again] the same of tests that passed only when their file was run a second time
 */

const firstLine = (text) => String(text).split('\n')[0] ?? '';

/**
 * Counts of `vitest --reporter=json`. A file that fails to load has no tests: it counts as one failure.
 * @param {unknown} report the parsed JSON
 * @returns {Counts}
 */
export function vitestCounts(report) {
  const counts = { passed: 0, failed: 0, skipped: [], failures: [] };
  const files =
    report !== null && typeof report === 'object' && Array.isArray(report.testResults) ? report.testResults : undefined;
  if (files === undefined) return missingReport('vitest wrote no report');
  for (const file of files) {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed += 1;
      else if (test.status !== 'failed') counts.skipped.push(test.fullName);
    }
    const failed = failuresOf(file);
    counts.failed += failed.length;
    counts.failures.push(...failed.map(inWords));
  }
  if (counts.passed + counts.failed === 0) return missingReport('no test was found');
  return counts;
}

/** What failed in a file: its tests, else the file itself. */
function failuresOf(file) {
  const tests = file.assertionResults.filter(({ status }) => status === 'failed');
  if (tests.length > 0)
    return tests.map(({ fullName, failureMessages }) => ({ name: fullName, why: failureMessages?.[0] ?? 'failed' }));
  return file.status === 'failed' ? [{ name: file.name, why: file.message || 'the file could not be loaded' }] : [];
}

const inWords = ({ name, why }) => `${name}: ${firstLine(why)}`;

/** More failed files than these are a broken tree, not tests that something has disturbed. */
const MOST_AGAIN = 3;

/**
 * Files of a report of vitest with failures, when they are so few that they are worth a second look; else none.
 * @param {unknown} report the parsed JSON
 * @returns {string[]} paths
 */
export function filesToRunAgain(report) {
  const failed = report.testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);
  return failed.length > MOST_AGAIN ? [] : failed;
}

/**
 * Counts of a run in which some files were run a second time: what these were the second time, and the rest. What did not come
 * up the second time has not passed.
 * @param {unknown} first the parsed JSON @param {unknown} second of those files only
 * @returns {Counts}
 */
export function countsWithSecondRun(first, second) {
  const twice = new Set(second.testResults.map(({ name }) => name));
  // A file that was not run the second time stays what it was.
  const rest = first.testResults.filter(({ name }) => !twice.has(name));
  const good = new Set(
    second.testResults.flatMap((file) => [
      ...(file.status === 'passed' ? [file.name] : []),
      ...file.assertionResults.filter(({ status }) => status === 'passed').map(({ fullName }) => fullName),
    ]),
  );
  const again = first.testResults.flatMap(failuresOf).filter(({ name }) => good.has(name));
  return { ...vitestCounts({ testResults: [...rest, ...second.testResults] }), again: again.map(inWords) };
}

/**
 * Counts of `cargo test` (one result line per test binary). Output without any is a failed build.
 * @param {string} output
 * @returns {Counts}
 */
export function cargoCounts(output) {
  const counts = { passed: 0, failed: 0, skipped: [], failures: [] };
  let results = 0;
  for (const line of output.split('\n')) {
    const result = /^test result: \w+\. (\d+) passed; (\d+) failed;/.exec(line);
    // With --quiet only failures have a line of their own.
    const single = /^(?:test |\.+)?(.+?) (?:\.\.\.|---) (FAILED|ignored)/.exec(line);
    if (result !== null) {
      results += 1;
      counts.passed += Number(result[1]);
      counts.failed += Number(result[2]);
    } else if (single?.[2] === 'FAILED') counts.failures.push(single[1]);
    else if (single?.[2] === 'ignored') counts.skipped.push(single[1]);
  }
  return results === 0 ? missingReport('cargo test printed no result: the build failed, or it was ended') : counts;
}

/** One failure in place of counts that are not there. @param {string} reason @returns {Counts} */
export function missingReport(reason) {
  return { passed: 0, failed: 1, skipped: [], failures: [reason] };
}

/** @param {Counts} into @param {Counts} more */
export function addCounts(into, more) {
  into.passed += more.passed;
  into.failed += more.failed;
  into.skipped.push(...more.skipped);
  into.failures.push(...more.failures);
}

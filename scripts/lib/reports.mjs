// What the test runners report, as counts. A runner that says nothing is a failure, never zero failures.

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} skipped names of tests that did not run
 * @property {string[]} failures names, with the first line of the reason
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
    const failedBefore = counts.failed;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed += 1;
      else if (test.status === 'failed') {
        counts.failed += 1;
        counts.failures.push(`${test.fullName}: ${firstLine(test.failureMessages?.[0] ?? 'failed')}`);
      } else counts.skipped.push(test.fullName);
    }
    if (file.status === 'failed' && counts.failed === failedBefore) {
      counts.failed += 1;
      counts.failures.push(`${file.name}: ${firstLine(file.message || 'the file could not be loaded')}`);
    }
  }
  if (counts.passed + counts.failed === 0) return missingReport('no test was found');
  return counts;
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
    const single = /^test (.+?) \.\.\. (FAILED|ignored)/.exec(line);
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

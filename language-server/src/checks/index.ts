/** All checks of a source beside clang's. */
import type { Analysis } from '../analysis.ts';
import { Guards } from './guards.ts';
import { checkHosts } from './hosts.ts';
import { checkHelpers } from './helpers.ts';
import { checkLicense } from './license.ts';
import { checkMaps } from './maps.ts';
import { checkSections } from './sections.ts';
import { checkStack } from './stack.ts';
import type { Finding } from './codes.ts';

export { checkKinds, type CheckCode, type Finding, type Fix } from './codes.ts';

export function check(analysis: Analysis): Finding[] {
  const checks = [checkSections, checkHelpers, checkLicense, checkMaps, checkStack, checkHosts];
  const guards = new Guards(analysis);
  return checks.flatMap((each) => each(analysis, guards)).sort((a, b) => a.start - b.start || a.end - b.end);
}

/** Tests of programs by BPF_PROG_TEST_RUN: their files, what they give to a program, and what they expect of it. */
export { contextField, encodeContext } from './context.ts';
export { encodeTestGlobal, globalField } from './globals.ts';
export { Judge, type EmittedRecord } from './judge.ts';
export { packetSummary } from './packet/dissect.ts';
export { returnName } from './returnValues.ts';
export {
  isBroken,
  isTestFile,
  readTestFile,
  sourceOfTests,
  testFileOf,
  type BrokenTest,
  type TestCase,
} from './testFile.ts';
export { markObject, RAN_MAP } from './ran/markedObject.ts';
export { RanLines } from './ran/ranLines.ts';
export { walkedInsns, WalkedLines } from './walkedLines.ts';

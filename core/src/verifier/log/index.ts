export { LineKind } from './lineKinds.ts';
export { LogReader, parseVerifierLog } from './logReader.ts';
export { VerifierLog, sourceComment, splitInsnLine, type LoggedInsn, type SourceComment } from './verifierLog.ts';
export { parseRegister, parseTnum, type RegisterState, type ScalarRange, type Tnum } from './registerState.ts';
export { parseStackSlot, type SlotByte, type StackSlot } from './stackSlot.ts';
export {
  branchLine,
  namedState,
  pathTo,
  Replay,
  stateAtEnd,
  stateBefore,
  FrameState,
  type PathState,
} from './states.ts';
export { readKernelReport, type KernelPlace, type KernelReport } from './kernelReport.ts';
export type { LogStats } from './statistics.ts';
export { readState, type StateText } from './stateText.ts';

export { explainRejection } from './explain/explain.ts';
export type { ProgramSource } from './explain/program.ts';
export { rules as rejectionRules } from './explain/rules.ts';
export { Explorations, writeRecord } from './explore/index.ts';
export { parseVerifierLog, type LoggedInsn, type VerifierLog } from './log/index.ts';
export { verdictDiagnostics, verdictFromAgent, type AgentVerdict } from './verdict.ts';

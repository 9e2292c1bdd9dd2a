export { explainRejection, type ProgramSource } from './explain.ts';
export { parseVerifierLog, type LoggedInsn, type VerifierLog } from './log/index.ts';
export { verdictDiagnostics, verdictFromAgent, type AgentVerdict } from './verdict.ts';

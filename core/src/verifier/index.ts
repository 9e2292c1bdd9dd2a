export { explainRejection, type ProgramSource } from './explain.ts';
export { parseVerifierLog, type LoggedInsn, type VerifierLog } from './parse.ts';
export { verdictDiagnostics, verdictFromAgent, type AgentVerdict } from './verdict.ts';

export { Exploration } from './exploration.ts';
export { Explorations } from './explorations.ts';
export { parseRecord, readRecord, writeRecord, type VerificationRecord } from './record.ts';

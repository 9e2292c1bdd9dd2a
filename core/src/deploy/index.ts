export { deployAgent, runNotKept, type AgentProcess, type DeployOptions, type Privilege } from './deployAgent.ts';
export { readManifest, type AgentFile, type AgentManifest } from './manifest.ts';
export type { SessionOptions } from './session.ts';
export { agentRemove, agentStatus, type InventoryOptions } from './inventory.ts';

/**
 * The platform of a laptop.
 *  process-platform.ts  Platform on child processes
 *  supervisor.ts        keeps the processes running, adopts those of a predecessor
 *  state.ts             what is on disk
 *  processes.ts         telling processes apart
 *  ports.ts             free ports
 *  server-command.ts    how a node is started, and its valkey.conf
 */
export { MAX_FIRST_PORT } from './ports.ts';
export { ProcessPlatform, type ProcessPlatformOptions } from './process-platform.ts';
export { findByCommandLine, identify, isRunning, type ProcessId, signal } from './processes.ts';
export { BUS_PORT_OFFSET, HOST, SERVER_COMMAND_VARIABLE, serverCommand } from './server-command.ts';
export { type NodeRecord, type ShardRecord, StateDirectory, stateRoot } from './state.ts';

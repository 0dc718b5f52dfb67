/** The limits of scripting, in one place. */

/** Memory that all scripts and functions of a node may hold; past it a script ends with an error. */
export const MAX_MACHINE_BYTES = 1024 * 1024 * 1024;
/** A machine that grew beyond this is dropped when the scripts are flushed: WebAssembly memory never shrinks. */
export const SPACIOUS_MACHINE_BYTES = 64 * 1024 * 1024;
/** Scripts that only EVAL brought are kept up to so many; SCRIPT LOAD ones stay. Source: Valkey 9.1 eval.c LRU_LIST_LENGTH. */
export const MAX_EVAL_SCRIPTS = 500;
/** Lua instructions between two looks at the clock. Source: Valkey 9.1 script_lua.c. */
export const HOOK_INSTRUCTIONS = 100_000;
/** Copies of cjson by cjson.new in an environment: the functions of each stay in the machine's table for ever. */
export const MAX_JSON_COPIES = 100;
/** FUNCTION LOAD may run so long. Source: Valkey 9.1 functions.c LOAD_TIMEOUT_MS. */
export const LOAD_TIMEOUT_MS = 500;
/** A step of Lua's collector every so many scripts. Source: Valkey 9.1 script_lua.c LUA_GC_CYCLE_PERIOD. */
export const COLLECT_EVERY_SCRIPTS = 50;
/** The staging area for strings on their way into the machine is given back when it is larger than this. */
export const MAX_KEPT_STAGE_BYTES = 1024 * 1024;

/**
 * The error texts that clients read, in Valkey's words. One table: everything that answers with an error reads it,
 * texts with a name in them are functions.
 * Source: Valkey 9.1 server.c createSharedObjects and the command implementations.
 */
export const ERR_SYNTAX = 'ERR syntax error';
export const ERR_NOT_INTEGER = 'ERR value is not an integer or out of range';
export const ERR_NOT_FLOAT = 'ERR value is not a valid float';
export const ERR_NAN_RESULT = 'ERR increment would produce NaN or Infinity';
export const ERR_OVERFLOW = 'ERR increment or decrement would overflow';
export const ERR_DECREMENT = 'ERR decrement would overflow';
export const ERR_WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';
export const ERR_TIMEOUT_NOT_FLOAT = 'ERR timeout is not a float or out of range';
export const ERR_TIMEOUT_NOT_INTEGER = 'ERR timeout is not an integer or out of range';
export const ERR_TIMEOUT_RANGE = 'ERR timeout is out of range';
export const ERR_TIMEOUT_NEGATIVE = 'ERR timeout is negative';
export const ERR_NO_KEY = 'ERR no such key';
export const ERR_OUT_OF_RANGE = 'ERR value is out of range';
export const ERR_FIELD_COUNT = 'ERR numfields should be greater than 0 and match the provided number of fields';
export const ERR_INT32_RANGE = 'ERR value is out of range, value must between -2147483648 and 2147483647';
export const ERR_NOT_POSITIVE = 'ERR value is out of range, must be positive';
export const ERR_NUMKEYS = 'ERR numkeys should be greater than 0';
export const ERR_INDEX = 'ERR index out of range';
export const ERR_OFFSET = 'ERR offset is out of range';
export const ERR_STRING_TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)';
export const ERR_NOT_IN_SCRIPT = 'ERR This Valkey command is not allowed from script';
export const ERR_OOM = "OOM command not allowed when used memory > 'maxmemory'.";
export const ERR_LOADING = 'LOADING Valkey is loading the dataset in memory';
export const ERR_READONLY = "READONLY You can't write against a read only replica.";
export const ERR_NO_REPLICAS = 'NOREPLICAS Not enough good replicas to write.';
export const ERR_MASTERDOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
export const ERR_BGSAVE_FAILED =
  "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Valkey logs for details about the RDB error.";
export const ERR_NO_AUTH = 'NOAUTH Authentication required.';
export const ERR_WRONG_PASS = 'WRONGPASS invalid username-password pair or user is disabled.';
export const ERR_AUTH_NOT_SET =
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?';
/** EXEC itself was refused. */
export const ERR_EXEC_DISCARDED = (error: string): string => `EXECABORT Transaction discarded because of: ${error}`;
export const ERR_EXEC_ABORT = 'EXECABORT Transaction discarded because of previous errors.';
export const ERR_NESTED_MULTI = 'ERR MULTI calls can not be nested';
export const ERR_EXEC_WITHOUT_MULTI = 'ERR EXEC without MULTI';
export const ERR_DISCARD_WITHOUT_MULTI = 'ERR DISCARD without MULTI';
export const ERR_WATCH_INSIDE_MULTI = 'ERR WATCH inside MULTI is not allowed';
export const ERR_NOT_IN_MULTI = (command: string): string =>
  `ERR Command '${command}' not allowed inside a transaction`;
export const ERR_DB_INDEX = 'ERR DB index is out of range';
export const ERR_SAME_OBJECT = 'ERR source and destination objects are the same';
export const ERR_INVALID_DB_INDEX = 'ERR invalid DB index';
export const ERR_CURSOR = 'ERR invalid cursor';
export const ERR_NOPROTO = 'NOPROTO unsupported protocol version';
export const ERR_MAX_CLIENTS = 'ERR max number of clients reached';
export const ERR_NO_SCRIPT = 'NOSCRIPT No matching script.';
export const ERR_CROSSSLOT = "CROSSSLOT Keys in request don't hash to the same slot";
export const ERR_BUSY_KEY = 'BUSYKEY Target key name already exists.';
export const ERR_INVALID_EXPIRE_NAME = (command: string): string => `ERR invalid expire time in '${command}' command`;
export const ERR_UNKNOWN_SUBCOMMAND = (subcommand: string, command: string): string =>
  `ERR unknown subcommand '${subcommand.slice(0, 128)}'. Try ${command.toUpperCase()} HELP.`;
export const ERR_ARITY = (command: string): string => `ERR wrong number of arguments for '${command}' command`;
export const ERR_SUBSCRIBED = (command: string): string =>
  `ERR Can't execute '${command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;
export const ERR_UNKNOWN_COMMAND = (name: string, args: readonly string[]): string =>
  `ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${args.map((arg) => `'${arg}' `).join('')}`;
export const ERR_WAITAOF_WITHOUT_FILE = 'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.';

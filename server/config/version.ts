/** Versions that the node tells its clients and peers. */

/** The version of Redis whose protocol and behaviour clients may expect. */
export const REDIS_VERSION = '7.2.4';
/** The version of Valkey that the node is compatible with. */
export const VALKEY_VERSION = '9.1.2';

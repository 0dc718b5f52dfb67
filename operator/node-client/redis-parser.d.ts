/** The part of redis-parser 3 that the admin client uses; the package carries no types of its own. */
declare module 'redis-parser' {
  interface RedisParserOptions {
    returnReply(reply: unknown): void;
    returnError(error: Error): void;
    returnFatalError(error: Error): void;
    returnBuffers?: boolean;
    stringNumbers?: boolean;
  }
  class RedisParser {
    constructor(options: RedisParserOptions);
    execute(bytes: Uint8Array): void;
    reset(): void;
  }
  export = RedisParser;
}

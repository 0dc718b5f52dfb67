/**
 * FUNCTION DUMP and RESTORE: each library's source as in an RDB file, then the RDB version and CRC64 of all before.
 * Source: Valkey 9.1 functions.c functionDumpCommand.
 */
import { Crc64 } from '../persistence/rdb/crc64.ts';
import * as format from '../persistence/rdb/format.ts';
import { Damage, RdbInput, Slice } from '../persistence/rdb/rdb-input.ts';

const VERSION_BYTES = 2;
const FOOTER_BYTES = VERSION_BYTES + 8;

export function dumpLibraries(codes: readonly Uint8Array[]): Uint8Array {
  let sizeBytes = FOOTER_BYTES;
  for (const code of codes) sizeBytes += 1 + 5 + code.length;
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const code of codes) {
    bytes[at++] = format.OP_FUNCTION;
    const { length } = code;
    if (length < 1 << 6) bytes[at++] = length;
    else if (length < 1 << 14) {
      bytes[at++] = 0x40 | (length >> 8);
      bytes[at++] = length & 255;
    } else {
      bytes[at++] = 0x80;
      view.setUint32(at, length);
      at += 4;
    }
    bytes.set(code, at);
    at += length;
  }
  view.setUint16(at, format.VERSION, true);
  at += VERSION_BYTES;
  const checksum = new Crc64();
  checksum.update(bytes, 0, at);
  view.setInt32(at, checksum.low, true);
  view.setInt32(at + 4, checksum.high, true);
  return bytes.subarray(0, at + 8);
}

/** The sources in an intact payload, or the error. */
export function readLibraryDump(bytes: Uint8Array, from: number, to: number): Uint8Array[] | string {
  const input = new RdbInput('FUNCTION RESTORE', false);
  const end = to - FOOTER_BYTES;
  input.append(bytes, from, end);
  const codes: Uint8Array[] = [];
  const slice = new Slice();
  try {
    while (input.at < input.end) {
      const type = input.byte();
      if (type === format.OP_FUNCTION_PRE_RELEASE) return 'ERR Pre-GA function format not supported';
      if (type !== format.OP_FUNCTION) return 'ERR given type is not a function';
      input.string(slice);
      if (input.short) return 'ERR failed loading the given functions payload';
      codes.push(slice.bytes.slice(slice.from, slice.to));
    }
  } catch (problem) {
    if (!(problem instanceof Damage)) throw problem;
    return 'ERR failed loading the given functions payload';
  }
  return codes;
}

/** Bytes that a library puts together before they become a Lua string. Reused: `reset` before each use. */
const INITIAL_BYTES = 1024;
const MAX_KEPT_BYTES = 1024 * 1024;

export class ByteSink {
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  private view: DataView = new DataView(this.bytes.buffer);
  length = 0;

  reset(): void {
    this.length = 0;
    if (this.bytes.length > MAX_KEPT_BYTES) this.replace(new Uint8Array(INITIAL_BYTES));
  }

  private replace(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  reserve(sizeBytes: number): void {
    const needed = this.length + sizeBytes;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.replace(larger);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Text whose characters are bytes. */
  text(text: string): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
  }

  copy(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    this.bytes.set(source.subarray(from, to), this.length);
    this.length += to - from;
  }

  zeros(count: number): void {
    this.reserve(count);
    this.bytes.fill(0, this.length, this.length + count);
    this.length += count;
  }

  uint16(value: number, littleEndian = false): void {
    this.reserve(2);
    this.view.setUint16(this.length, value, littleEndian);
    this.length += 2;
  }

  uint32(value: number, littleEndian = false): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, littleEndian);
    this.length += 4;
  }

  uint64(value: bigint, littleEndian = false): void {
    this.reserve(8);
    this.view.setBigUint64(this.length, value, littleEndian);
    this.length += 8;
  }

  float(value: number, littleEndian = false): void {
    this.reserve(4);
    this.view.setFloat32(this.length, value, littleEndian);
    this.length += 4;
  }

  double(value: number, littleEndian = false): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value, littleEndian);
    this.length += 8;
  }
}

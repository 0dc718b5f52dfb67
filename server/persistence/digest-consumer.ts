/**
 * Lets the point-in-time iterator tell its dataset to a digest. Nothing changes while it does, so nothing is kept back.
 */
import { ChunkWriter } from './chunks.ts';
import type { KeyHead } from './dataset.ts';
import type { DigestVisitor } from './digest.ts';
import type { SnapshotConsumer } from './snapshot-consumer.ts';

export class DigestConsumer implements SnapshotConsumer {
  readonly refusal: string | null = null;
  readonly out: ChunkWriter = new ChunkWriter();
  readonly digest: DigestVisitor;

  constructor(digest: DigestVisitor) {
    this.digest = digest;
  }

  divert(): void {
    throw new Error('digest: the dataset changed while it was digested');
  }

  restore(): void {}
  continueKey(): void {}
  aux(): void {}
  functionLibrary(): void {}
  slotImport(): void {}
  sizeHint(): void {}
  end(): void {}

  database(index: number): void {
    this.digest.database(index);
  }

  beginKey(head: KeyHead): void {
    this.digest.beginKey(head);
  }

  stringValue(bytes: Uint8Array, from: number, to: number): void {
    this.digest.stringValue(bytes, from, to);
  }

  listItem(bytes: Uint8Array, from: number, to: number): void {
    this.digest.listItem(bytes, from, to);
  }

  setMember(bytes: Uint8Array, from: number, to: number): void {
    this.digest.setMember(bytes, from, to);
  }

  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void {
    this.digest.zsetMember(bytes, from, to, score);
  }

  hashField(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
  ): void {
    this.digest.hashField(field, fieldFrom, fieldTo, value, valueFrom, valueTo);
  }

  endKey(): void {
    this.digest.endKey();
  }
}

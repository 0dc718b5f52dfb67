/**
 * From text to a ValkeyCluster, or to one line that says what, where and why:
 * `examples/cluster.yaml: spec.shards: 0 is below 1: a cluster has at least one shard`.
 */
import { parseAllDocuments } from 'yaml';
import type { z } from 'zod';
import { manifestSchema, statusSchema, type ValkeyCluster } from './valkey-cluster.ts';

/** A manifest beyond this is not one that a person wrote. */
export const MAX_MANIFEST_BYTES = 1024 * 1024;

/** What is wrong with a manifest, in one line that names the file and the field. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/** Reads the one ValkeyCluster of a YAML (or JSON) text. Throws ManifestError. */
export function parseManifest(content: string, fileName: string): ValkeyCluster {
  if (content.length > MAX_MANIFEST_BYTES)
    throw new ManifestError(
      `${fileName}: ${content.length} bytes, more than the ${MAX_MANIFEST_BYTES} a manifest may have`,
    );
  const documents = parseAllDocuments(content, { prettyErrors: true });
  const broken = Array.isArray(documents) ? documents.find((document) => document.errors.length > 0) : undefined;
  if (broken !== undefined) throw new ManifestError(`${fileName}: not YAML: ${firstLine(broken.errors[0]!.message)}`);
  const objects = (Array.isArray(documents) ? documents : [])
    .map((document) => document.toJS() as unknown)
    .filter((object) => object !== null && object !== undefined);
  if (objects.length === 0) throw new ManifestError(`${fileName}: empty: expected one ValkeyCluster`);
  if (objects.length > 1)
    throw new ManifestError(`${fileName}: ${objects.length} documents: expected one ValkeyCluster`);
  return parseCluster(objects[0], fileName);
}

/** Checks an object that is already parsed, such as one from the API server. `where` begins the error's line. */
export function parseCluster(object: unknown, where: string): ValkeyCluster {
  const parsed = manifestSchema.safeParse(object, { reportInput: true });
  if (!parsed.success) throw new ManifestError(`${where}: ${describeIssue(parsed.error.issues[0]!)}`);
  const status = statusSchema.safeParse(parsed.data.status);
  const { metadata, spec } = parsed.data;
  return status.success ? { metadata, spec, status: status.data } : { metadata, spec };
}

/** One line for an issue of zod's: field, value, what is wrong, and the reason that the schema gives. */
export function describeIssue(issue: z.core.$ZodIssue): string {
  const at = fieldName(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return describeUnknown(issue.path, issue.keys[0]!);
    case 'too_small':
      return `${at}: ${shown(issue.input)} is below ${issue.minimum}: ${issue.message}`;
    case 'too_big':
      return issue.origin === 'string'
        ? `${at}: longer than ${issue.maximum} characters: ${issue.message}`
        : `${at}: ${shown(issue.input)} is above ${issue.maximum}: ${issue.message}`;
    case 'invalid_value':
      return `${at}: ${shown(issue.input)} is not one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_type':
      return issue.input === undefined
        ? `${at}: missing: expected ${issue.expected}`
        : `${at}: ${shown(issue.input)} is not ${withArticle(issue.expected)}`;
    case 'invalid_format':
      return `${at}: ${shown(issue.input)}: ${issue.message}`;
    case 'invalid_union':
      return describeUnion(issue, at);
    case 'invalid_key':
      return `${at}: ${issue.issues[0]?.message ?? 'not a name that may stand here'}`;
    default:
      return `${at}: ${issue.message}`;
  }
}

/** Of several alternatives that all failed, the one that got furthest (past the type check) says most. */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, at: string): string {
  const deeper = issue.errors.flat().find((inner) => inner.code !== 'invalid_type');
  return deeper === undefined
    ? `${at}: ${shown(issue.input)} is not a text or a number`
    : `${at}: ${shown(issue.input)}: ${deeper.message}`;
}

function describeUnknown(path: readonly PropertyKey[], key: string): string {
  const candidates = fieldsAt(path);
  const nearest = nearestName(key, candidates);
  const hint = nearest === undefined ? `the fields here are ${candidates.join(', ')}` : `did you mean ${nearest}?`;
  return `${fieldName([...path, key])}: unknown field: ${hint}`;
}

/** The field names that the schema has at a path. */
function fieldsAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = manifestSchema;
  for (const part of path) {
    const object = unwrap(schema);
    schema = object.shape !== undefined ? object.shape[String(part)] : (object.element ?? object.valueType);
  }
  return Object.keys(unwrap(schema).shape ?? {});
}

interface Inner {
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly element?: unknown;
  readonly valueType?: unknown;
}

/** Steps through default, prefault and optional to the schema inside. */
function unwrap(schema: unknown): Inner {
  let inner = schema as { def?: { innerType?: unknown } } & Inner;
  while (inner?.def?.innerType !== undefined) inner = inner.def.innerType as typeof inner;
  return inner ?? {};
}

/** The nearest of some names, when it is near enough to be what was meant: a third of the letters may differ. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(row[j - 1]! + 1, previous[j]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length]!;
}

function fieldName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the document';
  return path.reduce<string>(
    (joined, part) =>
      typeof part === 'number' ? `${joined}[${part}]` : joined === '' ? String(part) : `${joined}.${String(part)}`,
    '',
  );
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}

function withArticle(type: string): string {
  const names: Readonly<Record<string, string>> = {
    int: 'a whole number',
    number: 'a number',
    string: 'a text',
    boolean: 'true or false',
    array: 'a list',
    object: 'a map of fields',
    record: 'a map',
  };
  return names[type] ?? type;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.replace(/:$/, '');
}

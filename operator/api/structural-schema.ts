/**
 * From a zod schema to a Kubernetes structural schema.
 * zod's own JSON schema is none (it writes $ref, oneOf and additionalProperties: false), so this emitter knows a short
 * list of constructs, each with one translation, and refuses everything else by name. What zod cannot say (CEL rules,
 * the maximum of a map) is registered beside the schema in `crd`.
 */
import { z } from 'zod';

export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

export interface CrdHints {
  readonly rules?: readonly CelRule[];
  /** Required on every map: an unbounded one exceeds the API server's budget for CEL. */
  readonly maxProperties?: number;
  /** The field by which entries of a list are told apart, so that several writers can each own one. */
  readonly listMapKey?: string;
}

/** Hints for the emitter, by schema. */
export const crd = z.registry<CrdHints>();

export type Structural = Readonly<Record<string, unknown>>;

/** What the emitter reads of a zod schema. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly entries?: Readonly<Record<string, string>>;
  readonly defaultValue?: unknown;
  readonly checks?: readonly { readonly _zod: { readonly def: Check } }[];
}

interface Check {
  readonly check: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly value?: number;
  readonly inclusive?: boolean;
  readonly pattern?: RegExp;
  readonly format?: string;
}

/** Translates one schema; `path` names it in the error for a construct that is not on the list. */
export function toStructural(schema: z.ZodType, path: string): Structural {
  const definition = schema.def as unknown as Definition;
  const described = { ...translate(definition, schema, path), ...hintsOf(schema) };
  const description = z.globalRegistry.get(schema)?.description;
  return description === undefined ? described : { description, ...described };
}

function translate(definition: Definition, schema: z.ZodType, path: string): Structural {
  switch (definition.type) {
    case 'object':
      return objectSchema(definition.shape!, path);
    case 'string':
      return { type: 'string', ...checksOf(definition, path) };
    case 'number':
      return { ...checksOf(definition, path), type: isInteger(definition) ? 'integer' : 'number' };
    case 'boolean':
      return { type: 'boolean' };
    case 'enum':
      return { type: 'string', enum: Object.values(definition.entries!) };
    case 'array':
      return { type: 'array', items: toStructural(definition.element!, `${path}[]`), ...checksOf(definition, path) };
    case 'record':
      return mapSchema(definition, schema, path);
    case 'union':
      return intOrString(definition, path);
    case 'optional':
      return toStructural(definition.innerType!, path);
    case 'default':
      return { ...toStructural(definition.innerType!, path), default: definition.defaultValue };
    case 'prefault':
      // With its inner defaults filled in: the API server runs the CEL rules on a default as it stands.
      return {
        ...toStructural(definition.innerType!, path),
        default: definition.innerType!.parse(definition.defaultValue),
      };
    case 'pipe':
      // A transform after the check: the API server sees what comes in.
      return toStructural(definition.in!, path);
    default:
      throw new Error(
        `${path}: the CRD emitter has no translation for zod's ${definition.type}: use a construct it knows, or teach it`,
      );
  }
}

function objectSchema(shape: Readonly<Record<string, z.ZodType>>, path: string): Structural {
  const fields = Object.entries(shape);
  const required = fields
    .filter(([, field]) => !['optional', 'default', 'prefault'].includes(field.def.type))
    .map(([name]) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(
      fields.map(([name, field]) => [name, toStructural(field, path === '' ? name : `${path}.${name}`)]),
    ),
    ...(required.length > 0 ? { required } : {}),
  };
}

function mapSchema(definition: Definition, schema: z.ZodType, path: string): Structural {
  if (definition.valueType!.def.type === 'unknown')
    return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const maxProperties = crd.get(schema)?.maxProperties;
  if (maxProperties === undefined) throw new Error(`${path}: a map without a maximum: register maxProperties`);
  return { type: 'object', additionalProperties: toStructural(definition.valueType!, `${path}.*`), maxProperties };
}

/** The only union of scalars that a structural schema has. A boolean among the options must be quoted in a manifest for Kubernetes. */
function intOrString(definition: Definition, path: string): Structural {
  const options = definition.options!.map((option) => option.def.type);
  if (
    !options.includes('string') ||
    !options.includes('number') ||
    options.some((type) => !['string', 'number', 'boolean'].includes(type))
  ) {
    throw new Error(
      `${path}: a union of ${options.join(' and ')} is not structural: only text and number together are`,
    );
  }
  const text = definition.options!.find((option) => option.def.type === 'string')!;
  const { type: _type, ...checks } = toStructural(text, path);
  return { 'x-kubernetes-int-or-string': true, ...checks };
}

function checksOf(definition: Definition, path: string): Structural {
  const found: Record<string, unknown> = {};
  for (const { _zod } of definition.checks ?? []) {
    const check = _zod.def;
    if (check.check === 'max_length') found[definition.type === 'array' ? 'maxItems' : 'maxLength'] = check.maximum;
    else if (check.check === 'string_format' && check.format === 'regex') found.pattern = check.pattern!.source;
    else if (check.check === 'number_format') continue;
    else if (check.check === 'greater_than' && check.inclusive) found.minimum = check.value;
    else if (check.check === 'less_than' && check.inclusive) found.maximum = check.value;
    else throw new Error(`${path}: the CRD emitter has no translation for zod's check ${check.check}`);
  }
  if (definition.type === 'string' && found.maxLength === undefined)
    throw new Error(`${path}: a text without a maximum`);
  if (definition.type === 'array' && found.maxItems === undefined) throw new Error(`${path}: a list without a maximum`);
  return found;
}

function isInteger(definition: Definition): boolean {
  return (definition.checks ?? []).some(
    ({ _zod }) => _zod.def.check === 'number_format' && _zod.def.format === 'safeint',
  );
}

function hintsOf(schema: z.ZodType): Structural {
  const hints = crd.get(schema);
  return {
    ...(hints?.rules === undefined ? {} : { 'x-kubernetes-validations': hints.rules }),
    ...(hints?.listMapKey === undefined
      ? {}
      : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [hints.listMapKey] }),
  };
}

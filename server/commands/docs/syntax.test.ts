import { expect, test } from 'vitest';
import { parseSyntax } from './syntax.ts';

/** What differs from an argument that is nothing but a name. */
function brief(line: string): unknown[] {
  const shorten = (argument: ReturnType<typeof parseSyntax>[number]): unknown => {
    const {
      name,
      type,
      display,
      keySpec,
      token,
      summary,
      since,
      deprecatedSince,
      optional,
      multiple,
      multipleToken,
      parts,
    } = argument;
    return {
      name,
      type,
      ...(display === name ? {} : { display }),
      ...(keySpec < 0 ? {} : { keySpec }),
      ...(token === null ? {} : { token }),
      ...(summary === null ? {} : { summary }),
      ...(since === null ? {} : { since }),
      ...(deprecatedSince === null ? {} : { deprecatedSince }),
      ...(optional ? { optional } : {}),
      ...(multiple ? { multiple } : {}),
      ...(multipleToken ? { multipleToken } : {}),
      ...(parts.length === 0 ? {} : { parts: parts.map(shorten) }),
    };
  };
  return parseSyntax(line).map(shorten);
}

test('keys, names, types and words', () => {
  expect(brief('key destination:key1 value count:integer NX "*"~auto-id')).toEqual([
    { name: 'key', type: 'key', keySpec: 0 },
    { name: 'destination', type: 'key', keySpec: 1 },
    { name: 'value', type: 'string' },
    { name: 'count', type: 'integer' },
    { name: 'nx', type: 'pure-token', token: 'NX' },
    { name: 'auto-id', type: 'pure-token', token: '*' },
  ]);
});

test('arguments after their word, left out, repeated, with versions', () => {
  expect(
    brief('[MATCH=pattern:pattern@2.8.0] [GET=get-pattern:pattern/pattern...*] key... EX=seconds:integer!7.0.0'),
  ).toEqual([
    { name: 'pattern', type: 'pattern', token: 'MATCH', since: '2.8.0', optional: true },
    {
      name: 'get-pattern',
      type: 'pattern',
      display: 'pattern',
      token: 'GET',
      optional: true,
      multiple: true,
      multipleToken: true,
    },
    { name: 'key', type: 'key', keySpec: 0, multiple: true },
    { name: 'seconds', type: 'integer', token: 'EX', deprecatedSince: '7.0.0' },
  ]);
});

test('one of several, and several together', () => {
  expect(
    brief(
      '[condition<NX | IFEQ=comparison-value{Only then.}>] [LIMIT=limit(offset:integer count:integer)]... data(field value)...',
    ),
  ).toEqual([
    {
      name: 'condition',
      type: 'oneof',
      display: null,
      optional: true,
      parts: [
        { name: 'nx', type: 'pure-token', token: 'NX' },
        { name: 'comparison-value', type: 'string', token: 'IFEQ', summary: 'Only then.' },
      ],
    },
    {
      name: 'limit',
      type: 'block',
      display: null,
      token: 'LIMIT',
      optional: true,
      multiple: true,
      parts: [
        { name: 'offset', type: 'integer' },
        { name: 'count', type: 'integer' },
      ],
    },
    {
      name: 'data',
      type: 'block',
      display: null,
      multiple: true,
      parts: [
        { name: 'field', type: 'string' },
        { name: 'value', type: 'string' },
      ],
    },
  ]);
});

test('a line that is wrong says where', () => {
  expect(() => parseSyntax('key [value')).toThrow('] is missing, at 10 of: key [value');
  expect(() => parseSyntax('value:number')).toThrow('number is no type');
});

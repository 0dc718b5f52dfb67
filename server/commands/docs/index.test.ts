import { expect, test } from 'vitest';
import type { Argument } from './argument.ts';
import { argumentsOf, docOf, documentedNames } from './index.ts';

function flat(args: readonly Argument[]): readonly Argument[] {
  return args.flatMap((argument) => [argument, ...flat(argument.parts)]);
}

test.each(documentedNames())('the syntax of %s reads as arguments whose groups have parts', (name) => {
  const args = flat(argumentsOf(docOf(name)));
  const isGroup = ({ type }: Argument): boolean => type === 'oneof' || type === 'block';
  expect(args.filter((argument) => isGroup(argument) !== argument.parts.length > 0)).toEqual([]);
});

test('a command that nobody documented has nothing to tell', () => {
  expect(docOf('nosuchcommand')).toEqual({});
  expect(argumentsOf(docOf('nosuchcommand'))).toEqual([]);
});

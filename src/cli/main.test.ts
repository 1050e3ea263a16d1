import { readFileSync } from 'node:fs';
import type { Argument, Command } from 'commander';
import { expect, test } from 'vitest';
import { commands } from './commands.ts';
import { addListed, createProgram } from './main.ts';

const program = createProgram('0.0.0', false, await Promise.all(commands.map(({ load }) => load())));
const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

interface Leaf {
  /** Usage as in the headings of the page, e.g. `gradus runs list [folder]`. */
  readonly usage: string;
  readonly command: Command;
}

function leavesOf(command: Command, words: string): Leaf[] {
  if (command.commands.length > 0)
    return command.commands.flatMap((part) => leavesOf(part, `${words} ${part.name()}`));
  const usage = [words, ...command.registeredArguments.map(argumentUsage)].join(' ');
  return [{ usage, command }];
}

function argumentUsage(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** Returns the options of a command as the page must list them: flags, then the text of `--help`. */
function optionRows(command: Command): string[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .map((option) => `| \`${option.flags}\` | ${help.optionDescription(option)} |`);
}

const leaves = leavesOf(program, 'gradus');
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => [/^`(.+)`$/m.exec(section)?.[1] ?? section, section.split(/^## /m)[0]!] as const),
);

test('--help lists every command with the description from its module', () => {
  const lines = createProgram('0.0.0', false, commands.map(addListed)).helpInformation();
  expect(lines).toBe(program.helpInformation());
});

test('docs/cli.md has one section per command, and none for an unknown command', () => {
  expect([...sections.keys()].toSorted()).toEqual(leaves.map(({ usage }) => usage).toSorted());
});

test.each(leaves)('docs/cli.md lists the same options for $usage as --help does', ({ usage, command }) => {
  const listed = sections.get(usage)?.match(/^\| `-.+$/gm) ?? [];
  expect(listed).toEqual(optionRows(command));
});

test('docs/cli.md mentions no option that does not exist', () => {
  const known = [program, ...leaves.map(({ command }) => command)].flatMap(({ options }) =>
    options.map(({ long }) => long),
  );
  const mentioned = [...page.matchAll(/(?<![\w-])--[a-z][a-z\d-]*/g)].map(([flag]) => flag);
  expect(mentioned.filter((flag) => flag !== '--help' && !known.includes(flag))).toEqual([]);
});

test('lines of help are at most 100 columns wide', () => {
  const texts = leaves.flatMap(({ command }) => [
    command.description(),
    ...command.registeredArguments.map(({ description }) => description),
    ...command.options.map(({ description }) => description),
  ]);
  expect(texts.filter(({ length }) => length > 100)).toEqual([]);
});

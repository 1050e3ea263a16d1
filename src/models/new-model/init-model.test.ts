import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { openModelFolder } from '../../engines/model-files/model-folder.ts';
import { initModel, type InitModelOptions } from './init-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-init-model-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = Array.from({ length: 40 }, (_, n) => ({
  id: `zebra/${n}`,
  prompt: `Anna buys ${n} tickets at 7 each. What do they cost?`,
  completion: `${n}*7=\\boxed{${7 * n}}`,
}));
const file = join(folder, 'examples.jsonl');
writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));
const readme = resolve('README.md');

let made = 0;
async function make(options: Partial<InitModelOptions> = {}): Promise<string> {
  const path = join(folder, `model-${made++}`);
  const defaults = {
    size: '0.3M',
    tokenizerFrom: [file],
    context: 128,
    chatTemplate: 'roles',
    seed: 1,
  } as const;
  await initModel(path, { ...defaults, ...options });
  return path;
}
const tokenizerOf = async (path: string) => (await openModelFolder(path)).tokenizer;

test('makes a model that can be opened, and writes the same files for the same seed', async () => {
  const [first, again, other] = [await make(), await make(), await make({ seed: 2 })];
  const { config } = await openModelFolder(first);
  expect(config).toMatchObject({ architecture: 'qwen2', maxPositions: 128 });
  const weights = (path: string) => readFileSync(join(path, 'model.safetensors'));
  expect(weights(again)).toEqual(weights(first));
  expect(weights(other)).not.toEqual(weights(first));
});

test('learns words from text columns but not from name columns, and keeps digits separate', async () => {
  const vocabulary = JSON.parse(readFileSync(join(await make(), 'tokenizer.json'), 'utf8')).model.vocab;
  expect(vocabulary).toHaveProperty('Ġtickets');
  expect(Object.keys(vocabulary).filter((token) => /\d./.test(token) || /zebr/.test(token))).toEqual([]);
});

test.for([
  ['roles', '<|user|>hi<|end|><|assistant|>'],
  ['chatml', '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n'],
  ['none', 'hi'],
])(
  'renders prompts with the template %s, and encodes each control token as one token',
  async ([chatTemplate, text]) => {
    const tokenizer = await tokenizerOf(await make({ chatTemplate: chatTemplate! }));
    const prompt = tokenizer.encodePrompt([{ role: 'user', content: 'hi' }]);
    const letters = text!.replaceAll(/<\|\w+\|>/g, '');
    expect(prompt.length).toBeLessThanOrEqual(letters.length + (text!.match(/<\|/g)?.length ?? 0));
    expect(tokenizer.decode(prompt)).toBe(letters);
    expect(Array.from(prompt)).toEqual(Array.from(tokenizer.encodeText(text!)));
    expect(tokenizer.unknownToken).toBeUndefined();
  },
);

test('takes the control tokens and the end token from a template in a file', async () => {
  const template = join(folder, 'mine.jinja');
  writeFileSync(
    template,
    "{% for m in messages %}<|{{ 'q' if m.role == 'user' else 'a' }}|>{{ m.content }}<|stop|>{% endfor %}{% if add_generation_prompt %}<|a|>{% endif %}",
  );
  const tokenizer = await tokenizerOf(await make({ chatTemplate: template }));
  const prompt = tokenizer.encodePrompt([{ role: 'user', content: '' }]);
  expect(prompt).toHaveLength(3);
  expect(tokenizer.endTokens).toEqual([prompt[1]]);
});

test('encodes any text without loss', async () => {
  const tokenizer = await tokenizerOf(await make());
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(tokenizer.decode(tokenizer.encodeText(text))).toBe(text.replaceAll(/<\|\w+\|>/g, ''));
    }),
  );
});

const python = process.env['GRADUS_PYTHON'] ?? 'worker/.venv/bin/python';
const hasTokenizers = spawnSync(python, ['-c', 'import tokenizers']).status === 0;

test.skipIf(!hasTokenizers)(
  "encodes as Python's tokenizers does (skipped without worker/.venv)",
  async () => {
    const path = await make({ tokenizerFrom: [file, readme], vocabulary: 900 });
    const tokenizer = await tokenizerOf(path);
    const texts = [
      ...fc.sample(fc.string({ unit: 'grapheme', maxLength: 40 }), 300),
      ...fc.sample(fc.string({ unit: fc.constantFrom(...' \t\n\r\u00a0\u0085\ufeff3aé.(') }), 300),
      ...readFileSync(readme, 'utf8').split('\n\n'),
      '<|user|>two  spaces\n\n<|end|> 12.5%',
    ];
    const script = `
import json, sys
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
print(json.dumps([tokenizer.encode(text, add_special_tokens=False).ids for text in json.load(sys.stdin)]))`;
    const output = execFileSync(python, ['-c', script, join(path, 'tokenizer.json')], {
      input: JSON.stringify(texts.map((text) => text.toWellFormed())),
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    const expected = JSON.parse(output) as number[][];
    for (const [i, text] of texts.entries())
      expect(Array.from(tokenizer.encodeText(text.toWellFormed())), JSON.stringify(text)).toEqual(
        expected[i],
      );
  },
);

test.skipIf(!hasTokenizers)(
  "learns the merges of Python's trainer (skipped without worker/.venv)",
  async () => {
    const text = join(folder, 'plain.txt');
    // Python's trainer counts pairs within runs of one character only approximately: leave such runs out.
    writeFileSync(text, readFileSync(readme, 'utf8').replaceAll(/(.)\1+/gs, '$1'));
    const path = await make({ tokenizerFrom: [text], vocabulary: 1200 });
    const script = `
import json, sys
from tokenizers import Tokenizer, models, trainers, pre_tokenizers
made = json.load(open(sys.argv[1]))
tokenizer = Tokenizer.from_file(sys.argv[1])
trainer = trainers.BpeTrainer(vocab_size=len(made["model"]["vocab"]), min_frequency=2, show_progress=False,
    special_tokens=[token["content"] for token in made["added_tokens"]],
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
fresh = Tokenizer(models.BPE())
fresh.pre_tokenizer = tokenizer.pre_tokenizer
fresh.train([sys.argv[2]], trainer)
model = json.loads(fresh.to_str())["model"]
print(json.dumps([model["merges"] == made["model"]["merges"], model["vocab"] == made["model"]["vocab"], len(model["merges"]) > 500]))`;
    const output = execFileSync(python, ['-c', script, join(path, 'tokenizer.json'), text], {
      encoding: 'utf8',
    });
    expect(JSON.parse(output)).toEqual([true, true, true]);
  },
);

test.for([
  [{ vocabulary: 100 }, /--vocab 100: expected at least 261: 256 bytes and the 5 control tokens/],
  [
    { chatTemplate: 'chatmi' },
    /--chat-template chatmi: expected roles, chatml, none, or a readable Jinja file/,
  ],
  [{ tokenizerFrom: ['missing.txt'] }, /missing\.txt: expected a readable file/],
] as const)('rejects %o without creating a folder', async ([options, message]) => {
  const path = join(folder, 'rejected');
  const defaults = {
    size: '0.3M',
    tokenizerFrom: [file],
    context: 64,
    chatTemplate: 'roles',
    seed: 0,
  } as const;
  await expect(initModel(path, { ...defaults, ...options })).rejects.toThrow(message);
  expect(existsSync(path)).toBe(false);
});

test('rejects a template without an end token, a non-empty folder, and files without text', async () => {
  const template = join(folder, 'endless.jinja');
  writeFileSync(template, '{% for m in messages %}{{ m.content }}{% endfor %}');
  await expect(make({ chatTemplate: template })).rejects.toThrow(
    /endless\.jinja: expected a chat template that writes a token such as <\|end\|> after the assistant's message/,
  );
  const empty = join(folder, 'empty.txt');
  writeFileSync(empty, '');
  await expect(make({ tokenizerFrom: [empty] })).rejects.toThrow(/expected text to train the tokenizer on/);
  const options = {
    size: '0.3M',
    tokenizerFrom: [file],
    context: 64,
    chatTemplate: 'roles',
    seed: 0,
  } as const;
  await expect(initModel(folder, options)).rejects.toThrow(
    /expected a new or empty folder for the model, found/,
  );
});

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { initialWeights, parameterLayout } from '../src/engines/embedded/parameters.ts';
import { newConfigJson } from '../src/engines/model-files/config-file.ts';
import { openModelFolder, writeModelFolder } from '../src/engines/model-files/model-folder.ts';

/** Short chat templates with the turn structure of well-known models. */
interface ChatModel {
  readonly template: string;
  /** Control tokens; the first ends a turn. */
  readonly special: readonly string[];
  /** Added tokens that a decoder treats as ordinary text. */
  readonly tags: readonly string[];
}

const openTurn = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const toolTurns = `{% if message.role == 'tool' %}{% if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{ '<|im_start|>user' }}{% endif %}{{ '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}{% if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{ '<|im_end|>\\n' }}{% endif %}`;
const listTools = `{% if tools %}{{ '<|im_start|>system\\n# Tools\\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{{ '<|im_end|>\\n' }}{% endif %}`;
const qwenTokens = {
  special: ['<|im_end|>', '<|im_start|>', '<|endoftext|>'],
  tags: ['<tool_call>', '</tool_call>', '<tool_response>', '</tool_response>', '<think>', '</think>'],
};

export const chatModels = {
  /** Tool results become a user's turn; tools are listed in a system message. */
  'qwen2.5': {
    ...qwenTokens,
    template: `${listTools}{% for message in messages %}${toolTurns}{% else %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endif %}{% endfor %}${openTurn}`,
  },
  /** Like Qwen2.5, but drops the thinking of turns before the last user message. */
  qwen3: {
    ...qwenTokens,
    template: `${listTools}{% set ns = namespace(last=-1) %}{% for message in messages %}{% if message.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}{% for message in messages %}${toolTurns}{% elif message.role == 'assistant' and loop.index0 < ns.last %}{{ '<|im_start|>assistant\\n' + message.content.split('</think>')[-1].lstrip('\\n') + '<|im_end|>\\n' }}{% else %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endif %}{% endfor %}${openTurn}`,
  },
  /** Headers, trimmed contents, and a separate role for results. */
  llama3: {
    special: ['<|eot_id|>', '<|begin_of_text|>', '<|start_header_id|>', '<|end_header_id|>', '<|eom_id|>'],
    tags: [],
    template: `{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + ('ipython' if message.role == 'tool' else message.role) + '<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}`,
  },
  /** Plain ChatML: any role. */
  smollm2: {
    special: ['<|im_end|>', '<|im_start|>'],
    tags: [],
    template: `{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}${openTurn}`,
  },
  /** Drops the thinking of every earlier turn. */
  'drops-thinking': {
    special: ['<|im_end|>', '<|im_start|>'],
    tags: [],
    template: `{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content.split('</think>')[-1] + '<|im_end|>\\n' }}{% endfor %}${openTurn}`,
  },
} satisfies Record<string, ChatModel>;

export type ChatModelName = keyof typeof chatModels;

/** Pieces that become single tokens across the boundaries of tags, lines and words, where tokenizers behave
 * unexpectedly. */
const merged = [
  'the',
  ' the',
  'assistant',
  ' answer',
  '\n\n',
  '\n\n\n',
  '>\n',
  '|>\n',
  '?\n',
  '.\n\n',
  '}\n',
  ' {',
  '="',
  '://',
  '  ',
  '    ',
  '12',
  '+1',
  '=?',
];

/** Writes `tokenizer.json` and its settings: byte-level BPE with many merges. Returns the size of the vocabulary. */
async function writeChatTokenizer(folder: string, name: ChatModelName): Promise<number> {
  const { template, special, tags }: ChatModel = chatModels[name];
  const vocabulary = new Map<string, number>();
  const merges: [string, string][] = [];
  const add = (token: string): void => {
    if (!vocabulary.has(token)) vocabulary.set(token, vocabulary.size);
  };
  for (const letter of byteLetters) add(letter);
  for (const word of merged) {
    const letters = Array.from(Buffer.from(word), (byte) => byteLetters[byte]!);
    for (let length = 2; length <= letters.length; length++) {
      const pair: [string, string] = [letters.slice(0, length - 1).join(''), letters[length - 1]!];
      if (!vocabulary.has(pair.join(''))) merges.push(pair);
      add(pair.join(''));
    }
  }
  const added = [...special, ...tags].map((content, i) => ({
    id: vocabulary.size + i,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: special.includes(content),
  }));
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: { type: 'BPE', dropout: null, unk_token: null, vocab: Object.fromEntries(vocabulary), merges },
  };
  const settings = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: special[0],
    bos_token: '<|begin_of_text|>',
    chat_template: template,
  };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(settings));
  return vocabulary.size + added.length;
}

/**
 * Letters that represent bytes in a byte-level vocabulary: printable bytes represent themselves, others start at 256.
 */
const byteLetters = ((): readonly string[] => {
  const isPrintable = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

/** Writes a model folder with random weights and the chat template of a model family. */
export async function writeChatModel(folder: string, name: ChatModelName): Promise<void> {
  await mkdir(folder, { recursive: true });
  const vocabSize = await writeChatTokenizer(folder, name);
  const small = await openModelFolder('test/golden/parity-qwen2');
  const config = { ...small.config, vocabSize, maxPositions: 512 };
  const weights = initialWeights(config, 3);
  const tensors = parameterLayout(config).entries.map(({ name: tensor, shape, offset, length }) => {
    return { name: tensor, shape, data: weights.subarray(offset, offset + length) };
  });
  await writeModelFolder(folder, {
    config: newConfigJson(config),
    tensors,
    weightType: 'f32',
    companionsFrom: folder,
    endTokens: [vocabSize - chatModels[name].special.length - chatModels[name].tags.length],
  });
}

import type * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';
import { type fileConfig, hub } from '../../problems/file-source.ts';
import { code } from '../../verifiers/code/code.ts';
import type { verifierConfig } from '../../verifiers/config.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import { suite, type suiteConfig } from '../../recipe/suite.ts';

type FileInput = z.input<typeof fileConfig>;

/** A suite with published results: its problems, prompts, number of rollouts and verifiers. */
export interface PublishedSuite {
  readonly name: string;
  /** Names of the same problems in lighteval and lm-eval. Their prompts and metrics differ from ours. */
  readonly aliases: readonly string[];
  readonly says: string;
  readonly domain: 'math' | 'code';
  readonly problems: readonly FileInput[];
  readonly rollouts: number;
}

/** Prompt that DeepSeek recommends for its R1 models. The paper trains distilled versions of these models. */
const boxed = 'Please reason step by step, and put your final answer within \\boxed{}.';
const wholeFunction =
  'Complete the following Python function. Answer with the whole function, its imports included, in one ```python block.\n\n' +
  '```python\n{question}\n```';
const oneBlock = '{question}\n\nAnswer with the code in one ```python block.';
/** LiveCodeBench's prompt; the program's required form follows in the question's note. */
const liveCodeBench =
  'You will be given a question (problem specification) and will generate a correct Python program that matches the ' +
  'specification and passes all tests.\n\nQuestion: {question}\n\n';

const liveCodeBenchFile = (path: string, sha256: string): FileInput =>
  hub({
    dataset: 'livecodebench/code_generation_lite',
    revision: '0fe84c3912ea0c4d4a78037083943e8f0c4dd505',
    path,
    sha256: [sha256],
    instruction: liveCodeBench,
  });

/**
 * All published suites, at the commits and with the hashes that public projects pin. avg@16 for AIME and MATH-500 and
 * avg@4 for LiveCodeBench follow Ji et al. (arXiv 2504.00829); the others are not in that paper and use avg@4.
 */
export const publishedSuites: readonly PublishedSuite[] = [
  {
    name: 'aime24',
    aliases: ['aime_2024', 'aime2024'],
    says: 'AIME 2024, 30 problems',
    domain: 'math',
    rollouts: 16,
    problems: [
      hub({
        dataset: 'HuggingFaceH4/aime_2024',
        revision: '2fe88a2f1091d5048c0f36abc874fb997b3dd99a',
        path: 'data/train-00000-of-00001.parquet',
        sha256: ['26139847601a5037c237d5928b195e7260ca8074cf4f264b794af42847f79ccf'],
        instruction: boxed,
      }),
    ],
  },
  {
    name: 'aime25',
    aliases: ['aime_2025', 'aime2025'],
    says: 'AIME 2025, 30 problems',
    domain: 'math',
    rollouts: 16,
    problems: [
      hub({
        dataset: 'math-ai/aime25',
        revision: '563bb8404243c5f09de6ec262f2db674fe5bce9b',
        path: 'test.jsonl',
        sha256: ['b4e273c02d3e7fe1b74b59eae768fc8230bfb0f79539890cb56f4361caac0331'],
        instruction: boxed,
      }),
    ],
  },
  {
    name: 'math500',
    aliases: ['math_500', 'math-500', 'hendrycks_math500', 'minerva_math500'],
    says: '500 problems of the MATH test set',
    domain: 'math',
    rollouts: 16,
    problems: [
      hub({
        dataset: 'HuggingFaceH4/MATH-500',
        revision: '6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be',
        path: 'test.jsonl',
        sha256: ['35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132'],
        instruction: boxed,
      }),
    ],
  },
  {
    name: 'gsm8k',
    aliases: ['gsm8k_cot', 'gsm8k_cot_zeroshot', 'gsm8k_cot_llama'],
    says: 'GSM8K, 1,319 grade-school word problems',
    domain: 'math',
    rollouts: 4,
    problems: [
      hub({
        dataset: 'openai/gsm8k',
        revision: '740312add88f781978c0658806c59bc2815b9866',
        path: 'main/test-00000-of-00001.parquet',
        sha256: ['ee7b8da9e381df27b9e3f7758a159ab2bdaa4dbaa910546cbbc47e0cb44e4f59'],
        instruction: boxed,
      }),
    ],
  },
  {
    name: 'humaneval',
    aliases: ['openai_humaneval', 'humaneval_instruct'],
    says: 'HumanEval, 164 Python functions to complete',
    domain: 'code',
    rollouts: 4,
    problems: [
      hub({
        dataset: 'openai/openai_humaneval',
        revision: '7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544',
        path: 'openai_humaneval/test-00000-of-00001.parquet',
        instruction: wholeFunction,
      }),
    ],
  },
  {
    name: 'mbpp',
    aliases: ['mbpp_instruct'],
    says: 'MBPP, the 500 problems of its test split',
    domain: 'code',
    rollouts: 4,
    problems: [
      hub({
        dataset: 'google-research-datasets/mbpp',
        revision: '4bb6404fdc6cacfda99d4ac4205087b89d32030c',
        path: 'full/test-00000-of-00001.parquet',
        sha256: ['566fd53060ffba5766dace1d1e2f4c38906781526de222b0dfbdbc325b696c77'],
        instruction: oneBlock,
      }),
    ],
  },
  {
    name: 'livecodebench',
    aliases: ['lcb', 'lcb:codegeneration', 'lcb:codegeneration_v4_v5'],
    says: 'LiveCodeBench v4 and v5, 268 contest problems of 2024 and January 2025 (1.8 GB to fetch)',
    domain: 'code',
    rollouts: 4,
    problems: [
      liveCodeBenchFile('test4.jsonl', 'd711138ddaebfcf5f8ec6a4283ee677298c0f5c5d374a235af92aaf0584510da'),
      liveCodeBenchFile('test5.jsonl', '7f77571c2a6df0c2a72a3277650309f67e01e0008e18117e624633df53f81214'),
    ],
  },
];

/** Verifiers, the same for every suite, so that the results of different models are comparable. */
export const publishedVerifiers: Readonly<Record<PublishedSuite['domain'], z.input<typeof verifierConfig>>> =
  {
    math: mathAnswer({ extraction: 'boxed' }),
    code: code(),
  };

/**
 * Finds a suite by its name, or by its name in lighteval (also as `lighteval|aime24|0|0`) or lm-eval; `undefined` if
 * unknown.
 */
export function findPublishedSuite(name: string): PublishedSuite | undefined {
  const [, task = name] = /^\w+\|([^|]+)(?:\|.*)?$/.exec(name) ?? [];
  const wanted = task.toLowerCase();
  return publishedSuites.find((one) => one.name === wanted || one.aliases.includes(wanted));
}

/** Overrides for a published suite. */
interface PublishedOptions extends Partial<Omit<z.input<typeof suiteConfig>, 'type' | 'name'>> {
  /** Replacement for the published problems: a path, or an address with a different hub or commit. */
  readonly data?: string;
  /** The system message of every prompt. */
  readonly system?: string;
}

/**
 * Creates the recipe entry for a published suite in `evaluation`, by default with the paper's settings: 32,768 tokens,
 * temperature 0.6 and top-p 0.95. The recipe must configure verifiers for `math` and `code`.
 *
 * @throws ConfigError if the name is unknown.
 */
export function publishedSuite(name: string, { data, system, ...options }: PublishedOptions = {}) {
  const found = findPublishedSuite(name);
  if (found === undefined)
    throw new ConfigError(
      `expected the name of a published suite (${publishedSuites.map((one) => one.name).join(', ')}), got "${name}"`,
      { tryNext: 'gradus eval --list-suites' },
    );
  const { rollouts, problems } = found;
  const files = data === undefined ? problems : [from(data, problems[0]!)];
  const settings = { rollouts, maxTokens: 32_768, temperature: 0.6, topP: 0.95, greedy: false, ...options };
  return {
    ...suite({ name: found.name, ...settings }),
    problems: files.map((file) => (system === undefined ? file : { ...file, system })),
  };
}

/** Replaces the data but keeps the prompts. */
function from(path: string, { instruction }: FileInput): FileInput {
  return { type: 'file', path, ...(instruction === undefined ? {} : { instruction }) };
}

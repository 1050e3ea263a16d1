import type { Engine } from '../../src/engines/engine.ts';
import { evaluate } from '../../src/evaluation/evaluate.ts';
import { passRateOf } from '../../src/evaluation/problem-result.ts';
import { suite, suiteConfig } from '../../src/recipe/suite.ts';
import { generateProblems, generated, generatedConfig } from '../../src/problems/generated-source.ts';
import { openVerifier, verifierConfig } from '../../src/verifiers/config.ts';
import { javascriptTests } from '../../src/verifiers/javascript-tests.ts';
import { mathAnswer } from '../../src/verifiers/math/verifier.ts';
import { taughtFamilies } from './lessons.ts';

/** Pass rates on one problem. */
interface Rate {
  readonly domain: string;
  readonly family: string;
  readonly knob: number;
  /** Pass rate of 4 samples at temperature 1. */
  readonly sampled: number;
  readonly greedy: number;
}

const perCell = 8;

/**
 * Formats the model's pass rates on validation problems of the trained families as a Markdown table: one row per
 * family, one column per knob, sampled at temperature 1 / greedy, in percent.
 */
export async function passRateTable(engine: Engine): Promise<string> {
  const rates = await measure(engine);
  const families = Object.entries(Object.groupBy(rates, ({ family }) => family));
  const domains = Object.entries(Object.groupBy(rates, ({ domain }) => domain));
  return [
    '| family | knob 1 | 2 | 3 | 4 | 5 | 6 |',
    '|---|---|---|---|---|---|---|',
    ...families.map(([family, of]) => `| ${family} | ${knobsOf(of!).map(shown).join(' | ')} |`),
    ...domains.map(([domain, of]) => `| **all ${domain}** | ${knobsOf(of!).map(shown).join(' | ')} |`),
    '',
    `Means over all knobs: ${domains.map(([domain, of]) => `${domain} ${shown(of!)}`).join(', ')}.`,
  ].join('\n');
}

async function measure(engine: Engine): Promise<Rate[]> {
  await using math = openVerifier(verifierConfig.parse(mathAnswer({ extraction: 'boxed' })));
  await using code = openVerifier(verifierConfig.parse(javascriptTests({ score: 'all' })));
  const families = taughtFamilies.map(({ name }) => name);
  const source = generated({ families, perCell, split: 'validation', seed: 1 });
  const problems = [...generateProblems(generatedConfig.parse(source))];
  const evaluation = await evaluate({
    engine,
    problems,
    verifierFor: ({ domain }) => (domain === 'math' ? math : code),
    suite: suiteConfig.parse(suite({ name: 'validation', maxTokens: 32 })),
    seed: 1,
  });
  return evaluation.problems.map((result, i) => ({
    domain: result.domain,
    family: problems[i]!.family!,
    knob: problems[i]!.knob!,
    sampled: passRateOf(result),
    greedy: result.greedy === true ? 1 : 0,
  }));
}

function knobsOf(rates: readonly Rate[]): Rate[][] {
  return [1, 2, 3, 4, 5, 6].map((knob) => rates.filter((rate) => rate.knob === knob));
}

function shown(rates: readonly Rate[]): string {
  const percent = (values: readonly number[]): string =>
    (values.reduce((sum, value) => sum + 100 * value, 0) / values.length).toFixed(0);
  return `${percent(rates.map(({ sampled }) => sampled))} / ${percent(rates.map(({ greedy }) => greedy))}`;
}

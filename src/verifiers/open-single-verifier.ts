import * as z from 'zod';
import { codeConfig, openCode } from './code/code.ts';
import { customConfig, openCustom } from './custom/custom.ts';
import { environmentScoreConfig, openEnvironmentScore } from './environment-score.ts';
import { formatConfig, openFormat } from './format.ts';
import { javascriptTestsConfig, openJavascriptTests } from './javascript-tests.ts';
import { mathConfig, openMathAnswer } from './math/verifier.ts';
import { multipleChoiceConfig, openMultipleChoice } from './answers/multiple-choice.ts';
import { openPythonFunction, pythonFunctionConfig } from './python-function/python-function.ts';
import { openReasoningGymAnswer, reasoningGymAnswerConfig } from './reasoning-gym.ts';
import { openRegret, regretConfig } from './regret.ts';
import { openSearchFormat, searchFormatConfig } from './search-format.ts';
import { openShortAnswer, shortAnswerConfig } from './answers/short-answer.ts';
import { openToolUse, toolUseConfig } from './tool-use.ts';
import type { Verifier } from './verifier.ts';

/** Configs of the verifiers that do not contain other verifiers. */
export const singleVerifierConfig = z.discriminatedUnion('type', [
  mathConfig,
  javascriptTestsConfig,
  codeConfig,
  multipleChoiceConfig,
  shortAnswerConfig,
  searchFormatConfig,
  toolUseConfig,
  regretConfig,
  environmentScoreConfig,
  reasoningGymAnswerConfig,
  formatConfig,
  customConfig,
  pythonFunctionConfig,
]);

/** Opens the verifier of a config. @param baseDir folder against which relative paths are resolved. */
export function openSingle(config: z.output<typeof singleVerifierConfig>, baseDir: string): Verifier {
  switch (config.type) {
    case 'math':
      return openMathAnswer(config);
    case 'javascript-tests':
      return openJavascriptTests(config);
    case 'code':
      return openCode(config);
    case 'multiple-choice':
      return openMultipleChoice(config);
    case 'short-answer':
      return openShortAnswer(config);
    case 'search-format':
      return openSearchFormat(config);
    case 'tool-use':
      return openToolUse(config);
    case 'regret':
      return openRegret(config);
    case 'environment-score':
      return openEnvironmentScore(config);
    case 'reasoning-gym':
      return openReasoningGymAnswer(config, baseDir);
    case 'format':
      return openFormat(config);
    case 'custom':
      return openCustom(config, baseDir);
    case 'python-function':
      return openPythonFunction(config, baseDir);
  }
}

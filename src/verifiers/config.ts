import * as z from 'zod';
import { codeConfig, openCode } from './code/code.ts';
import { javascriptTestsConfig, openJavascriptTests } from './javascript-tests.ts';
import { mathConfig, openMathAnswer } from './math/verifier.ts';
import type { Verifier } from './verifier.ts';

/** How answers are judged: what a recipe's `verifiers` accept. */
export const verifierConfig = z.discriminatedUnion('type', [mathConfig, javascriptTestsConfig, codeConfig]);

/** The verifier a config asks for; whoever opens it disposes of it. */
export function openVerifier(config: z.infer<typeof verifierConfig>): Verifier {
  switch (config.type) {
    case 'math':
      return openMathAnswer(config);
    case 'javascript-tests':
      return openJavascriptTests(config);
    case 'code':
      return openCode(config);
  }
}

import { DataError } from '../../core/errors.ts';
import { compileTemplate } from '../../engines/model-files/chat-template.ts';

/** A chat template with the tokens that it needs. */
export interface ChatFormat {
  /** Jinja source; `null` for plain text. */
  readonly template: string | null;
  /** Ends a message of the assistant, and a completion. */
  readonly endToken: string;
  /** All control tokens, the end token first. */
  readonly controlTokens: readonly string[];
}

/** Templates by name. `roles` uses one token per message besides the end token; `chatml` is Qwen's format. */
export const chatTemplates = {
  roles:
    "{%- for message in messages -%}{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' -}}{%- endfor -%}" +
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}",
  chatml:
    "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}" +
    "{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}",
} as const;

/** Roles of a conversation that every template can render. */
const roleNames = ['user', 'assistant', 'user', 'assistant'] as const;

/** End token of a completion if the template names none. */
const plainEnd = '<|end|>';

/**
 * Finds the control tokens of a template: every string like `<|user|>` that it writes around messages. The
 * one after the assistant's message is the end token. A template may write `eos_token`, which is `<|end|>`.
 *
 * @param template Jinja source; `null` for models without a template.
 * @param name name of the template, for error messages.
 * @throws DataError if the template does not parse, or writes no token after the assistant's message.
 */
export function chatFormat(template: string | null, name: string): ChatFormat {
  if (template === null) return { template, endToken: plainEnd, controlTokens: [plainEnd] };
  const render = compileTemplate(template, { eos_token: plainEnd }, name);
  const answer = 'gradus:answer';
  const chat = roleNames.map((role) => ({ role, content: answer }));
  // Templates may reject roles other than `user` and `assistant`.
  const others = (['system', 'tool'] as const).map((role) => {
    try {
      return render([{ role, content: answer }]);
    } catch {
      return '';
    }
  });
  const [, endToken] = /gradus:answer(<\|[^<>|]+\|>)\s*$/.exec(render(chat, { isOpen: false })) ?? [];
  if (endToken === undefined)
    throw new DataError(
      `${name}: expected a chat template that writes a token such as <|end|> after the assistant's message, got none`,
    );
  const found = [render(chat), ...others].flatMap((text) => text.match(/<\|[^<>|]+\|>/g) ?? []);
  return { template, endToken, controlTokens: [...new Set([endToken, ...found.toSorted()])] };
}

import { armCount, type Bandit, contextAt } from '../../core/bandit/bandit.ts';
import { createLinUcb } from './oracles/lin-ucb.ts';
import { deviationOf } from './oracles/create-oracle.ts';
import type { ArmIndex } from './oracles/oracle.ts';
import { ucbIndices } from './oracles/ucb.ts';
import { addPull, type ArmTally, emptyTallies, type Pull } from './tally.ts';

/**
 * Information that a player reads after each turn, besides the reward:
 *
 * - `raw`: nothing; the transcript is the history;
 * - `summary`: pulls and mean reward of each arm;
 * - `guided`: value and exploration bonus of each arm, computed by UCB, or by LinUCB with context. The best choice is
 *   then the arm with the highest sum, so results measure how well the player reads, not how well it explores.
 */
export const renderings = ['raw', 'summary', 'guided'] as const;
export type Rendering = (typeof renderings)[number];

/** `chat`: sentences, in separate messages. `inline`: as short as possible, inside the player's turn. */
export type Form = 'chat' | 'inline';

/** Settings for rendering a bandit. */
export interface Style {
  readonly rendering: Rendering;
  readonly form: Form;
  /** Number of decimal places of means, bonuses, rewards and features. */
  readonly digits: number;
}

/** Renders the reply to a choice: its reward, the state of the arms, and the context of the next turn. */
export function renderTurn(
  bandit: Bandit,
  pulls: readonly Pull[],
  { reward, turn }: { readonly reward: number; readonly turn: number },
  style: Style,
): string {
  const { form, digits } = style;
  const earned = number(reward, digits);
  const parts = [
    form === 'chat' ? `Reward: ${earned}.` : earned,
    ...renderArms(bandit, pulls, turn + 1, style),
  ];
  return [
    ...parts,
    ...renderContext(bandit, turn + 1, style),
    ...(form === 'chat' ? ['Next arm?'] : ['']),
  ].join(separator(form));
}

/** Renders the context of a turn; empty for a bandit without context. */
export function renderContext(bandit: Bandit, turn: number, { form, digits }: Style): string[] {
  const context = contextAt(bandit, turn);
  if (context === undefined) return [];
  const features = context.map((value) => number(value, digits));
  return [form === 'chat' ? `Features now: ${features.join(', ')}.` : `(${features.join(',')})`];
}

function renderArms(
  bandit: Bandit,
  pulls: readonly Pull[],
  turn: number,
  { rendering, form, digits }: Style,
): string[] {
  switch (rendering) {
    case 'raw':
      return [];
    case 'summary':
      return talliesOf(pulls, bandit).map(({ pulls: count, sum }, i) => {
        const mean = count === 0 ? '-' : number(sum / count, digits);
        return form === 'chat' ? `Arm ${i + 1}: ${count} times, mean ${mean}` : `${i + 1}:${count}*${mean}`;
      });
    case 'guided':
      return indicesOf(bandit, pulls, turn).map(({ value, bonus }, i) =>
        form === 'chat'
          ? `Arm ${i + 1}: value ${number(value, digits)}, bonus ${number(bonus, digits)}`
          : `${i + 1}:${number(value + bonus, digits)}`,
      );
  }
}

function indicesOf(bandit: Bandit, pulls: readonly Pull[], turn: number): ArmIndex[] {
  if (bandit.type !== 'contextual') return ucbIndices(talliesOf(pulls, bandit), deviationOf(bandit));
  const model = createLinUcb(armCount(bandit), bandit.weights[0]!.length);
  for (const pull of pulls) model.observe(pull);
  return model.indices(contextAt(bandit, turn)!);
}

function talliesOf(pulls: readonly Pull[], bandit: Bandit): readonly ArmTally[] {
  const tallies = emptyTallies(armCount(bandit));
  for (const pull of pulls) addPull(tallies, pull);
  return tallies;
}

const separator = (form: Form): string => (form === 'chat' ? '\n' : ';');

/** Formats a number; integers have no decimals. */
const number = (value: number, digits: number): string => {
  if (value === Infinity) return 'inf';
  return Number.isInteger(value) ? String(value) : value.toFixed(digits);
};

import { RunError } from '../../core/errors.ts';
import { formatStrategies } from '../../evaluation/strategies/format-strategies.ts';
import { formatComparison, formatEvaluation } from '../../evaluation/format.ts';
import { countOf } from '../../core/text/count.ts';
import type { StepEvent, TrainingEvent } from '../../training/events.ts';
import type { ImitationSummary, RunResult } from '../../training/summary.ts';
import { watchRun } from '../../training/follow-run.ts';
import type { Output } from '../output.ts';
import { createLiveScreen } from '../screen/live-screen.ts';

/** Help text of `--plain`. */
export const plainHelp = 'print lines instead of the live screen on a terminal';

/** Steps between printed lines. */
const stepsPerLine = 10;

/**
 * Reports the events of a run: as a live screen on a terminal, as lines elsewhere, as JSON with `--json`.
 * @param options.isPlain prints lines even on a terminal.
 */
export function reportTo(
  output: Output,
  { isPlain = false }: { readonly isPlain?: boolean | undefined } = {},
): (event: TrainingEvent) => void {
  if (output.footer === undefined || isPlain) return (event) => print(output, event);
  const screen = createLiveScreen(output.footer, (run) => watchRun(run, { signal: AbortSignal.abort() }));
  return (event) => {
    if (!shownOnScreen.has(event.type)) print(output, event);
    screen(event);
  };
}

/** Events shown only on the live screen; all others are also printed as lines. */
const shownOnScreen = new Set<TrainingEvent['type']>(['measure', 'harvest', 'evaluate', 'roll', 'step']);

function print(output: Output, event: TrainingEvent): void {
  switch (event.type) {
    case 'run-start':
      output.event({ ...event });
      output.say(`run: ${event.run}${event.step === 0 ? '' : `, from step ${event.step}`}`);
      return;
    case 'measure':
      output.progress(`measuring difficulty for stage "${event.stage}"`, event.done, event.total);
      return;
    case 'harvest':
      output.progress(`harvesting examples for stage "${event.stage}"`, event.done, event.total);
      return;
    case 'evaluate':
      output.progress(`evaluating ${event.suite}`, event.done, event.total);
      return;
    case 'evaluated':
      output.event({ ...event, evaluation: { ...event.evaluation, problems: undefined } });
      output.say(formatEvaluation(event.evaluation, event.step));
      if (event.evaluation.strategies !== undefined)
        output.say(formatStrategies(event.evaluation.strategies));
      return;
    case 'roll':
      return;
    case 'step':
      output.event({ ...event });
      if (event.step % stepsPerLine === 0 || event.stepInStage === 1) output.say(stepLine(event));
      output.progress(`stage "${event.stage}"`, event.stepInStage, event.maxSteps);
      return;
    case 'stage-start':
    case 'stage-end':
    case 'staging-worth':
      output.event(event);
      output.say(event.message);
      return;
    case 'warning':
      output.event(event);
      output.say(`! ${event.message}`);
  }
}

/** Formats the result of a run: stages, accuracy of each suite before and after, and alerts. */
export function formatResult({
  run,
  model,
  stages,
  suites,
  worth,
  tokens,
  rollouts,
  alerts,
}: RunResult): string {
  const stageLines = stages.map(
    ({ name, steps, problems, imitation, reason }) =>
      `  ${name}: ${countOf(steps, 'step')} on ${imitation === undefined ? countOf(problems, 'problem') : imitated(imitation)}; ${reason}`,
  );
  const suiteLines = suites.flatMap(({ name, comparison, rlStart }) => [
    '',
    `${name}, before → after`,
    comparison === undefined
      ? `  not compared: no problem was judged in both evaluations; gradus runs show ${run}`
      : formatComparison(comparison),
    ...(rlStart === undefined ? [] : [startLine(rlStart)]),
  ]);
  const written =
    rollouts === 0
      ? []
      : [
          `${rollouts.toLocaleString('en')} rollouts, ${tokens.toLocaleString('en')} tokens written for training`,
        ];
  const trained = model === undefined ? [] : [`model: ${model}`];
  const alertLines = alerts.flatMap(({ severity, title, whatToDo }) => [
    `${severity}: ${title}`,
    `  ${whatToDo}`,
  ]);
  const alerted = alertLines.length === 0 ? [] : ['', ...alertLines];
  return [
    'stages',
    ...stageLines,
    ...worth,
    ...suiteLines,
    ...alerted,
    '',
    ...written,
    ...trained,
    `run: ${run}`,
  ].join('\n');
}

/** Formats `start for RL: pass@4 94.9 → 82.1 %, solved sometimes 84.6 → 61.5 % [44.9, 75.9]`. */
function startLine({ before, after }: NonNullable<RunResult['suites'][number]['rlStart']>): string {
  const percent = (share: number): string => (100 * share).toFixed(1);
  const { mean, low, high } = after.learnable;
  return (
    `start for RL: pass@${after.attempts} ${percent(before.passAt)} → ${percent(after.passAt)} %, ` +
    `solved sometimes ${percent(before.learnable.mean)} → ${percent(mean)} % [${percent(low)}, ${percent(high)}]`
  );
}

function imitated({ examples, tokens, loss, heldOutLoss }: ImitationSummary): string {
  const held = heldOutLoss === undefined ? '' : `, held-out loss ${heldOutLoss.toFixed(4)}`;
  return `${countOf(examples, 'example')}, ${tokens.toLocaleString('en')} tokens, loss ${loss.toFixed(4)}${held}`;
}

/** Alerts about the outcome of a whole run; an alert about its last steps does not make a finished run a failure. */
const wentWrong: ReadonlySet<string> = new Set(['held-out-fell', 'no-signal']);

/**
 * Ends the command with exit code 7 if a finished run has an alert of severity `error`.
 * @throws RunError (`RUN_WENT_WRONG`) that lists the alerts.
 */
export function requireHealthy({ run, alerts }: RunResult): void {
  const errors = alerts.filter(({ id }) => wentWrong.has(id));
  if (errors.length === 0) return;
  throw new RunError(`the run finished with errors: ${errors.map(({ title }) => title).join('; ')}`, {
    code: 'RUN_WENT_WRONG',
    tryNext: `gradus runs show ${run}`,
  });
}

function stepLine({ step, stage, metrics, timings }: StepEvent): string {
  const show = (label: string, value: number | undefined, digits: number): string =>
    value === undefined ? '' : `${label} ${value.toFixed(digits)}`;
  const parts = [
    `step ${step} (${stage})`,
    show('loss', metrics['sft/loss'], 4),
    show('held-out loss', metrics['sft/heldOutLoss'], 4),
    show('KL to the teacher', metrics['distil/kl'], 3),
    show('reward', metrics['reward/mean'], 3),
    show('math', metrics['reward/math/mean'], 3),
    show('code', metrics['reward/code/mean'], 3),
    show('no signal', metrics['group/zeroAdvantage'], 2),
    show('length', metrics['rollout/length/mean'], 1),
    show('entropy', metrics['policy/entropy'], 3),
    show('grad', metrics['optim/gradNorm'], 2),
    `${((timings['time/rollout'] ?? 0) + (timings['time/learn'] ?? 0)).toFixed(2)} s`,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

import type { Alert } from '../../runs/metrics/alert-types.ts';
import { domainsIn } from '../../runs/metrics/run-vitals.ts';
import { alertsOf } from '../../runs/metrics/find-alerts.ts';
import type { RunStart, ShownVerdict, StagePlan, TrainingEvent } from '../../training/events.ts';

/** State of a run's screen, derived only from the run's events. */
export interface ScreenState {
  /** Run directory; empty before `run-start`. */
  readonly run: string;
  readonly stages: RunStart['stages'];
  /** Number of completed steps. */
  readonly step: number;
  /** Current stage. */
  readonly stage: string | null;
  /** Number of completed steps by stage name. */
  readonly stepsOf: Readonly<Record<string, number>>;
  /** Work in progress. */
  readonly activity: { readonly label: string; readonly done: number; readonly total: number } | null;
  /** Every metric and timing by name, in order of steps. */
  readonly series: Readonly<Record<string, Series>>;
  /** Alerts, most severe first. */
  readonly alerts: readonly Alert[];
  /** First and last accuracies of each suite. */
  readonly suites: Readonly<Record<string, { readonly first: Accuracy; readonly last: Accuracy }>>;
  readonly verdicts: readonly ShownVerdict[];
}

/** Values by step: `values[i]` was recorded at `steps[i]`. */
interface Series {
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** Share of held-out problems solved at a step, with its 95 % interval. */
interface Accuracy {
  readonly step: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** State before the first event. */
export const screenStart: ScreenState = {
  run: '',
  stages: [],
  step: 0,
  stage: null,
  stepsOf: {},
  activity: null,
  series: {},
  alerts: [],
  suites: {},
  verdicts: [],
};

/** Returns the state after an event. */
export function seeEvent(state: ScreenState, event: TrainingEvent): ScreenState {
  switch (event.type) {
    case 'run-start':
      return { ...screenStart, run: event.run, stages: event.stages };
    case 'measure':
      return { ...state, activity: { ...event, label: `measuring for ${event.stage}` } };
    case 'evaluate':
      return { ...state, activity: { ...event, label: `evaluating ${event.suite}` } };
    case 'roll':
      return { ...state, activity: { ...event, label: `step ${event.step}` } };
    case 'harvest':
      return { ...state, activity: { ...event, label: `harvesting for ${event.stage}` } };
    case 'stage-start':
      return { ...state, stage: event.stage, activity: null };
    case 'stage-end':
      return { ...state, activity: null };
    case 'staging-worth':
    case 'warning':
      return state;
    case 'evaluated':
      return { ...state, activity: null, suites: seeEvaluation(state.suites, event) };
    case 'step': {
      const series = append(state.series, event.step, { ...event.metrics, ...event.timings });
      return {
        ...state,
        stages: state.stages.map((one) => (one.name === event.stage ? withSteps(one, event.maxSteps) : one)),
        step: event.step,
        stage: event.stage,
        stepsOf: { ...state.stepsOf, [event.stage]: event.stepInStage },
        activity: null,
        series,
        alerts: alertsAt(event.step, series),
        verdicts: event.verdicts,
      };
    }
  }
}

/** Fills in the last step of an `imitate()` stage, which is unknown until the stage begins. */
const withSteps = (stage: StagePlan, maxSteps: number): StagePlan =>
  stage.maxSteps === null ? { ...stage, maxSteps } : stage;

/** Computes the dashboard's alerts that depend only on metrics. */
function alertsAt(step: number, series: ScreenState['series']): Alert[] {
  const between = (name: string, from: number, to: number) => {
    const { steps, values } = series[name] ?? { steps: [], values: [] };
    const first = steps.findLastIndex((one) => one < from) + 1;
    const end = steps.findLastIndex((one) => one <= to) + 1;
    return {
      steps: Float64Array.from(steps.slice(first, end)),
      values: Float64Array.from(values.slice(first, end)),
    };
  };
  return alertsOf({
    status: 'running',
    reason: null,
    step,
    secondsSinceStep: null,
    stepSeconds: null,
    metric: (name, last) => between(name, step - last + 1, step),
    start: (name, first) => between(name, 1, first),
    domains: domainsIn(Object.keys(series)),
  });
}

function seeEvaluation(
  suites: ScreenState['suites'],
  { step, evaluation }: TrainingEvent & { type: 'evaluated' },
): ScreenState['suites'] {
  const { accuracy } = evaluation.overall;
  if (accuracy === undefined) return suites;
  const { mean, low, high } = accuracy;
  const last = { step, mean, low, high };
  return { ...suites, [evaluation.suite]: { first: suites[evaluation.suite]?.first ?? last, last } };
}

function append(series: ScreenState['series'], step: number, figures: Readonly<Record<string, number>>) {
  const grown = Object.entries(figures).map(([name, value]) => {
    const { steps, values } = series[name] ?? { steps: [], values: [] };
    return [name, { steps: [...steps, step], values: [...values, value] }] as const;
  });
  return { ...series, ...Object.fromEntries(grown) };
}

import { expect, test } from 'vitest';
import { ControlGroup, type DrawnGroup } from './control-group.ts';

const group = (kind: DrawnGroup['kind'], isLive: boolean): DrawnGroup => ({
  kind,
  isLive,
  factor: 1,
  tokens: 80,
  rollouts: 8,
  successes: isLive ? 4 : 0,
  trials: 8,
});

/** Adds steps with 20 groups of each kind, of which the given shares are live. */
function addSteps(control: ControlGroup, steps: number, live: { uniform: number; selected: number }): void {
  for (let step = 0; step < steps; step++) {
    control.age();
    for (const kind of ['uniform', 'selected'] as const)
      for (let i = 0; i < 20; i++) control.add(group(kind, i < 20 * live[kind]));
    control.compare();
  }
}

test('stops selection below a ratio of 1.15 and resumes it from 1.3', () => {
  const control = new ControlGroup(0);
  addSteps(control, 10, { uniform: 0.5, selected: 0.6 });
  expect(control.isSelectionUseless).toBe(false);
  addSteps(control, 200, { uniform: 0.5, selected: 0.55 });
  expect(control.isSelectionUseless).toBe(true);
  addSteps(control, 200, { uniform: 0.5, selected: 0.6 });
  expect(control.isSelectionUseless).toBe(true);
  addSteps(control, 200, { uniform: 0.5, selected: 0.7 });
  expect(control.isSelectionUseless).toBe(false);
});

test('stops selection if a gain of 0.02 in live share is excluded, whatever the ratio', () => {
  const control = new ControlGroup(0);
  addSteps(control, 300, { uniform: 0, selected: 0 });
  expect(control.isSelectionUseless).toBe(true);
});

test('continues the comparison after save and restore', () => {
  const [control, restored] = [new ControlGroup(0), new ControlGroup(0)];
  addSteps(control, 60, { uniform: 0.5, selected: 0.55 });
  restored.restore(control.save());
  expect(restored.isSelectionUseless).toBe(control.isSelectionUseless);
  for (const one of [control, restored]) addSteps(one, 3, { uniform: 0.3, selected: 0.9 });
  expect(restored.save()).toEqual(control.save());
});

import { expect, test } from 'vitest';
import { createRng } from '../../../core/rng.ts';
import { ControlGroup, type DrawnGroup } from './control-group.ts';

const group = (kind: DrawnGroup['kind'], isLive: boolean, weight = 1): DrawnGroup => ({
  kind,
  isLive,
  weight,
  factor: 1,
  tokens: 80,
  rollouts: 8,
  successes: isLive ? 4 : 0,
  trials: 8,
});

/** Adds steps of groups, of which exactly some are live; the weights of the uniform draws fit the selected ones. */
function addSteps(control: ControlGroup, steps: number, live: { uniform: number; selected: number }): void {
  const { uniform, selected } = live;
  const [ofLive, ofDead] = [uniform === 0 ? 1 : selected / uniform, (1 - selected) / (1 - uniform)];
  for (let step = 0; step < steps; step++) {
    control.age();
    for (let i = 0; i < 20; i++) {
      control.add(group('uniform', i < 20 * uniform, i < 20 * uniform ? ofLive : ofDead));
      control.add(group('selected', i < 20 * selected));
    }
    control.compare();
  }
}

test('estimates the live share of selected draws from uniform draws by their weights', () => {
  const control = new ControlGroup(0);
  const random = createRng(3, 'control');
  // A fifth of the pool is live with weight 4, the rest dead with weight 1/4: 0.8 / (0.8 + 0.2) of selected draws are live.
  for (let i = 0; i < 4000; i++) {
    const isLive = random.next() < 0.2;
    control.add(group('uniform', isLive, isLive ? 4 : 0.25));
  }
  expect(control.liveUniform?.mean).toBeCloseTo(0.2, 1);
  expect(control.liveSelected?.mean).toBeCloseTo(0.8, 1);
});

test('stops selection below a ratio of 1.15 and starts it again from 1.3', () => {
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

test('stops selection where a gain of 0.02 in live share is excluded, whatever the ratio', () => {
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

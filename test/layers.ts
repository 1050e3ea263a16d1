const below = {
  core: [],
  protocol: [],
  problems: [],
  sandbox: [],
  difficulty: [],
  algorithms: [],
  runs: [],
  curriculum: ['difficulty'],
  verifiers: ['sandbox'],
  engines: ['protocol'],
  rollout: ['engines', 'verifiers'],
  evaluation: ['problems', 'engines', 'rollout', 'verifiers'],
  recipe: [
    'problems',
    'difficulty',
    'algorithms',
    'runs',
    'curriculum',
    'verifiers',
    'sandbox',
    'engines',
    'evaluation',
  ],
} as const;
const everyLayer = Object.keys(below);

/** Each folder of `src/` and the folders it may import besides `core` and itself (DESIGN.md §2). */
export const layers: Readonly<Record<string, readonly string[]>> = {
  ...below,
  training: everyLayer,
  server: ['runs'],
  cli: ['training', 'server', 'evaluation', 'recipe', 'runs', 'problems', 'verifiers'],
  testing: ['engines', 'verifiers', 'protocol'],
};

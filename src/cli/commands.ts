import type { Command } from 'commander';

/** A command, as `gradus --help` lists it, and its module. */
export interface CommandEntry {
  /** Name, followed by options and arguments. */
  readonly usage: string;
  readonly description: string;
  /** Loads the module and returns the function that adds the command to a program. */
  readonly load: () => Promise<(program: Command) => void>;
}

/**
 * All commands in the order of `--help`. Modules are loaded on demand, because loading all of them takes most of a
 * second.
 */
export const commands: readonly CommandEntry[] = [
  {
    usage: 'demo [options]',
    description: 'train the small model that comes with Gradus, in minutes',
    load: async () => (await import('./training/demo.ts')).addDemoCommand,
  },
  {
    usage: 'train [options] <recipe>',
    description: 'train the model of a recipe, in a new run directory',
    load: async () => (await import('./training/train.ts')).addTrainCommand,
  },
  {
    usage: 'plan [options] <recipe>',
    description: 'forecast the tokens, time, memory and cost of a recipe',
    load: async () => (await import('./training/plan.ts')).addPlanCommand,
  },
  {
    usage: 'resume [options] <run>',
    description: 'continue a stopped run from its newest checkpoint',
    load: async () => (await import('./training/resume.ts')).addResumeCommand,
  },
  {
    usage: 'eval [options] [model]',
    description: 'evaluate a model on the suites of a recipe, or on published ones',
    load: async () => (await import('./eval.ts')).addEvalCommand,
  },
  {
    usage: 'runs',
    description: 'list, show, compare, watch, export and restore runs',
    load: async () => (await import('./runs.ts')).addRunsCommand,
  },
  {
    usage: 'data',
    description: 'import, clean and export problems',
    load: async () => (await import('./data/data.ts')).addDataCommand,
  },
  {
    usage: 'init-model [options] <folder>',
    description: 'make a small untrained model, with a tokenizer trained on your files',
    load: async () => (await import('./models/init-model.ts')).addInitModelCommand,
  },
  {
    usage: 'models',
    description: 'convert models in other formats to model folders',
    load: async () => (await import('./models/models.ts')).addModelsCommand,
  },
  {
    usage: 'knowledge',
    description: 'index passages, put them into prompts, rerank and measure them',
    load: async () => (await import('./knowledge/knowledge.ts')).addKnowledgeCommand,
  },
  {
    usage: 'difficulty',
    description: 'measure and show how hard problems are for a model',
    load: async () => (await import('./difficulty/difficulty.ts')).addDifficultyCommand,
  },
  {
    usage: 'sft [options] <model> <examples>',
    description: 'fine-tune a model on examples (supervised learning), in a new run directory',
    load: async () => (await import('./training/sft.ts')).addSftCommand,
  },
  {
    usage: 'race [options] <model> <examples>',
    description: 'find settings for gradus sft: train every combination briefly, the best to the end',
    load: async () => (await import('./training/race.ts')).addRaceCommand,
  },
  {
    usage: 'prm',
    description: 'train a step scorer (process reward model) on rollouts',
    load: async () => (await import('./prm/prm.ts')).addPrmCommand,
  },
  {
    usage: 'sample [options] <model> [prompt...]',
    description: 'generate answers; without a prompt: chat, or one prompt per line from a pipe',
    load: async () => (await import('./sample.ts')).addSampleCommand,
  },
  {
    usage: 'verify',
    description: 'judge answers and programs, and explain the verdict',
    load: async () => (await import('./verify/verify.ts')).addVerifyCommand,
  },
  {
    usage: 'serve',
    description: 'serve a model or verdicts over HTTP',
    load: async () => (await import('./serve/serve.ts')).addServeCommand,
  },
  {
    usage: 'dashboard [options] [folder]',
    description: 'show runs in a browser; visitors must send the token in GRADUS_TOKEN, if it is set',
    load: async () => (await import('./dashboard.ts')).addDashboardCommand,
  },
  {
    usage: 'doctor [options] [url]',
    description: 'check that this machine can train, or which features a model server has',
    load: async () => (await import('./doctor.ts')).addDoctorCommand,
  },
];

export const nameOf = ({ usage }: CommandEntry): string => usage.split(' ', 1)[0]!;

const conditionColumns = 'model, template, temperature, top_p, top_k, stop, max_tokens, verifier';
const counts = "sum(outcome = 'correct') AS successes, sum(outcome <> 'ungradable') AS trials";
const filtered = 'conditions = ? AND (? IS NULL OR source = ?) AND (? IS NULL OR step = ?)';

/** All queries of a pass-rate store; the tables are in `sqlite-schema.ts`. */
export const queries = {
  findConditions: `SELECT id FROM conditions WHERE (${conditionColumns}) = (?, ?, ?, ?, ?, ?, ?, ?)`,
  addConditions: `INSERT OR IGNORE INTO conditions (${conditionColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  addProblem: 'INSERT OR IGNORE INTO problems (name, edition) VALUES (?, ?)',
  addObservation: `
    INSERT INTO observations
      (conditions, problem, source, step, rollout, outcome, prompt_tokens, tokens, finish_reason)
    VALUES (?, (SELECT id FROM problems WHERE name = ? AND edition = ?), ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (conditions, problem, source, step, rollout) DO NOTHING`,
  passRates: `
    SELECT name, edition, ${counts}, json_group_array(rollout) AS rollouts,
           group_concat(CASE outcome WHEN 'correct' THEN '1' WHEN 'ungradable' THEN '-' ELSE '0' END, '') AS marks
    FROM observations JOIN problems ON problems.id = problem
    WHERE ${filtered}
    GROUP BY problem ORDER BY problem`,
  groups: `
    SELECT name, edition, source, step, ${counts}, count(*) AS attempts, sum(outcome = 'unparsed') AS unparsed,
           sum(outcome = 'timeout') AS timeouts, sum(outcome = 'ungradable') AS ungradable,
           sum(finish_reason = 'length') AS truncated, sum(prompt_tokens) AS promptTokens, sum(tokens) AS tokens,
           count(tokens) AS countedAttempts, min(CASE outcome WHEN 'correct' THEN tokens END) AS fewestTokensToPass
    FROM observations JOIN problems ON problems.id = problem
    WHERE ${filtered}
    GROUP BY problem, source, step ORDER BY problem, step, source`,
  allConditions: `SELECT ${conditionColumns} FROM conditions ORDER BY id`,
  history: `
    SELECT ${conditionColumns},
           name, edition, source, step, rollout, outcome, prompt_tokens, tokens, finish_reason
    FROM conditions
    JOIN observations ON observations.conditions = conditions.id
    JOIN problems ON problems.id = problem
    WHERE name = ?
    ORDER BY step, conditions.id, source, rollout`,
  moreSpending: `
    UPDATE spending SET requests = requests + ?1, prompt_tokens = prompt_tokens + ?2, cached_tokens = cached_tokens + ?3,
      completion_tokens = completion_tokens + ?4, cost = CASE WHEN ?5 IS NULL THEN cost ELSE ifnull(cost, 0) + ?5 END
    WHERE model = ?6`,
  addSpending: `
    INSERT INTO spending (requests, prompt_tokens, cached_tokens, completion_tokens, cost, model)
    VALUES (?, ?, ?, ?, ?, ?)`,
  allSpending: `
    SELECT total(requests) AS requests, total(prompt_tokens) AS promptTokens, total(cached_tokens) AS cachedTokens,
           total(completion_tokens) AS completionTokens, sum(cost) AS cost
    FROM spending WHERE model = ?`,
  addSource: `INSERT OR IGNORE INTO sources (record) VALUES (?)`,
  allSources: `SELECT record FROM sources ORDER BY id`,
  addScoring: 'INSERT OR IGNORE INTO scorings (model, template, version) VALUES (?, ?, ?)',
  findScoring: 'SELECT id FROM scorings WHERE (model, template, version) = (?, ?, ?)',
  addLikelihood: `
    INSERT OR IGNORE INTO likelihoods (scoring, problem, text, digest, logprob, tokens)
    VALUES (?, (SELECT id FROM problems WHERE name = ? AND edition = ?), ?, ?, ?, ?)`,
  likelihoods: `
    SELECT name AS problemId, edition, text, digest, logprob, tokens
    FROM likelihoods JOIN problems ON problems.id = problem
    WHERE scoring = ? ORDER BY problem, text, digest`,
} as const;

import { componentMass, type OutcomeTable, recordIndex } from './outcome-table.ts';
import { probingTuning } from './tuning.ts';

/** A record of attempts, and the number of problems that share it. */
export interface RecordCount {
  readonly successes: number;
  readonly attempts: number;
  readonly problems: number;
}

/** Prior shares of the components, and the weight of the prior in problems. */
interface MixturePrior {
  readonly shares: ArrayLike<number>;
  readonly weight: number;
}

/**
 * Fits the shares of a population's components to records of any length, by expectation maximisation. The number of
 * attempts may depend on earlier outcomes, because the likelihood does not depend on why attempts were made.
 *
 * @param prior prior shares and their weight in problems; by default, equal shares with the weight of one problem.
 * Expectation maximisation starts from them.
 * @returns the share of each component; the shares sum to 1.
 */
export function fitMixture(
  table: OutcomeTable,
  records: readonly RecordCount[],
  prior: MixturePrior = { shares: equalShares(table), weight: 1 },
  rounds = probingTuning.rounds.all,
): Float64Array {
  const likelihoods = records.map(({ successes, attempts }) => {
    const record = recordIndex(successes, attempts);
    return Float64Array.from({ length: table.components }, (_, component) =>
      componentMass(table, record, component),
    );
  });
  let shares = Float64Array.from(prior.shares);
  for (let round = 0; round < rounds; round++) {
    const next = Float64Array.from(prior.shares, (share) => share * prior.weight);
    records.forEach(({ problems }, i) => addResponsibilities(next, shares, likelihoods[i]!, problems));
    const total = next.reduce((sum, value) => sum + value, 0);
    shares = next.map((value) => value / total);
  }
  return shares;
}

/** Returns equal shares for all components. */
function equalShares({ components }: OutcomeTable): Float64Array {
  return new Float64Array(components).fill(1 / components);
}

function addResponsibilities(
  into: Float64Array,
  shares: Float64Array,
  likelihoods: Float64Array,
  problems: number,
): void {
  let total = 0;
  for (let i = 0; i < shares.length; i++) total += shares[i]! * likelihoods[i]!;
  if (total === 0) return;
  for (let i = 0; i < shares.length; i++) into[i]! += (problems * shares[i]! * likelihoods[i]!) / total;
}

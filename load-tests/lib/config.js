// The configuration of all load tests: URLs, deals and buyers.

import { SharedArray } from 'k6/data';
import exec from 'k6/execution';

/** URLs of the nodes, separated by commas in BASE_URL. */
const NODES = (__ENV.BASE_URL || 'http://127.0.0.1:8080').split(',');

/** The audit and the metrics are on the node's internal listener. */
export const AUDIT_URL = __ENV.AUDIT_URL || 'http://127.0.0.1:9090/audit';
export const METRICS_URL = AUDIT_URL.replace(/\/audit$/, '/metrics');

if (!__ENV.LOADTEST_FILE) {
  throw new Error('LOADTEST_FILE must be the absolute path of a file that `muster loadtest prepare --out FILE` wrote');
}

const prepared = JSON.parse(open(__ENV.LOADTEST_FILE));

/** Open deals, all with the same terms. */
export const deals = prepared.deals;

/** The merchant of the deals. */
export const merchant = prepared.merchant;

/** Buyers with tokens. A SharedArray is shared by all virtual users. */
export const buyers = new SharedArray('buyers', () => JSON.parse(open(__ENV.LOADTEST_FILE)).buyers);

/** The node of this virtual user. Each `turn` selects another node, as a load balancer does after a failure. */
export function node(turn = 0) {
  return NODES[(exec.vu.idInTest + turn) % NODES.length];
}

/** Maximum duration of teardown. The audit rechecks differences for up to 20 seconds. */
export const TEARDOWN_TIMEOUT = '180s';

/**
 * A scenario with an open model: `rate` iterations start each second, however long they take. It allocates enough virtual
 * users up front for iterations of `eachS` seconds, and up to `maxVus` later.
 */
export function atRate(rate, seconds, { eachS = 1, maxVus = 20 * rate, ...others } = {}) {
  const vus = Math.min(maxVus, Math.max(10, eachS * rate));
  return {
    executor: 'constant-arrival-rate',
    rate,
    timeUnit: '1s',
    duration: `${seconds}s`,
    preAllocatedVUs: vus,
    maxVUs: Math.max(vus, maxVus),
    ...others,
  };
}

/** A threshold that fails if k6 had too few virtual users to keep up the rate. */
export const NO_DROPPED_ITERATIONS = { dropped_iterations: ['count==0'] };

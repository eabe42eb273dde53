// What every load test knows: where Muster is, and who may join what.

import { SharedArray } from 'k6/data';
import exec from 'k6/execution';

/** Several nodes are separated by commas. */
const NODES = (__ENV.BASE_URL || 'http://127.0.0.1:8080').split(',');

/** The audit is on the node's internal listener, as the metrics are. */
export const AUDIT_URL = __ENV.AUDIT_URL || 'http://127.0.0.1:9090/audit';
export const METRICS_URL = AUDIT_URL.replace(/\/audit$/, '/metrics');

if (!__ENV.LOADTEST_FILE) {
  throw new Error('LOADTEST_FILE must name the file that `muster loadtest prepare --out FILE` wrote, with its whole path');
}

const prepared = JSON.parse(open(__ENV.LOADTEST_FILE));

/** The deals to join, all alike. */
export const deals = prepared.deals;

/** Who offers them. */
export const merchant = prepared.merchant;

/** Buyers with tokens; one copy for all virtual users. */
export const buyers = new SharedArray('buyers', () => JSON.parse(open(__ENV.LOADTEST_FILE)).buyers);

/** The node of this virtual user; after `turn` failures, another one, as a load balancer would choose. */
export function node(turn = 0) {
  return NODES[(exec.vu.idInTest + turn) % NODES.length];
}

/** The longest that teardown may take: the audit looks again for ten seconds, or twenty, when something seems wrong. */
export const TEARDOWN_TIMEOUT = '180s';

/** An open model: so many iterations begin each second, however long they take; at the start it is ready for `eachS` seconds. */
export function atRate(rate, seconds, { eachS = 1, most = 20 * rate, ...others } = {}) {
  const vus = Math.min(most, Math.max(10, eachS * rate));
  return {
    executor: 'constant-arrival-rate',
    rate,
    timeUnit: '1s',
    duration: `${seconds}s`,
    preAllocatedVUs: vus,
    maxVUs: Math.max(vus, most),
    ...others,
  };
}

/** The load was what it should be: with too few virtual users, k6 would quietly send less. */
export const AS_MEANT = { dropped_iterations: ['count==0'] };

// What every load test knows: where Muster is, and who may join what.

import { SharedArray } from 'k6/data';
import exec from 'k6/execution';

/** Several nodes are separated by commas; each virtual user stays with one. */
const NODES = (__ENV.BASE_URL || 'http://127.0.0.1:8080').split(',');

/** The audit is on the node's internal listener. */
export const AUDIT_URL = __ENV.AUDIT_URL || 'http://127.0.0.1:9090/audit';

if (!__ENV.LOADTEST_FILE) {
  throw new Error('LOADTEST_FILE must name the file that `muster loadtest prepare --out FILE` wrote, with its whole path');
}

const prepared = JSON.parse(open(__ENV.LOADTEST_FILE));

/** The deals to join, all alike. */
export const deals = prepared.deals;

/** Buyers with tokens; one copy for all virtual users. */
export const buyers = new SharedArray('buyers', () => JSON.parse(open(__ENV.LOADTEST_FILE)).buyers);

/** The node of this virtual user. */
export function node() {
  return NODES[exec.vu.idInTest % NODES.length];
}

/** A setting of one test, as a whole number. */
export function setting(name, otherwise) {
  const value = Number(__ENV[name] || otherwise);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number from 1 on`);
  return value;
}

/** The longest that teardown may take: the audit looks again for ten seconds, or twenty, when something seems wrong. */
export const TEARDOWN_TIMEOUT = '180s';

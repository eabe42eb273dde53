// Buyers join, half of them leave, and some of those join again with another key. The deal never tips, so that leaving stays
// possible. Each buyer checks that the API reports the right state.

import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

import { authorized, join, joinOnce } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, atRate, buyers, deals, node } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('leave_mix');
const deal = deals[0];

const stayed = new Counter('stayed');
const left = new Counter('left');
const rejoined = new Counter('rejoined');
const joinTime = new Trend('time_to_join', true);
const leaveTime = new Trend('time_to_leave', true);

export const options = {
  scenarios: { buyers: atRate(size.rate, size.duration_s) },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    checks: ['rate==1'],
    left: ['count>0'],
    rejoined: ['count>0'],
    time_to_join: ['p(95)<500'],
    time_to_leave: ['p(95)<500'],
    http_req_failed: ['rate==0'],
    ...NO_DROPPED_ITERATIONS,
    ...AUDIT_THRESHOLDS,
  },
};

export function setup() {
  return { run: Date.now() };
}

export default function ({ run }) {
  const n = exec.scenario.iterationInTest;
  const [buyer, key] = [buyers[n % buyers.length], `leave-${run}-${n}`];
  const { answer: joined } = join(deal, buyer, 1, key);
  if (!check(joined, { 'joining is 201': (r) => r.status === 201 })) return;
  joinTime.add(joined.timings.duration);
  if (n % 2 === 0) {
    stayed.add(1);
    return;
  }
  const signup = `${node()}/api/v1/signups/${joined.json('id')}`;
  const leaving = http.del(signup, null, { ...authorized(buyer), tags: { name: 'leave' } });
  check(leaving, { 'leaving is 204': (r) => r.status === 204 });
  leaveTime.add(leaving.timings.duration);
  left.add(1);
  check(http.del(signup, null, { ...authorized(buyer), tags: { name: 'leave' } }), { 'leaving twice is 204': (r) => r.status === 204 });
  check(http.get(signup, { ...authorized(buyer), tags: { name: 'signup' } }), { 'the signup is left': (r) => r.json('state') === 'left' });
  check(joinOnce(deal, buyer, 1, key), {
    'the old key returns the old signup, which is left': (r) =>
      r.status === 201 && r.json('id') === joined.json('id') && r.json('state') === 'left',
  });
  if (n % 4 === 1) return;
  const { answer: again } = join(deal, buyer, 1, `${key}-again`);
  check(again, { 'joining again with another key creates another signup': (r) => r.status === 201 && r.json('id') !== joined.json('id') });
  rejoined.add(1);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('leave_mix', data, ['stayed', 'http_reqs', 'iteration_duration']);
}

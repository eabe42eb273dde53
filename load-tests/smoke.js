// A quick check, with one virtual user, of everything that the load tests use. Part of `make test`.

import { check } from 'k6';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

import { authorized, codeOf, join, joinOnce, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { TEARDOWN_TIMEOUT, buyers, deals, node } from './lib/config.js';
import { watch } from './lib/live.js';
import { summary } from './lib/summary.js';

const cameToItsEnd = new Counter('came_to_its_end');

export const options = {
  vus: 1,
  iterations: 1,
  teardownTimeout: TEARDOWN_TIMEOUT,
  // An exception does not fail a check, so a counter shows that the test reached its end.
  thresholds: { checks: ['rate==1'], came_to_its_end: ['count==1'], ...AUDIT_THRESHOLDS },
};

const REFUSED = { responseCallback: http.expectedStatuses({ min: 400, max: 499 }) };

export default function () {
  const [deal, buyer] = [deals[0], buyers[0]];
  check(http.get(`${node()}/healthz`), { 'the node is alive': (r) => r.status === 200 });
  check(http.get(`${node()}/readyz`), { 'the node is ready': (r) => r.status === 200 });
  check(http.get(`${node()}/`), { 'the home page shows': (r) => r.status === 200 });
  check(http.get(`${node()}/api/v1/deals?state=open`), {
    'the deal is listed': (r) => r.json('data').some((listed) => listed.id === deal),
  });
  check(http.get(`${node()}/api/v1/signups`, REFUSED), { 'a request without a token is refused': (r) => codeOf(r) === 'not_signed_in' });

  const before = progress(deal);
  const key = `smoke-${Date.now()}`;
  const { answer: joined } = join(deal, buyer, 1, key);
  check(joined, {
    'joining is 201': (r) => r.status === 201,
    'the number is the count of buyers': (r) => r.json('number') === r.json('progress.buyers'),
    'one more has joined': (r) => r.json('progress.buyers') === before.buyers + 1,
  });
  check(joinOnce(deal, buyer, 1, key), {
    'the same key again is the same signup': (r) => r.status === 201 && r.json('id') === joined.json('id'),
    'the retry is marked as replayed': (r) => r.headers['Idempotency-Replayed'] === 'true',
  });
  check(joinOnce(deal, buyer, 2, key), { 'other units with the same key are refused': (r) => codeOf(r) === 'key_reused' });
  check(joinOnce(deal, buyers[1], 1000, key), { 'too many units are refused': (r) => r.status === 409 });
  check(firstFrame(deal), {
    'a live socket begins with the figures': (frame) => frame && frame.type === 'progress' && frame.deal === deal,
    'the frame includes the join': (frame) => frame && frame.rev >= joined.json('progress.rev'),
  });
  const left = http.del(`${node()}/api/v1/signups/${joined.json('id')}`, null, authorized(buyer));
  check(left, { 'leaving before the tip is 204': (r) => r.status === 204 });
  check(progress(deal), { 'leaving frees the unit': (now) => now.buyers === before.buyers });
  cameToItsEnd.add(1);
}

/** The first frame that includes the join. Frames sent before the join may arrive first. */
function firstFrame(deal) {
  return watch(deal, 5, { onFrame: (frame) => frame.buyers > 0 }).last;
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('smoke', data, ['http_reqs', 'http_req_duration']);
}

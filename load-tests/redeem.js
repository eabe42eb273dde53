// Coupons are redeemed at a constant rate. Each coupon is redeemed once. A retry gets the same answer, and a second till
// learns when and where the coupon was redeemed. Some codes are mistyped.

import { check, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

import { authorized, codeOf, joinRequest } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, atRate, buyers, deals, merchant, node } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('redeem');
const BATCH_SIZE = 20;
/** Number of mistyped codes. Their check character is wrong, so they do not count against the limit on unknown codes. */
const MISTYPED = 20;

const coupons = new Counter('coupons');
const redeemed = new Counter('redeemed');
const redeemTime = new Trend('time_to_redeem', true);
const settleTime = new Trend('time_to_settle', true);

export const options = {
  scenarios: { till: atRate(size.rate, size.duration_s) },
  batchPerHost: BATCH_SIZE,
  setupTimeout: '300s',
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    coupons: [`count==${size.buyers}`],
    redeemed: [`count>=${Math.floor(0.99 * size.rate * size.duration_s)}`],
    checks: ['rate==1'],
    time_to_redeem: ['p(95)<300'],
    time_to_settle: ['max<10000'],
    http_req_failed: ['rate==0'],
    ...NO_DROPPED_ITERATIONS,
    ...AUDIT_THRESHOLDS,
  },
};

/** All buyers join, the deal tips, and each buyer gets a coupon. */
export function setup() {
  const run = Date.now();
  const all = buyers.slice(0, size.buyers);
  sendInBatches(all, (buyer, n) => joinRequest(deals[0], buyer, 1, `redeem-${run}-${n}`));
  const joinedAt = Date.now();
  const mine = (buyer) => ({ method: 'GET', url: `${node()}/api/v1/coupons`, params: { ...authorized(buyer), tags: { name: 'coupons' } } });
  let codes = [];
  for (let tries = 0; codes.length < size.buyers && tries < 20; tries += 1) {
    if (tries > 0) sleep(0.5);
    codes = sendInBatches(all, mine).flatMap((answer) => answer.json('data').map((coupon) => coupon.code));
    if (tries === 0 || codes.length === size.buyers) settleTime.add(Date.now() - joinedAt);
  }
  coupons.add(codes.length);
  return { run, codes };
}

/** Sends one request per buyer in batches. Returns the answers. */
function sendInBatches(all, request) {
  const answers = [];
  for (let from = 0; from < all.length; from += BATCH_SIZE) {
    answers.push(...http.batch(all.slice(from, from + BATCH_SIZE).map((buyer, n) => request(buyer, from + n))));
  }
  return answers;
}

export default function ({ run, codes }) {
  const n = exec.scenario.iterationInTest;
  if (n >= codes.length) return;
  const once = redeem(codes[n], 'Main Street', `till-${run}-${n}`);
  check(once, { 'redeeming is 201': (r) => r.status === 201 });
  redeemTime.add(once.timings.duration);
  if (once.status === 201) redeemed.add(1);
  check(redeem(codes[n].toLowerCase(), 'Main Street', `till-${run}-${n}`), {
    'a retry returns the same redemption': (r) => r.status === 201 && r.json('redeemed_at') === once.json('redeemed_at'),
  });
  check(redeem(codes[n], 'Side Street', `other-${run}-${n}`), {
    'another till learns when and where': (r) => codeOf(r) === 'already_redeemed' && r.body.includes('Main Street'),
  });
  if (n < MISTYPED) {
    check(redeem(mistyped(codes[n]), 'Main Street', `typo-${run}-${n}`), { 'a mistyped code is refused as malformed': (r) => r.status === 422 });
  }
}

function redeem(code, till, key) {
  return http.post(`${node()}/api/v1/redemptions`, JSON.stringify({ code, till }), {
    ...authorized(merchant, { 'Idempotency-Key': key }),
    responseCallback: http.expectedStatuses(201, 409, 422),
    tags: { name: 'redeem' },
  });
}

/** The code with another first character. */
function mistyped(code) {
  return (code[0] === '0' ? '2' : '0') + code.slice(1);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('redeem', data, ['http_reqs', 'iteration_duration']);
}

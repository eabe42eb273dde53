// The evening after: buyers come to the till with their coupons, at a rate. Each is redeemed once; the same request again (the
// till heard no answer) hears the same; another till that tries it hears when and where. Now and then somebody mistypes.

import { check, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

import { asking, codeOf, joinRequest } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { AS_MEANT, TEARDOWN_TIMEOUT, atRate, buyers, deals, merchant, node } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('redeem');
const TOGETHER = 20;
/** How many are mistyped. The check character tells them from wrong codes, of which ten in ten minutes would make the merchant wait. */
const MISTYPED = 20;

const coupons = new Counter('coupons');
const redeemed = new Counter('redeemed');
const redeemTime = new Trend('time_to_redeem', true);
const settleTime = new Trend('time_to_settle', true);

export const options = {
  scenarios: { till: atRate(size.rate, size.duration_s) },
  batchPerHost: TOGETHER,
  setupTimeout: '300s',
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    coupons: [`count==${size.buyers}`],
    redeemed: [`count>=${Math.floor(0.99 * size.rate * size.duration_s)}`],
    checks: ['rate==1'],
    time_to_redeem: ['p(95)<300'],
    time_to_settle: ['max<10000'],
    http_req_failed: ['rate==0'],
    ...AS_MEANT,
    ...AUDIT_THRESHOLDS,
  },
};

/** Everybody joins, the deal tips, and everybody gets a coupon. */
export function setup() {
  const run = Date.now();
  const all = buyers.slice(0, size.buyers);
  together(all, (buyer, n) => joinRequest(deals[0], buyer, 1, `redeem-${run}-${n}`));
  const joinedAt = Date.now();
  const mine = (buyer) => ({ method: 'GET', url: `${node()}/api/v1/coupons`, params: { ...asking(buyer), tags: { name: 'coupons' } } });
  let codes = [];
  for (let tries = 0; codes.length < size.buyers && tries < 20; tries += 1) {
    if (tries > 0) sleep(0.5);
    codes = together(all, mine).flatMap((answer) => answer.json('data').map((coupon) => coupon.code));
    if (tries === 0 || codes.length === size.buyers) settleTime.add(Date.now() - joinedAt);
  }
  coupons.add(codes.length);
  return { run, codes };
}

/** Requests of everybody, some at a time; their answers. */
function together(all, request) {
  const answers = [];
  for (let from = 0; from < all.length; from += TOGETHER) {
    answers.push(...http.batch(all.slice(from, from + TOGETHER).map((buyer, n) => request(buyer, from + n))));
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
    'the same again is the same': (r) => r.status === 201 && r.json('redeemed_at') === once.json('redeemed_at'),
  });
  check(redeem(codes[n], 'Side Street', `other-${run}-${n}`), {
    'another till hears when and where': (r) => codeOf(r) === 'already_redeemed' && r.body.includes('Main Street'),
  });
  if (n < MISTYPED) {
    check(redeem(mistyped(codes[n]), 'Main Street', `typo-${run}-${n}`), { 'a mistyped code is told from a wrong one': (r) => r.status === 422 });
  }
}

function redeem(code, till, key) {
  return http.post(`${node()}/api/v1/redemptions`, JSON.stringify({ code, till }), {
    ...asking(merchant, { 'Idempotency-Key': key }),
    responseCallback: http.expectedStatuses(201, 409, 422),
    tags: { name: 'redeem' },
  });
}

/** The first character is another one. */
function mistyped(code) {
  return (code[0] === '0' ? '2' : '0') + code.slice(1);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('redeem', data, ['http_reqs', 'iteration_duration']);
}

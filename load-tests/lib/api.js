// API requests of the load tests. Expected refusals do not count as failed HTTP requests.

import { sleep } from 'k6';
import http from 'k6/http';

import { merchant, node } from './config.js';

/** Expected answers to a join: joined, pending, refused, or asked to retry. */
const JOIN_ANSWERS = http.expectedStatuses(201, 202, 409, 422, 429, 503);

// Expected answers to all other requests.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 399 }));

/** Codes after which a join is retried with the same key. A join without an answer may have been committed. */
const RETRYABLE = ['no_answer', 'places_held', 'busy', 'unavailable', 'too_many_requests'];

/** Headers that browsers send: pages are compressed. */
export const BROWSER_HEADERS = { 'Accept-Encoding': 'gzip, deflate, br, zstd' };

/** Request parameters with a person's token. */
export function authorized(person, others = {}) {
  return { headers: { Authorization: `Bearer ${person.token}`, 'Content-Type': 'application/json', ...others } };
}

/** A join request, in the format of `http.batch`. */
export function joinRequest(deal, buyer, units, key, turn = 0) {
  return {
    method: 'POST',
    url: `${node(turn)}/api/v1/deals/${deal}/signups`,
    body: JSON.stringify({ units }),
    params: { ...authorized(buyer, { 'Idempotency-Key': key }), responseCallback: JOIN_ANSWERS, tags: { name: 'join' } },
  };
}

/** Sends a join once. */
export function joinOnce(deal, buyer, units, key, turn = 0) {
  const { url, body, params } = joinRequest(deal, buyer, units, key, turn);
  return http.post(url, body, params);
}

/** The code of a problem, or `no_answer`, or `status_…` for an answer without a code. */
export function codeOf(answer) {
  if (answer.status === 0) return 'no_answer';
  try {
    return answer.json('code') || `status_${answer.status}`;
  } catch (_) {
    return `status_${answer.status}`;
  }
}

/**
 * Joins, with retries while the answer is not final.
 * Returns the last answer, its code, the number of tries, and whether the answer is final.
 */
export function join(deal, buyer, units, key, { maxTries = 60, retryOn = [] } = {}) {
  for (let tries = 1; ; tries += 1) {
    const answer = joinOnce(deal, buyer, units, key, tries - 1);
    const code = answer.status === 201 ? '' : codeOf(answer);
    const undecided = answer.status === 202 || RETRYABLE.includes(code) || retryOn.includes(code);
    if (!undecided || tries >= maxTries) return { answer, code, tries, decided: !undecided };
    // Jitter, so that the clients do not retry in step.
    sleep(Number(answer.headers['Retry-After'] || 1) * (0.5 + Math.random()));
  }
}

/** The figures of a deal, or an empty object if the request failed. */
export function progress(deal) {
  const answer = http.get(`${node()}/api/v1/deals/${deal}`, { tags: { name: 'deal' } });
  return answer.status === 200 ? answer.json('progress') : {};
}

/** Creates and publishes a deal that opens in `opensInS` seconds. Returns its id. */
export function makeDeal({ tippingPoint, cap, perBuyerMax = 3, opensInS = 0 }) {
  const at = (ms) => new Date(Date.now() + ms).toISOString();
  const terms = {
    title: 'Load test',
    price: '10.00',
    face_value: '20.00',
    currency: 'USD',
    tipping_point: tippingPoint,
    cap,
    per_buyer_max: perBuyerMax,
    opens_at: at(opensInS * 1000),
    closes_at: at(3600e3),
    time_zone: 'UTC',
    coupon_expires_at: at(30 * 86400e3),
  };
  const draft = http.post(`${node()}/api/v1/deals`, JSON.stringify(terms), authorized(merchant));
  if (draft.status !== 201) throw new Error(`cannot create a deal: ${draft.status} ${draft.body}`);
  const deal = draft.json('id');
  const published = http.post(`${node()}/api/v1/deals/${deal}/publish`, null, authorized(merchant));
  if (published.status !== 200) throw new Error(`cannot publish the deal: ${published.status} ${published.body}`);
  return deal;
}

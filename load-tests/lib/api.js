// The calls of the API that load tests make. Refusals that Muster is meant to answer are no failures of HTTP.

import { sleep } from 'k6';
import http from 'k6/http';

import { merchant, node } from './config.js';

/** The answers of joining: joined, pending, refused, told to come back. */
const JOIN_ANSWERS = http.expectedStatuses(201, 202, 409, 422, 429, 503);

// Of everything else: what was asked for, or nothing new.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 399 }));

/** Reasons to ask again, with the same key; after no answer nobody knows whether it was recorded. */
const COME_BACK = ['no_answer', 'places_held', 'busy', 'unavailable', 'too_many_requests'];

/** What browsers ask pages with: compressed, please. */
export const LIKE_A_BROWSER = { 'Accept-Encoding': 'gzip, deflate, br, zstd' };

/** Who asks, and what for. */
export function asking(person, others = {}) {
  return { headers: { Authorization: `Bearer ${person.token}`, 'Content-Type': 'application/json', ...others } };
}

/** A request to join, as `http.batch` wants it. */
export function joinRequest(deal, buyer, units, key, turn = 0) {
  return {
    method: 'POST',
    url: `${node(turn)}/api/v1/deals/${deal}/signups`,
    body: JSON.stringify({ units }),
    params: { ...asking(buyer, { 'Idempotency-Key': key }), responseCallback: JOIN_ANSWERS, tags: { name: 'join' } },
  };
}

/** One request to join. */
export function joinOnce(deal, buyer, units, key, turn = 0) {
  const { url, body, params } = joinRequest(deal, buyer, units, key, turn);
  return http.post(url, body, params);
}

/** The code of a problem; a word of our own when there was no answer. */
export function codeOf(answer) {
  if (answer.status === 0) return 'no_answer';
  try {
    return answer.json('code') || `status_${answer.status}`;
  } catch (_) {
    return `status_${answer.status}`;
  }
}

/**
 * Joins, and asks again for as long as Muster says that asking again is of use.
 * Answers the last answer, how often it was asked, and whether that decided it.
 */
export function join(deal, buyer, units, key, { most = 60, comeBack = [] } = {}) {
  for (let tries = 1; ; tries += 1) {
    const answer = joinOnce(deal, buyer, units, key, tries - 1);
    const code = answer.status === 201 ? '' : codeOf(answer);
    const undecided = answer.status === 202 || COME_BACK.includes(code) || comeBack.includes(code);
    if (!undecided || tries >= most) return { answer, code, tries, decided: !undecided };
    // Not everybody at the same moment.
    sleep(Number(answer.headers['Retry-After'] || 1) * (0.5 + Math.random()));
  }
}

/** The figures of a deal; none of them when there was no answer. */
export function progress(deal) {
  const answer = http.get(`${node()}/api/v1/deals/${deal}`, { tags: { name: 'deal' } });
  return answer.status === 200 ? answer.json('progress') : {};
}

/** Writes and publishes a deal of the merchant; answers its id. `opensInS` counts from now. */
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
  const draft = http.post(`${node()}/api/v1/deals`, JSON.stringify(terms), asking(merchant));
  if (draft.status !== 201) throw new Error(`no deal was made: ${draft.status} ${draft.body}`);
  const deal = draft.json('id');
  const published = http.post(`${node()}/api/v1/deals/${deal}/publish`, null, asking(merchant));
  if (published.status !== 200) throw new Error(`the deal was not published: ${published.status} ${published.body}`);
  return deal;
}

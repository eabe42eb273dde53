// The calls of the API that load tests make. Refusals that Muster is meant to answer are no failures of HTTP.

import { sleep } from 'k6';
import http from 'k6/http';

import { node } from './config.js';

/** The answers of joining: joined, pending, refused, told to come back. */
const JOIN_ANSWERS = http.expectedStatuses(201, 202, 409, 422, 429, 503);

/** Reasons to ask again, with the same key; after no answer nobody knows whether it was recorded. */
const COME_BACK = ['no_answer', 'places_held', 'busy', 'unavailable', 'too_many_requests'];

/** One request to join. */
export function joinOnce(deal, buyer, units, key) {
  return http.post(`${node()}/api/v1/deals/${deal}/signups`, JSON.stringify({ units }), {
    headers: { Authorization: `Bearer ${buyer.token}`, 'Content-Type': 'application/json', 'Idempotency-Key': key },
    responseCallback: JOIN_ANSWERS,
    tags: { name: 'join' },
  });
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
 * Answers the last answer, how often it was asked, and how long the last one took.
 */
export function join(deal, buyer, units, key, { most = 60 } = {}) {
  for (let tries = 1; ; tries += 1) {
    const answer = joinOnce(deal, buyer, units, key);
    const undecided = answer.status === 202 || (answer.status !== 201 && COME_BACK.includes(codeOf(answer)));
    if (!undecided || tries >= most) return { answer, tries, decided: !undecided };
    // Not everybody at the same moment.
    sleep(Number(answer.headers['Retry-After'] || 1) * (0.5 + Math.random()));
  }
}

/** The figures of a deal; none of them when there was no answer. */
export function progress(deal) {
  const answer = http.get(`${node()}/api/v1/deals/${deal}`, { tags: { name: 'deal' } });
  return answer.status === 200 ? answer.json('progress') : {};
}

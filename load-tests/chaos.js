// Buyers join at a constant rate while run.sh kills and restarts nodes, Redis and Postgres.
//
// A buyer who gets no answer, or an answer that asks for a retry, sends the same key to the other node. A key that was
// answered 201 must always be answered 201 with the same signup. Watchers reconnect, and must never see an older
// version of a deal.

import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Rate, Trend } from 'k6/metrics';

import { join, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { TEARDOWN_TIMEOUT, atRate, buyers, deals } from './lib/config.js';
import { watch } from './lib/live.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('chaos');
const deal = deals[0];
/** Number of recent signups that each virtual user keeps for repeating their requests. */
const REMEMBERED = 20;
const remembered = [];

const joined = new Counter('joined');
const decided = new Rate('decided');
const kept = new Rate('kept_its_word');
const unexpected = new Counter('unexpected');
const cameBack = new Counter('came_back');
const noAnswer = new Counter('no_answer');
const joinTime = new Trend('time_to_join', true);
const lastIsTrue = new Rate('last_frame_true');

export const options = {
  scenarios: {
    buyers: atRate(size.rate, size.duration_s, { exec: 'buy', maxVus: 60 * size.rate, gracefulStop: '90s' }),
    watchers: { executor: 'per-vu-iterations', vus: size.watchers, iterations: 1, exec: 'look', maxDuration: '60m' },
  },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    decided: ['rate==1'],
    kept_its_word: ['rate==1'],
    unexpected: ['count==0'],
    wrong_frames: ['count==0'],
    last_frame_true: ['rate==1'],
    joined: ['count>0'],
    ...AUDIT_THRESHOLDS,
  },
};

// Failed requests are expected while servers are killed.
http.setResponseCallback(null);

export function setup() {
  return { run: Date.now() };
}

export function buy({ run }) {
  const n = exec.scenario.iterationInTest;
  const [buyer, key] = [n % buyers.length, `chaos-${run}-${n}`];
  const began = Date.now();
  const { answer, code, tries, decided: isDecided } = join(deal, buyers[buyer], 1, key, { maxTries: 60 });
  cameBack.add(tries - 1);
  decided.add(isDecided);
  if (!isDecided) {
    if (code === 'no_answer') noAnswer.add(1);
    return;
  }
  if (answer.status !== 201) {
    unexpected.add(1);
    console.error(`${answer.status} ${answer.error} ${answer.body}`);
    return;
  }
  joined.add(1);
  joinTime.add(Date.now() - began);
  remembered.push({ buyer, key, place: place(answer) });
  if (remembered.length > REMEMBERED) remembered.shift();
  const old = remembered[Math.floor(Math.random() * remembered.length)];
  const { answer: again, decided: isFinal } = join(deal, buyers[old.buyer], 1, old.key);
  if (!isFinal) return;
  const same = again.status === 201 && place(again) === old.place;
  if (!same) console.error(`first answer: ${old.place}; later answer: ${again.status} ${again.body}`);
  kept.add(same);
}

/** The parts of the answer that must never change. */
function place(answer) {
  const { id, units, number } = answer.json();
  return JSON.stringify([id, units, number]);
}

/** Watches until the test ends. Whenever a socket is lost, connects to the other node. */
export function look() {
  // In the last seconds run.sh kills nothing and nobody joins.
  const until = Date.now() + (size.duration_s + 15) * 1000;
  let last = null;
  for (let turn = 0; Date.now() < until; turn += 1) {
    last = watch(deal, Math.max(1, (until - Date.now()) / 1000), { after: last, turn }).last;
    sleep(0.2 + 0.5 * Math.random());
  }
  const now = progress(deal);
  // Retried joins may still be committed.
  const isTrue = last !== null && last.rev <= now.rev && last.units <= now.units;
  if (!isTrue) console.error(`last frame: ${JSON.stringify(last)}; deal: ${JSON.stringify(now)}`);
  lastIsTrue.add(isTrue);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('chaos', data, ['came_back', 'no_answer', 'time_to_join', 'frames', 'http_reqs']);
}

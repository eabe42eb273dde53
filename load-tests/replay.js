// Replays a recorded campaign. ARRIVALS names a CSV file with the columns `seconds,joined`: the number of buyers who had
// joined by that time. Without it, the test generates a typical curve: a rush at the opening, quiet days, a rush at the end.

import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';

import { join } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, buyers, deals } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('replay');
/** Speed-up factor. */
const SPEED = Number(__ENV.SPEED || 1);
if (!(SPEED > 0)) throw new Error('SPEED must be a number above 0');
/** Number of steps of constant rate into which the campaign is divided. */
const STEPS = 60;

const joined = new Counter('joined');
const unexpected = new Counter('unexpected');
const joinTime = new Trend('time_to_join', true);

const samples = __ENV.ARRIVALS ? recorded(open(__ENV.ARRIVALS)) : generated(size.joins, size.duration_s * SPEED);
const lengthS = samples[samples.length - 1].seconds / SPEED;
const expectedJoins = samples[samples.length - 1].joined - samples[0].joined;

export const options = {
  scenarios: {
    arrivals: {
      executor: 'ramping-arrival-rate',
      startRate: 0,
      timeUnit: '60s',
      stages: stages(),
      preAllocatedVUs: 50,
      maxVUs: 2000,
    },
  },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    // Below 100 % because k6 takes only whole numbers as rates.
    joined: [`count>=${Math.floor(0.95 * expectedJoins)}`],
    unexpected: ['count==0'],
    time_to_join: ['p(95)<500'],
    http_req_failed: ['rate==0'],
    ...NO_DROPPED_ITERATIONS,
    ...AUDIT_THRESHOLDS,
  },
};

/** Parses a recorded campaign. */
function recorded(csv) {
  const [header, ...lines] = csv.trim().split(/\r?\n/);
  if (header.trim() !== 'seconds,joined') throw new Error(`ARRIVALS: the header must be seconds,joined; it is ${header}`);
  const found = lines.map((line) => {
    const [seconds, count] = line.split(',').map(Number);
    if (!(seconds >= 0 && count >= 0)) throw new Error(`ARRIVALS: expected two non-negative numbers: ${line}`);
    return { seconds, joined: count };
  });
  if (found.length < 2) throw new Error('ARRIVALS: expected at least two samples');
  return found;
}

/** Generates a campaign with a rush at the opening and another at the end. */
function generated(joins, seconds) {
  const shape = (x) => 0.45 * (1 - Math.exp(-8 * x)) + 0.2 * x + 0.35 * x ** 8;
  return Array.from({ length: STEPS + 1 }, (_, n) => ({
    seconds: (seconds * n) / STEPS,
    joined: (joins * shape(n / STEPS)) / shape(1),
  }));
}

/** The number of buyers by this time, interpolated linearly between two samples. */
function joinedBy(seconds) {
  const next = samples.findIndex((sample) => sample.seconds >= seconds);
  if (next <= 0) return samples[next === 0 ? 0 : samples.length - 1].joined;
  const [a, b] = [samples[next - 1], samples[next]];
  return a.joined + ((b.joined - a.joined) * (seconds - a.seconds)) / (b.seconds - a.seconds);
}

/** The stages of the scenario: each jumps to a rate and holds it. Falling counts are ignored. */
function stages() {
  const found = [];
  const step = lengthS / STEPS;
  for (let n = 0; n < STEPS; n += 1) {
    const joins = Math.max(0, joinedBy((n + 1) * step * SPEED) - joinedBy(n * step * SPEED));
    const target = Math.round((joins / step) * 60);
    found.push({ target, duration: '0s' }, { target, duration: `${Math.max(1, Math.round(step * 1000))}ms` });
  }
  return found;
}

export function setup() {
  console.warn(`${Math.round(expectedJoins)} buyers arrive within ${Math.round(lengthS)} s`);
  return { run: Date.now() };
}

export default function ({ run }) {
  const n = exec.scenario.iterationInTest;
  if (n >= buyers.length) throw new Error('too few buyers; set BUYERS to a larger number');
  const { answer } = join(deals[0], buyers[n], 1, `replay-${run}-${n}`);
  if (answer.status !== 201) {
    unexpected.add(1);
    console.error(`${answer.status} ${answer.error} ${answer.body}`);
    return;
  }
  joined.add(1);
  joinTime.add(answer.timings.duration);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('replay', data, ['http_reqs', 'iteration_duration', 'vus_max']);
}

// People come as they came once: a recorded campaign, played at a speed. ARRIVALS names a CSV file with the header
// `seconds,joined`: how many had joined so many seconds after the beginning. Without one, a curve that campaigns typically
// have: a rush at the opening, quiet days, and another one before the tip.

import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';

import { join } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { AS_MEANT, TEARDOWN_TIMEOUT, buyers, deals } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('replay');
/** How many times as fast as it was recorded. */
const SPEED = Number(__ENV.SPEED || 1);
if (!(SPEED > 0)) throw new Error('SPEED must be a number above 0');
/** Steps of a rate; k6 takes whole numbers of iterations in a unit of time. */
const STEPS = 60;

const joined = new Counter('joined');
const unexpected = new Counter('unexpected');
const joinTime = new Trend('time_to_join', true);

const samples = __ENV.ARRIVALS ? recorded(open(__ENV.ARRIVALS)) : generated(size.joins, size.duration_s * SPEED);
const lasts = samples[samples.length - 1].seconds / SPEED;
const comes = samples[samples.length - 1].joined - samples[0].joined;

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
    // Rates are rounded, and everything that began must end.
    joined: [`count>=${Math.floor(0.95 * comes)}`],
    unexpected: ['count==0'],
    time_to_join: ['p(95)<500'],
    http_req_failed: ['rate==0'],
    ...AS_MEANT,
    ...AUDIT_THRESHOLDS,
  },
};

/** The samples of a file. */
function recorded(csv) {
  const [header, ...lines] = csv.trim().split(/\r?\n/);
  if (header.trim() !== 'seconds,joined') throw new Error(`ARRIVALS: the header must be seconds,joined; it is ${header}`);
  const found = lines.map((line) => {
    const [seconds, count] = line.split(',').map(Number);
    if (!(seconds >= 0 && count >= 0)) throw new Error(`ARRIVALS: two numbers from 0 on were expected: ${line}`);
    return { seconds, joined: count };
  });
  if (found.length < 2) throw new Error('ARRIVALS: two samples at least');
  return found;
}

/** A rush at the opening that dies down, and one at the end. */
function generated(joins, seconds) {
  const shape = (x) => 0.45 * (1 - Math.exp(-8 * x)) + 0.2 * x + 0.35 * x ** 8;
  return Array.from({ length: STEPS + 1 }, (_, n) => ({
    seconds: (seconds * n) / STEPS,
    joined: (joins * shape(n / STEPS)) / shape(1),
  }));
}

/** How many had come by then, between two samples in a straight line. */
function comeBy(seconds) {
  const next = samples.findIndex((sample) => sample.seconds >= seconds);
  if (next <= 0) return samples[next === 0 ? 0 : samples.length - 1].joined;
  const [a, b] = [samples[next - 1], samples[next]];
  return a.joined + ((b.joined - a.joined) * (seconds - a.seconds)) / (b.seconds - a.seconds);
}

/** Rates in steps: each jumps to its rate and stays there. Those who left again are not played. */
function stages() {
  const found = [];
  const step = lasts / STEPS;
  for (let n = 0; n < STEPS; n += 1) {
    const come = Math.max(0, comeBy((n + 1) * step * SPEED) - comeBy(n * step * SPEED));
    const target = Math.round((come / step) * 60);
    found.push({ target, duration: '0s' }, { target, duration: `${Math.max(1, Math.round(step * 1000))}ms` });
  }
  return found;
}

export function setup() {
  console.warn(`${Math.round(comes)} people come within ${Math.round(lasts)} s`);
  return { run: Date.now() };
}

export default function ({ run }) {
  const n = exec.scenario.iterationInTest;
  if (n >= buyers.length) throw new Error('there are too few buyers: set BUYERS');
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

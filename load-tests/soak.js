// A mixed load at a moderate rate for a long time (an hour with PROFILE=full). Checks that memory, open files and latency do
// not grow. The first third is warm-up; the last third is compared with the middle one.

import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Gauge, Trend } from 'k6/metrics';

import { BROWSER_HEADERS, authorized, join } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { oneOf, zipf } from './lib/chance.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, atRate, buyers, deals, node } from './lib/config.js';
import { watch } from './lib/live.js';
import { growth, readMetrics } from './lib/server.js';
import { PROFILE, sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('soak');
const popular = zipf(deals.length);
const SAMPLES = 90;
/** Joins per sample, so that the median of a third is based on enough joins. */
const JOINS_PER_SAMPLE = 10;

const joined = new Counter('joined');
const left = new Counter('left');
const unexpected = new Counter('unexpected');
const joinTime = new Trend('time_to_join', true);
const resident = new Trend('resident_mib');
const openFiles = new Trend('open_files');
const memoryGrowth = new Gauge('memory_growth');
const filesGrowth = new Gauge('open_files_growth');
const latencyGrowth = new Gauge('latency_growth');
const looked = new Counter('looked');

/** Short runs only exercise the test: their values still grow because caches are filling. */
const STEADY = PROFILE === 'full';

export const options = {
  scenarios: {
    visitors: atRate(size.rate, size.duration_s, { exec: 'visit' }),
    buyers: atRate(size.rate, size.duration_s, { exec: 'joinAndLeave' }),
    watchers: { executor: 'constant-vus', vus: size.watchers, duration: `${size.duration_s}s`, exec: 'look', gracefulStop: '30s' },
    observer: { executor: 'per-vu-iterations', vus: 1, iterations: 1, exec: 'observe', maxDuration: '120m' },
  },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    unexpected: ['count==0'],
    wrong_frames: ['count==0'],
    http_req_failed: ['rate==0'],
    time_to_join: ['p(99)<1000'],
    looked: ['count==1'],
    memory_growth: [`value<${STEADY ? 1.05 : 1.5}`],
    open_files_growth: [`value<${STEADY ? 1.05 : 1.5}`],
    latency_growth: [`value<${STEADY ? 1.2 : 3}`],
    ...NO_DROPPED_ITERATIONS,
    ...AUDIT_THRESHOLDS,
  },
};

export function setup() {
  return { run: Date.now() };
}

export function visit() {
  const deal = deals[popular()];
  http.get(`${node()}/`, { headers: BROWSER_HEADERS, tags: { name: 'home' } });
  http.get(`${node()}/deals/${deal}`, { headers: BROWSER_HEADERS, tags: { name: 'page' } });
}

export function joinAndLeave({ run }) {
  const n = exec.scenario.iterationInTest;
  const buyer = buyers[n % buyers.length];
  const { answer } = join(deals[popular()], buyer, 1, `soak-${run}-${n}`);
  if (answer.status !== 201) return wrong(answer);
  joined.add(1);
  joinTime.add(answer.timings.duration);
  if (n % 3 !== 0) return undefined;
  const gone = http.del(`${node()}/api/v1/signups/${answer.json('id')}`, null, { ...authorized(buyer), tags: { name: 'leave' } });
  if (gone.status !== 204) return wrong(gone);
  left.add(1);
  return undefined;
}

export function look() {
  watch(oneOf(deals), 5 + 20 * Math.random());
}

/** Samples the server's metrics and the latency of joins. */
export function observe({ run }) {
  const [memory, files, times] = [[], [], []];
  for (let n = 0; n < SAMPLES; n += 1) {
    sleep(size.duration_s / SAMPLES);
    const [bytes, open] = readMetrics(['muster_process_resident_bytes', 'muster_process_open_files']);
    if (bytes !== null) {
      memory.push(bytes);
      files.push(open);
      resident.add(bytes / 1048576);
      openFiles.add(open);
    }
    for (let m = 0; m < JOINS_PER_SAMPLE; m += 1) {
      const { answer } = join(deals[0], oneOf(buyers), 1, `observe-${run}-${n}-${m}`);
      times.push(answer.timings.duration);
    }
  }
  if (memory.length < SAMPLES) {
    console.error(`only ${memory.length} of ${SAMPLES} samples of the server's metrics succeeded`);
    return;
  }
  memoryGrowth.add(growth(memory));
  filesGrowth.add(growth(files));
  latencyGrowth.add(growth(times));
  looked.add(1);
}

function wrong(answer) {
  unexpected.add(1);
  console.error(`${answer.status} ${answer.error} ${answer.body}`);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('soak', data, ['joined', 'left', 'frames', 'resident_mib', 'open_files', 'http_reqs', 'http_req_duration']);
}

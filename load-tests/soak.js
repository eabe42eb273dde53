// Everything at once, at a rate that is easily borne, for a long time (an hour with PROFILE=full). What is looked for is
// growth: of memory, open files and latency. The first third warms up; the last third is compared with the middle one.

import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Gauge, Trend } from 'k6/metrics';

import { LIKE_A_BROWSER, asking, join } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { oneOf, zipf } from './lib/chance.js';
import { AS_MEANT, TEARDOWN_TIMEOUT, atRate, buyers, deals, node } from './lib/config.js';
import { watch } from './lib/live.js';
import { ask, growth } from './lib/server.js';
import { PROFILE, sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('soak');
const popular = zipf(deals.length);
const SAMPLES = 90;
/** Joins of each look: the median of a third must not hang on thirty of them. */
const JOINS_OF_A_LOOK = 10;

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

/** What grows while caches fill says nothing in a minute and a half: short runs are only tried out. */
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
    ...AS_MEANT,
    ...AUDIT_THRESHOLDS,
  },
};

export function setup() {
  return { run: Date.now() };
}

export function visit() {
  const deal = deals[popular()];
  http.get(`${node()}/`, { headers: LIKE_A_BROWSER, tags: { name: 'home' } });
  http.get(`${node()}/deals/${deal}`, { headers: LIKE_A_BROWSER, tags: { name: 'page' } });
}

export function joinAndLeave({ run }) {
  const n = exec.scenario.iterationInTest;
  const buyer = buyers[n % buyers.length];
  const { answer } = join(deals[popular()], buyer, 1, `soak-${run}-${n}`);
  if (answer.status !== 201) return wrong(answer);
  joined.add(1);
  joinTime.add(answer.timings.duration);
  if (n % 3 !== 0) return undefined;
  const gone = http.del(`${node()}/api/v1/signups/${answer.json('id')}`, null, { ...asking(buyer), tags: { name: 'leave' } });
  if (gone.status !== 204) return wrong(gone);
  left.add(1);
  return undefined;
}

export function look() {
  watch(oneOf(deals), 5 + 20 * Math.random());
}

/** Looks at the server, and at how long a join takes, again and again. */
export function observe({ run }) {
  const [memory, files, times] = [[], [], []];
  for (let n = 0; n < SAMPLES; n += 1) {
    sleep(size.duration_s / SAMPLES);
    const [bytes, open] = ask(['muster_process_resident_bytes', 'muster_process_open_files']);
    if (bytes !== null) {
      memory.push(bytes);
      files.push(open);
      resident.add(bytes / 1048576);
      openFiles.add(open);
    }
    for (let m = 0; m < JOINS_OF_A_LOOK; m += 1) {
      const { answer } = join(deals[0], oneOf(buyers), 1, `observe-${run}-${n}-${m}`);
      times.push(answer.timings.duration);
    }
  }
  if (memory.length < SAMPLES) {
    console.error(`the server's metrics were seen ${memory.length} times of ${SAMPLES}`);
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

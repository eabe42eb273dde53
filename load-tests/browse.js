// Visitors who only read: the home page, the list, a deal's page, its JSON, and the JSON again with If-None-Match. They
// arrive at a constant rate.

import { check } from 'k6';
import http from 'k6/http';
import { Rate } from 'k6/metrics';

import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { zipf } from './lib/chance.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, atRate, deals, node } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';
import { BROWSER_HEADERS } from './lib/api.js';

const size = sizes('browse');
const popular = zipf(deals.length);
const notModified = new Rate('not_modified');

export const options = {
  scenarios: { visitors: atRate(size.rate, size.duration_s) },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    checks: ['rate==1'],
    not_modified: ['rate==1'],
    http_req_failed: ['rate==0'],
    'http_req_duration{name:home}': ['p(95)<500'],
    'http_req_duration{name:list}': ['p(95)<500'],
    'http_req_duration{name:page}': ['p(95)<300'],
    'http_req_duration{name:deal}': ['p(95)<200'],
    ...NO_DROPPED_ITERATIONS,
    ...AUDIT_THRESHOLDS,
  },
};

export default function () {
  const deal = deals[popular()];
  const get = (path, name, headers = {}) => http.get(`${node()}${path}`, { headers, tags: { name } });
  check(get('/', 'home', BROWSER_HEADERS), { 'the home page shows': (r) => r.status === 200 });
  check(get('/api/v1/deals?state=open', 'list'), { 'the list has deals': (r) => r.json('data').length > 0 });
  check(get(`/deals/${deal}`, 'page', BROWSER_HEADERS), { "the deal's page shows": (r) => r.status === 200 && r.body.includes('Load test') });
  const figures = get(`/api/v1/deals/${deal}`, 'deal');
  check(figures, { 'the response has the requested deal': (r) => r.json('id') === deal });
  const again = get(`/api/v1/deals/${deal}`, 'deal', { 'If-None-Match': figures.headers.Etag });
  notModified.add(again.status === 304);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('browse', data, ['http_reqs', 'iteration_duration', 'data_received']);
}

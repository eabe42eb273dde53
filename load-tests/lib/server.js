// Server metrics, for tests that check for growth.

import http from 'k6/http';

import { METRICS_URL } from './config.js';

/** The sum over all series of a metric, or null if there are none. */
export function metric(text, name) {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}

/** Reads these metrics from the server. Returns their values in the same order. */
export function readMetrics(names) {
  const answer = http.get(METRICS_URL, { tags: { name: 'metrics' } });
  return names.map((name) => (answer.status === 200 ? metric(answer.body, name) : null));
}

/** The median of the last third of the values divided by that of the middle third. The first third is warm-up. */
export function growth(values) {
  const third = Math.floor(values.length / 3);
  const median = (some) => [...some].sort((a, b) => a - b)[Math.floor(some.length / 2)];
  return third < 1 ? null : median(values.slice(-third)) / median(values.slice(-2 * third, -third));
}

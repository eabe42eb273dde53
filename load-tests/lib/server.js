// What the server tells about itself: for tests that look whether it stays as it is.

import http from 'k6/http';

import { METRICS_URL } from './config.js';

/** The sum over all series of one metric; null if it is not there. */
export function metric(text, name) {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}

/** Asks for these metrics: a value for each, in their order. */
export function ask(names) {
  const answer = http.get(METRICS_URL, { tags: { name: 'metrics' } });
  return names.map((name) => (answer.status === 200 ? metric(answer.body, name) : null));
}

/** How much the last third of these values is above the third before it: 1.02 is 2 % more. The first third warms up. */
export function growth(values) {
  const third = Math.floor(values.length / 3);
  const median = (some) => [...some].sort((a, b) => a - b)[Math.floor(some.length / 2)];
  return third < 1 ? null : median(values.slice(-third)) / median(values.slice(-2 * third, -third));
}

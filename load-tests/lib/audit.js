// Every load test ends with the audit, and fails if anything is found, or if nobody could look.

import http from 'k6/http';
import { Counter } from 'k6/metrics';

import { AUDIT_URL } from './config.js';

const findings = new Counter('audit_findings');
const clean = new Counter('clean_audits');

/** To be spread into the thresholds of each test. A count, for k6 finds nothing wrong with a rate of nothing. */
export const AUDIT_THRESHOLDS = { clean_audits: ['count==1'], audit_findings: ['count==0'] };

/** Asks for the audit, tells what it found, and counts it. For teardown. */
export function audit() {
  const answer = http.get(AUDIT_URL, { timeout: '150s', tags: { name: 'audit' } });
  if (answer.status !== 200) {
    console.error(`${AUDIT_URL} answered ${answer.status} ${answer.error}: the audit was not made`);
    return;
  }
  const report = answer.json();
  for (const check of report.checks) {
    if (check.could_not_look) console.error(`${check.id} could not be looked at: ${check.could_not_look}`);
    for (const finding of check.found) {
      console.error(`${check.id} ${check.must_hold}: deal ${finding.deal}: expected ${finding.expected}; found ${finding.found}`);
    }
  }
  findings.add(report.findings);
  if (report.outcome === 'clean') clean.add(1);
}

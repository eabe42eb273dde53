// Every load test ends with an audit. The test fails if there are findings or if the audit could not be completed.

import http from 'k6/http';
import { Counter } from 'k6/metrics';

import { AUDIT_URL } from './config.js';

const findings = new Counter('audit_findings');
const clean = new Counter('clean_audits');

/** Thresholds for every test. They are counts because a k6 rate without samples passes any threshold. */
export const AUDIT_THRESHOLDS = { clean_audits: ['count==1'], audit_findings: ['count==0'] };

/** Runs the audit, logs its findings and counts them. Call it in teardown. */
export function audit() {
  const answer = http.get(AUDIT_URL, { timeout: '150s', tags: { name: 'audit' } });
  if (answer.status !== 200) {
    console.error(`${AUDIT_URL} answered ${answer.status} ${answer.error}: the audit did not run`);
    return;
  }
  const report = answer.json();
  for (const check of report.checks) {
    if (check.could_not_look) console.error(`${check.id} could not be checked: ${check.could_not_look}`);
    for (const finding of check.found) {
      console.error(`${check.id} ${check.must_hold}: deal ${finding.deal}: expected ${finding.expected}; found ${finding.found}`);
    }
  }
  findings.add(report.findings);
  if (report.outcome === 'clean') clean.add(1);
}

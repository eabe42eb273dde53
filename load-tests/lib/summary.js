// What a run comes to: a table for people, and everything as JSON beside it when RESULTS names a folder.

/** The figures of a metric that say the most. */
function figures(metric) {
  const round = (value) => Math.round(value * 100) / 100;
  const values = metric.values;
  switch (metric.type) {
    case 'counter':
      return `${values.count} (${round(values.rate)}/s)`;
    case 'rate':
      return `${round(values.rate * 100)} % of ${values.passes + values.fails}`;
    case 'gauge':
      return `${round(values.value)}`;
    default:
      return `median ${round(values.med)}, p95 ${round(values['p(95)'])}, most ${round(values.max)}`;
  }
}

/** For `handleSummary`: the metrics with a threshold first, then the others of these names. */
export function summary(name, data, others) {
  const lines = [`\n${name}`];
  const told = Object.keys(data.metrics).filter((key) => data.metrics[key].thresholds);
  for (const key of told) {
    const metric = data.metrics[key];
    for (const [threshold, { ok }] of Object.entries(metric.thresholds)) {
      lines.push(`  ${ok ? 'ok  ' : 'FAIL'} ${key.padEnd(30)} ${figures(metric).padEnd(44)} ${threshold}`);
    }
  }
  for (const key of others.filter((other) => data.metrics[other] && !told.includes(other))) {
    lines.push(`       ${key.padEnd(30)} ${figures(data.metrics[key])}`);
  }
  const files = { stdout: `${lines.join('\n')}\n\n` };
  if (__ENV.RESULTS) files[`${__ENV.RESULTS}/summary.json`] = JSON.stringify(data, null, 2);
  return files;
}

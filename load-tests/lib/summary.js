// The summary of a run: a table on standard output, and summary.json in the folder RESULTS if it is set.

/** The most informative values of a metric. */
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
      return `median ${round(values.med)}, p95 ${round(values['p(95)'])}, max ${round(values.max)}`;
  }
}

/** The result of `handleSummary`: all metrics with thresholds, then the other named ones. */
export function summary(name, data, others) {
  const lines = [`\n${name}`];
  const withThresholds = Object.keys(data.metrics).filter((key) => data.metrics[key].thresholds);
  for (const key of withThresholds) {
    const metric = data.metrics[key];
    for (const [threshold, { ok }] of Object.entries(metric.thresholds)) {
      lines.push(`  ${ok ? 'ok  ' : 'FAIL'} ${key.padEnd(30)} ${figures(metric).padEnd(44)} ${threshold}`);
    }
  }
  for (const key of others.filter((other) => data.metrics[other] && !withThresholds.includes(other))) {
    lines.push(`       ${key.padEnd(30)} ${figures(data.metrics[key])}`);
  }
  const files = { stdout: `${lines.join('\n')}\n\n` };
  if (__ENV.RESULTS) files[`${__ENV.RESULTS}/summary.json`] = JSON.stringify(data, null, 2);
  return files;
}

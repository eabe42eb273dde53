// The sizes of a test: the column of sizes.tsv for PROFILE, which environment variables override.

const PROFILES = ['smoke', 'ci', 'full'];
const rows = open(import.meta.resolve('./sizes.tsv'))
  .split('\n')
  .filter((line) => line && !line.startsWith('#'))
  .map((line) => line.split('\t'));

/** The profile that selects the column. */
export const PROFILE = __ENV.PROFILE || 'ci';
if (!PROFILES.includes(PROFILE)) throw new Error(`PROFILE must be one of ${PROFILES.join(', ')}; it is ${PROFILE}`);

/** The sizes of one test by name, for example `sizes('sold_out').rate`. */
export function sizes(test) {
  const found = {};
  for (const [of, name, ...values] of rows) {
    if (of !== test) continue;
    const value = Number(__ENV[name.toUpperCase()] || values[PROFILES.indexOf(PROFILE)]);
    if (!Number.isInteger(value) || value < 1) throw new Error(`${name.toUpperCase()} must be a whole number of at least 1`);
    found[name] = value;
  }
  if (Object.keys(found).length === 0) throw new Error(`lib/sizes.tsv has no rows for ${test}`);
  return found;
}

// How large a test is: the row of sizes.tsv for PROFILE, unless the environment says otherwise.

const PROFILES = ['smoke', 'ci', 'full'];
const rows = open(import.meta.resolve('./sizes.tsv'))
  .split('\n')
  .filter((line) => line && !line.startsWith('#'))
  .map((line) => line.split('\t'));

/** The profile's name. */
export const PROFILE = __ENV.PROFILE || 'ci';
if (!PROFILES.includes(PROFILE)) throw new Error(`PROFILE must be one of ${PROFILES.join(', ')}; it is ${PROFILE}`);

/** The sizes of one test, as whole numbers by their names: `sizes('sold_out').rate`. */
export function sizes(test) {
  const found = {};
  for (const [of, name, ...values] of rows) {
    if (of !== test) continue;
    const value = Number(__ENV[name.toUpperCase()] || values[PROFILES.indexOf(PROFILE)]);
    if (!Number.isInteger(value) || value < 1) throw new Error(`${name.toUpperCase()} must be a whole number from 1 on`);
    found[name] = value;
  }
  if (Object.keys(found).length === 0) throw new Error(`lib/sizes.tsv says nothing about ${test}`);
  return found;
}

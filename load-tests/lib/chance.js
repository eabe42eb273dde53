// Random choices.

/** Returns a function that draws a number from 0 to `most - 1` by Zipf's law: n has the weight 1 / (n + 1). */
export function zipf(most) {
  const sums = [];
  for (let n = 0; n < most; n += 1) sums.push((sums[n - 1] || 0) + 1 / (n + 1));
  return () => {
    const at = Math.random() * sums[most - 1];
    let [low, high] = [0, most - 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (sums[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** A random element. */
export function oneOf(things) {
  return things[Math.floor(Math.random() * things.length)];
}

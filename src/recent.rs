//! A map that remembers what was used lately, and never more than so much.
//!
//! Two generations: when the younger one is full, the older one is forgotten as a whole. That costs nothing per use, and a
//! flood of new keys cannot make it grow.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// What was put in lately, up to a number of entries.
#[derive(Debug)]
pub struct Recent<K, V> {
    generation_max: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Remembers at most this many entries, and at least half as many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { generation_max: (most / 2).max(1), young: HashMap::new(), old: HashMap::new() }
    }

    /// The value of this key, if it is remembered.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Puts a value in, in the place of what was there.
    pub fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// How many entries there are, replaced ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_it_may() {
        let mut recent = Recent::new(8);
        for n in 0..100 {
            recent.put(n, n);
            assert!(recent.len() <= 8);
        }
        assert_eq!(recent.get(&99), Some(&99));
        assert_eq!(recent.get(&0), None);
    }

    #[test]
    fn the_newest_value_of_a_key_is_the_one_that_counts() {
        let mut recent = Recent::new(2);
        recent.put("a", 1);
        recent.put("b", 2);
        recent.put("a", 3);
        assert_eq!(recent.get(&"a"), Some(&3));
    }
}

//! A bounded map that keeps the most recently inserted entries.
//!
//! It has two generations. When the younger generation is full, it replaces the older one. So inserting is cheap, and a
//! flood of new keys does not make the map grow.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A bounded map of recently inserted entries.
#[derive(Debug)]
pub struct Recent<K, V> {
    generation_max: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Creates a map of at most `capacity` entries, or 2 if that is more. The latest `capacity / 2` entries are always
    /// kept.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { generation_max: (capacity / 2).max(1), young: HashMap::new(), old: HashMap::new() }
    }

    /// The latest value of this key, if the map still has one.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Inserts a value, or replaces the previous one.
    pub fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// The number of entries. A key in both generations counts twice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether the map is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_never_exceeds_its_capacity() {
        let mut recent = Recent::new(8);
        for n in 0..100 {
            recent.put(n, n);
            assert!(recent.len() <= 8);
        }
        assert_eq!(recent.get(&99), Some(&99));
        assert_eq!(recent.get(&0), None);
    }

    #[test]
    fn the_latest_value_of_a_key_wins() {
        let mut recent = Recent::new(2);
        recent.put("a", 1);
        recent.put("b", 2);
        recent.put("a", 3);
        assert_eq!(recent.get(&"a"), Some(&3));
    }
}

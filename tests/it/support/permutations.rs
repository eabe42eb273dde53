//! Permutations, for tests that try every order.

/// Every permutation of the numbers from 0 to `count - 1`.
pub fn permutations(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![Vec::new()], |shorter, next| {
        let with_next = |order: Vec<usize>| {
            (0..=order.len()).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, next);
                longer
            })
        };
        shorter.into_iter().flat_map(with_next).collect()
    })
}

//! Texts as points: how near to each other they lie, and how what was found by words and what was found by nearness become
//! one list.

use serde::Serialize;

/// Flattens the difference between ranks when two lists become one; the number that is usual for it.
const RANK_OFFSET: f64 = 60.0;

/// How a search found what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// By the words of the question alone.
    Words,
    /// By its meaning, too.
    WordsAndMeaning,
}

/// Something that a search finds.
pub trait Ranked {
    /// Whether both are the same thing.
    fn is_same(&self, other: &Self) -> bool;
    /// How well it fits.
    fn score_mut(&mut self) -> &mut f64;
}

/// What was found by its words and what was found by its meaning, each the best first, as one list of at most `most`:
/// what stands high in either stands high, in both higher (reciprocal rank fusion). The best has the score 1.
#[must_use]
pub fn fused<T: Ranked>(by_words: Vec<T>, by_meaning: Vec<T>, most: usize) -> Vec<T> {
    let mut found: Vec<(f64, T)> = Vec::with_capacity(by_words.len() + by_meaning.len());
    for list in [by_words, by_meaning] {
        for (rank, one) in (1_u32..).zip(list) {
            let share = 1.0 / (RANK_OFFSET + f64::from(rank));
            match found.iter_mut().find(|(_, known)| known.is_same(&one)) {
                Some((score, _)) => *score += share,
                None => found.push((share, one)),
            }
        }
    }
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    found.truncate(most);
    let best = found.first().map_or(1.0, |(score, _)| *score);
    let scored = found.into_iter().map(|(score, mut one)| {
        *one.score_mut() = score / best;
        one
    });
    scored.collect()
}

/// A vector as it is stored.
#[must_use]
pub fn vector_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// How near a stored vector is to another, both of length 1: their cosine. `None`: they are not of one space.
#[must_use]
pub fn nearness(vector: &[f32], stored: &[u8]) -> Option<f32> {
    let (numbers, rest) = stored.as_chunks::<4>();
    if numbers.len() != vector.len() || !rest.is_empty() {
        return None;
    }
    Some(vector.iter().zip(numbers).map(|(here, there)| here * f32::from_le_bytes(*there)).sum())
}

#[cfg(test)]
mod tests {
    use super::{Ranked, fused, nearness, vector_bytes};

    #[derive(Debug)]
    struct Found(&'static str, f64);

    impl Ranked for Found {
        fn is_same(&self, other: &Self) -> bool {
            self.0 == other.0
        }

        fn score_mut(&mut self) -> &mut f64 {
            &mut self.1
        }
    }

    #[test]
    fn what_is_found_twice_stands_before_what_is_found_once() {
        let list = |names: &[&'static str]| names.iter().map(|name| Found(name, 0.5)).collect::<Vec<_>>();
        let cases: [(&[&'static str], &[&'static str], &[&str]); 4] = [
            (&["a", "b", "c"], &["c", "d"], &["c", "a", "b", "d"]),
            (&["a", "b"], &[], &["a", "b"]),
            (&[], &["x", "y"], &["x", "y"]),
            (&["a", "b"], &["b", "a"], &["a", "b"]),
        ];
        for (words, meaning, expected) in cases {
            let found = fused(list(words), list(meaning), 9);
            let names: Vec<_> = found.iter().map(|one| one.0).collect();
            assert_eq!(names, expected, "{words:?} {meaning:?}");
            assert!(found.iter().all(|one| one.1 > 0.0 && one.1 <= 1.0) && found[0].1 >= 1.0);
        }
        assert!(fused(list(&[]), list(&[]), 9).is_empty());
        assert_eq!(fused(list(&["a", "b"]), list(&["c"]), 2).len(), 2);
    }

    #[test]
    fn vectors_are_near_in_one_space_only() {
        let stored = vector_bytes(&[0.6, 0.8]);
        assert_eq!(stored.len(), 8);
        assert!(nearness(&[0.6, 0.8], &stored).is_some_and(|near| (near - 1.0).abs() < 1e-6));
        assert!(nearness(&[-0.8, 0.6], &stored).is_some_and(|near| near.abs() < 1e-6));
        assert_eq!((nearness(&[1.0], &stored), nearness(&[0.6, 0.8], &stored[..7])), (None, None));
    }
}

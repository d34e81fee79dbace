//! A hash table in which every call does a bounded amount of work, whatever the number of entries.
//!
//! It is a linear hash table. When it becomes too full, one bucket is split in two; when it becomes too empty, two
//! buckets are merged. A table that moves all entries at once would hold up its caller, and all threads that wait for
//! the lock, for as long as that takes.
//!
//! It runs no user code except `is_key` in [`find`](Table::find): the caller computes the hashes, and the table stores
//! them.

/// Entries by their hash.
pub(super) struct Table<K, V> {
    /// The buckets, `CHUNK` in each chunk but the last. A single vector would be moved as a whole when it grows.
    chunks: Vec<Vec<Bucket<K, V>>>,
    /// The number of buckets.
    buckets: usize,
    len: usize,
}

type Bucket<K, V> = Vec<Entry<K, V>>;

struct Entry<K, V> {
    hash: u64,
    key: K,
    value: V,
}

/// The index of an entry. It is valid until the table is changed.
#[derive(Clone, Copy)]
pub(super) struct EntryIndex {
    bucket: usize,
    index: usize,
}

/// Where a sweep continues.
///
/// It is a position in the order of the hashes with their bits reversed. In this order the hashes of a bucket are
/// consecutive, and so are those of the two halves of a split bucket. So a sweep visits every entry that is in the
/// table for the whole sweep, whatever is split or merged meanwhile.
#[derive(Clone, Copy)]
pub(super) struct Cursor(u64);

impl Cursor {
    pub(super) const START: Self = Self(0);
}

const CHUNK: usize = 64;

/// A bucket is split when there are more entries than this for each bucket, and buckets are merged when there is less
/// than one. With this distance a number of entries that swings does not split and merge at every step.
const FULL: usize = 4;

impl<K, V> Table<K, V> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), buckets: 0, len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Finds the entry with this hash for whose key `is_key` returns true.
    pub(super) fn find(&self, hash: u64, mut is_key: impl FnMut(&K) -> bool) -> Option<EntryIndex> {
        let bucket = self.bucket_of(hash);
        let entries = self.chunks.get(bucket / CHUNK)?.get(bucket % CHUNK)?;
        let index = entries.iter().position(|entry| entry.hash == hash && is_key(&entry.key))?;
        Some(EntryIndex { bucket, index })
    }

    pub(super) fn get_mut(&mut self, at: EntryIndex) -> Option<&mut V> {
        self.bucket(at.bucket)?.get_mut(at.index).map(|entry| &mut entry.value)
    }

    /// Adds an entry. Its key must not be in the table.
    pub(super) fn insert(&mut self, hash: u64, key: K, value: V) {
        if self.len >= self.buckets * FULL {
            self.split();
        }
        let bucket = self.bucket_of(hash);
        if let Some(bucket) = self.bucket(bucket) {
            bucket.push(Entry { hash, key, value });
            self.len += 1;
        }
    }

    pub(super) fn remove(&mut self, at: EntryIndex) -> Option<(K, V)> {
        let bucket = self.bucket(at.bucket).filter(|bucket| at.index < bucket.len())?;
        let entry = bucket.swap_remove(at.index);
        shrink(bucket);
        self.shrink_after_removing(1);
        Some((entry.key, entry.value))
    }

    /// Moves the entries of the bucket at the cursor for which `should_remove` returns true into `removed`, at most
    /// `limit` of them. Returns how many entries were checked, and where the sweep continues, if it is not complete.
    pub(super) fn sweep(
        &mut self,
        at: Cursor,
        limit: usize,
        mut should_remove: impl FnMut(&mut V) -> bool,
        removed: &mut Vec<(K, V)>,
    ) -> (usize, Option<Cursor>) {
        if self.buckets == 0 {
            return (0, None);
        }
        let index = self.bucket_of(at.0.reverse_bits());
        let end = self.end_of(index, at);
        let Some(bucket) = self.bucket(index) else { return (0, None) };
        let checked = bucket.len();
        let before = removed.len();
        let mut left = limit;
        let taken = bucket.extract_if(.., |entry| {
            let takes = left > 0 && should_remove(&mut entry.value);
            left -= usize::from(takes);
            takes
        });
        removed.extend(taken.map(|entry| (entry.key, entry.value)));
        shrink(bucket);
        self.shrink_after_removing(removed.len() - before);
        // At the limit, there may be more of them in this bucket.
        (checked, if left == 0 { Some(at) } else { end })
    }

    /// The bucket of a hash: the lowest bits of the hash, one bit less where there is no such bucket yet.
    fn bucket_of(&self, hash: u64) -> usize {
        let mask = self.buckets.next_power_of_two() - 1;
        // The higher bits are not used.
        let bucket = hash as usize & mask;
        if bucket < self.buckets { bucket } else { bucket & mask >> 1 }
    }

    /// Where the hashes of the bucket at the cursor end, unless they are the last.
    fn end_of(&self, bucket: usize, at: Cursor) -> Option<Cursor> {
        let all = self.buckets.next_power_of_two();
        // Its hashes have this many bits in common, one less if the bucket is not split yet.
        let bits = all.ilog2() - u32::from(bucket | all >> 1 >= self.buckets);
        let rest = u64::MAX.checked_shr(bits).unwrap_or(0);
        (at.0 | rest).checked_add(1).map(Cursor)
    }

    fn bucket(&mut self, bucket: usize) -> Option<&mut Bucket<K, V>> {
        self.chunks.get_mut(bucket / CHUNK)?.get_mut(bucket % CHUNK)
    }

    /// Adds a bucket, and moves the entries that belong to it now.
    fn split(&mut self) {
        let new = self.buckets;
        self.buckets += 1;
        let moved = match self.bucket(sibling(new)) {
            // The first bucket has no sibling.
            Some(bucket) if new > 0 => {
                let bit = 1 << new.ilog2();
                let moved = bucket.extract_if(.., |entry| entry.hash & bit != 0).collect();
                shrink(bucket);
                moved
            }
            _ => Vec::new(),
        };
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(moved),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(moved);
                self.chunks.push(chunk);
            }
        }
    }

    /// Removes as many buckets as entries were removed, if there are too many.
    fn shrink_after_removing(&mut self, count: usize) {
        self.len -= count;
        for _ in 0..count {
            if self.buckets > self.len.max(1) {
                self.merge();
            }
        }
    }

    /// Removes the last bucket.
    fn merge(&mut self) {
        let Some(chunk) = self.chunks.last_mut() else { return };
        let Some(mut entries) = chunk.pop() else { return };
        if chunk.is_empty() {
            self.chunks.pop();
            if self.chunks.capacity() / 4 > self.chunks.len().max(CHUNK) {
                self.chunks.shrink_to(self.chunks.len() * 2);
            }
        }
        self.buckets -= 1;
        if let Some(bucket) = self.bucket(sibling(self.buckets)) {
            bucket.append(&mut entries);
        }
    }
}

/// The bucket from which a bucket is split: its number without the highest bit.
fn sibling(bucket: usize) -> usize {
    bucket.checked_ilog2().map_or(0, |bit| bucket & !(1 << bit))
}

/// Frees the memory of removed entries.
fn shrink<T>(bucket: &mut Vec<T>) {
    if bucket.capacity() / 4 > bucket.len().max(1) {
        bucket.shrink_to(bucket.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// A mixed hash of a number. Some keys have the same hash.
    fn hash(key: u32) -> u64 {
        let key = if key.is_multiple_of(16) { 0 } else { u64::from(key) };
        key.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    }

    impl<K, V> Table<K, V> {
        /// The number of entries that fit without an allocation.
        fn capacity(&self) -> usize {
            self.chunks.iter().flatten().map(Vec::capacity).sum()
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32),
        Remove(u32),
        /// Continues the sweep, and removes the keys that this divides.
        Sweep(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Runs of one kind make the table grow and shrink.
        let insert = prop::collection::vec((0..400_u32).prop_map(Step::Insert), 1..60);
        let remove = prop::collection::vec((0..400_u32).prop_map(Step::Remove), 1..90);
        let sweep = prop::collection::vec((2..9_u32).prop_map(Step::Sweep), 1..20);
        prop::collection::vec(prop_oneof![insert, remove, sweep], 0..24).prop_map(|runs| runs.concat())
    }

    proptest! {
        #[test]
        fn a_table_behaves_like_a_map(steps in steps()) {
            let mut table = Table::new();
            let mut map = HashMap::new();
            let mut at = None;
            // The keys that were there when the sweep began, and were not visited since.
            let mut unmet = Vec::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(key) => match table.find(hash(key), |known| *known == key) {
                        Some(at) => prop_assert_eq!(table.get_mut(at).copied(), map.get(&key).copied()),
                        None => {
                            prop_assert_eq!(map.insert(key, (key, n)), None);
                            table.insert(hash(key), key, (key, n));
                        }
                    },
                    Step::Remove(key) => {
                        let removed = table.find(hash(key), |known| *known == key).and_then(|at| table.remove(at));
                        prop_assert_eq!(removed, map.remove(&key).map(|value| (key, value)));
                        unmet.retain(|unmet| *unmet != key);
                    }
                    Step::Sweep(divisor) => {
                        if at.is_none() {
                            prop_assert!(unmet.is_empty(), "a sweep meets all but {unmet:?}");
                            unmet = map.keys().copied().collect();
                        }
                        let mut removed = Vec::new();
                        let (checked, next) = table.sweep(
                            at.unwrap_or(Cursor::START),
                            3,
                            |(key, _)| {
                                unmet.retain(|unmet| unmet != key);
                                key.is_multiple_of(divisor)
                            },
                            &mut removed,
                        );
                        at = next;
                        prop_assert!(removed.len() <= 3 && removed.len() <= checked);
                        for (key, value) in removed {
                            prop_assert_eq!((key % divisor, map.remove(&key)), (0, Some(value)));
                        }
                    }
                }
                prop_assert_eq!(table.len(), map.len());
                // Neither more buckets than entries, nor more entries than fit.
                prop_assert!(table.buckets <= map.len().max(1));
                prop_assert!(map.len() <= table.buckets * FULL);
                prop_assert!(table.capacity() <= (map.len() + table.buckets) * 8, "{} for {}", table.capacity(), map.len());
            }
        }
    }

    /// A table of this many numbers with different hashes.
    fn table(count: u32) -> Table<u32, ()> {
        let mut table = Table::new();
        for key in (0..count).map(|n| n * 16 + 1) {
            table.insert(hash(key), key, ());
        }
        table
    }

    fn remove(table: &mut Table<u32, ()>, n: u32) {
        let key = n * 16 + 1;
        let at = table.find(hash(key), |known| *known == key).unwrap();
        assert_eq!(table.remove(at), Some((key, ())));
    }

    #[test]
    fn a_sweep_checks_each_entry_once() {
        for count in 0..300 {
            let mut table = table(count);
            let (mut at, mut checked) = (Some(Cursor::START), 0);
            while let Some(next) = at {
                let looked;
                (looked, at) = table.sweep(next, 1, |()| false, &mut Vec::new());
                checked += looked;
            }
            assert_eq!(checked, table.len());
        }
    }

    #[test]
    fn a_number_of_entries_that_swings_splits_and_merges_nothing() {
        let mut table = table(1_000);
        let buckets = table.buckets;
        for _ in 0..10 {
            (300..900).for_each(|n| remove(&mut table, n));
            assert_eq!((table.len(), table.buckets), (400, buckets));
            for key in (300..900).map(|n| n * 16 + 1) {
                table.insert(hash(key), key, ());
            }
            assert_eq!((table.len(), table.buckets), (1_000, buckets));
        }
    }

    #[test]
    fn a_table_frees_the_memory_of_removed_entries() {
        let mut table = table(100_000);
        for n in 1..100_000 {
            remove(&mut table, n);
        }
        assert_eq!((table.len(), table.buckets, table.chunks.len()), (1, 1, 1));
        assert!(table.capacity() <= 8 && table.chunks.capacity() <= CHUNK * 4);
    }

    #[test]
    fn a_call_moves_the_entries_of_one_bucket() {
        let mut table = Table::new();
        let mut counts = Vec::new();
        for key in (0..100_000).map(|n| n * 16 + 1) {
            table.insert(hash(key), key, ());
            counts.push(table.buckets);
        }
        assert!(counts.windows(2).all(|pair| pair[1] - pair[0] <= 1));
        let largest = table.chunks.iter().flatten().map(Vec::len).max();
        assert!(largest.is_some_and(|len| len <= 32), "{largest:?}");
    }
}

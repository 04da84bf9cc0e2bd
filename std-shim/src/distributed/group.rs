//! What one rank knows of the others.

use std::ops::Range;

use crate::error::{Error, Result};

/// Ranks that train together, as one of them sees it.
///
/// All ranks make the same calls in the same order: each waits until all have made it.
///
/// ```
/// use flatgrad::distributed::{Group, team};
/// let sums = std::thread::scope(|scope| {
///     let ranks = team(3).into_iter().map(|mut member| {
///         scope.spawn(move || {
///             let mut values = [member.rank() as f32, 1.0];
///             member.sum(&mut values).map(|()| values)
///         })
///     });
///     ranks.collect::<Vec<_>>().into_iter().map(|rank| rank.join().unwrap()).collect::<Vec<_>>()
/// });
/// assert!(sums.into_iter().all(|sum| sum.is_ok_and(|sum| sum == [3.0, 3.0])));
/// ```
pub trait Group: Send {
    /// This rank, counted from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// Each element becomes the sum of all ranks' elements at its place. There must be equally many on every rank.
    ///
    /// # Errors
    ///
    /// [`Error::Ranks`] if another rank has left, or has not equally many.
    ///
    /// # Numerics
    ///
    /// Rank 0's plus rank 1's plus rank 2's and so on: the same bits on every rank, at every time.
    fn sum(&mut self, values: &mut [f32]) -> Result;

    /// What every rank gives, in the order of the ranks.
    ///
    /// # Errors
    ///
    /// [`Error::Ranks`] if another rank has left.
    fn gather(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>>;

    /// Rank 0's bytes, or its error, for all. What other ranks give does not count.
    ///
    /// ```
    /// use flatgrad::distributed::{Alone, Group};
    /// assert_eq!(Alone.broadcast(Ok(vec![1, 2]))?, [1, 2]);
    /// assert_eq!(Alone.broadcast(Err("no such file".into())).unwrap_err().to_string(), "no such file");
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Ranks`] with rank 0's, or if another rank has left.
    fn broadcast(&mut self, first: std::result::Result<Vec<u8>, String>) -> Result<Vec<u8>> {
        if self.size() == 1 {
            return first.map_err(|fault| Error::Ranks { fault });
        }
        let tagged = match first {
            _ if self.rank() > 0 => Vec::new(),
            Ok(bytes) => [&[1], &bytes[..]].concat(),
            Err(fault) => [&[0], fault.as_bytes()].concat(),
        };
        let mut all = self.gather(&tagged)?;
        let mut first = all.swap_remove(0);
        match first.first() {
            Some(1) => {
                first.remove(0);
                Ok(first)
            }
            _ => Err(Error::Ranks { fault: String::from_utf8_lossy(first.get(1..).unwrap_or_default()).into_owned() }),
        }
    }

    /// Goes on if all ranks can; otherwise none does, and all say why the first of them cannot.
    ///
    /// ```
    /// use flatgrad::distributed::{Alone, Group};
    /// assert!(Alone.agree(Ok(())).is_ok());
    /// assert_eq!(Alone.agree(Err("no such file".into())).unwrap_err().to_string(), "no such file");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Ranks`], the same on every rank.
    fn agree(&mut self, mine: std::result::Result<(), String>) -> Result {
        let tagged = mine.map_or_else(|fault| format!("!{fault}"), |()| String::new());
        let all = self.gather(tagged.as_bytes())?;
        let Some(rank) = all.iter().position(|given| !given.is_empty()) else { return Ok(()) };
        let fault = String::from_utf8_lossy(&all[rank][1..]);
        let everybodys = all.iter().all(|given| *given == all[rank]);
        Err(Error::Ranks { fault: if everybodys { fault.into_owned() } else { format!("rank {rank}: {fault}") } })
    }
}

/// Which of `n` things, such as the samples of a batch, are for this rank: a contiguous part. Where they cannot be
/// shared evenly, the first ranks have one more.
///
/// ```
/// use flatgrad::distributed::share;
/// assert_eq!([0, 1, 2].map(|rank| share(8, rank, 3)), [0..3, 3..6, 6..8]);
/// assert_eq!([0, 1, 2].map(|rank| share(1, rank, 3)), [0..1, 1..1, 1..1]);
/// ```
pub fn share(n: usize, rank: usize, size: usize) -> Range<usize> {
    let size = size.max(1);
    let start = |rank: usize| rank * (n / size) + rank.min(n % size);
    start(rank.min(size))..start((rank + 1).min(size))
}

//! Medians, percentiles, and draws from distributions.

use std::fmt;

/// Several measurements of the same quantity.
#[derive(Debug, Clone)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// Creates a sample of measurements in any order.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub(crate) fn new(mut figures: Vec<f64>) -> Self {
        assert!(!figures.is_empty(), "nothing was measured");
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    /// Returns the quantile `part` (0 to 1).
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index between 0 and the number of figures"
    )]
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        let last = self.0.len() - 1;
        self.0[((last as f64 * part).ceil() as usize).min(last)]
    }

    /// Returns the median.
    #[must_use]
    pub(crate) fn median(&self) -> f64 {
        self.percentile(0.5)
    }
}

impl fmt::Display for Sample {
    /// Writes the median with the minimum and the maximum: `123 (120–140)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, greatest) = (self.percentile(0.0), self.percentile(1.0));
        let median = self.median();
        let digits = if median < 10.0 { 2 } else { usize::from(median < 100.0) };
        write!(f, "{median:.digits$} ({least:.digits$}–{greatest:.digits$})")
    }
}

/// Pseudorandom numbers, the same in every run (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Creates a generator from `seed`.
    #[must_use]
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }

    /// Returns the next number below `bound`.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Returns a random index into a list of `length`.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("less than a length")
    }

    /// Returns the next number from 0 to below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Mixes the bits of a number.
#[must_use]
pub(crate) const fn scatter(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Zipf distribution: the n-th most frequent number is drawn 1/n as often as the first; ranks are scattered.
#[derive(Debug, Clone)]
pub(crate) struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    /// Creates the distribution of the numbers below `count`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^53")]
    pub(crate) fn new(count: u64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=count)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Self { sums }
    }

    /// Draws a number.
    ///
    /// # Panics
    ///
    /// When it is of no numbers.
    pub(crate) fn next(&self, random: &mut Random) -> u64 {
        let total = self.sums.last().expect("there are numbers to draw");
        let wanted = random.fraction() * total;
        let rank = self.sums.partition_point(|sum| *sum < wanted);
        scatter(rank as u64) % self.sums.len() as u64
    }
}

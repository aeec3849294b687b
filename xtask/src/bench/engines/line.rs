//! Time by size as a straight line, and where two of them meet.

/// What starting takes, and what each byte takes after that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Seconds.
    pub(super) start: f64,
    /// Seconds for a byte.
    pub(super) slope: f64,
}

impl Line {
    /// Through the smallest and the largest of points of bytes and seconds.
    pub(super) fn through(points: &[(u64, f64)]) -> Self {
        let (Some((small, start)), Some((large, end))) = (points.first(), points.last()) else {
            return Self { start: 0.0, slope: 0.0 };
        };
        let slope = (end - start) / large.saturating_sub(*small).max(1) as f64;
        Self { start: start - slope * *small as f64, slope }
    }

    /// The same work on so many times the processors, if every byte's work could be shared and starting could not.
    pub(super) fn on(self, times: f64) -> Self {
        Self { slope: self.slope / times, ..self }
    }

    /// From how many bytes on the other is faster; `None` if it never is.
    pub(super) fn beaten_by(self, other: Self) -> Option<u64> {
        let gain = self.slope - other.slope;
        (gain > 0.0).then(|| ((other.start - self.start) / gain).max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_starter_wins_once_its_bytes_are_cheap_enough() {
        let here = Line::through(&[(0, 1.0), (50, 3.0), (100, 6.0)]);
        let spark = Line::through(&[(0, 11.0), (100, 31.0)]);
        assert_eq!(here, Line { start: 1.0, slope: 0.05 });
        assert_eq!(here.beaten_by(spark), None);
        assert_eq!(here.beaten_by(spark.on(8.0)), Some(400));
    }
}

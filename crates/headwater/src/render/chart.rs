//! Bar charts in text, to an eighth of a column.

use super::number::group;
use super::style::{Style, cut, left, right, width};

/// A bar: its label, its value, and the value as the data writes it. `None` is a null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: Option<f64>,
    pub(crate) text: String,
}

/// The longest label shown whole.
const LABEL: usize = 24;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Columns to the left and the right of zero, and what one of them is worth.
struct Scale {
    below: usize,
    above: usize,
    unit: f64,
}

/// A bar for each value, from a common zero; those below it go to the left.
pub(crate) fn bars(title: &str, bars: &[Bar], style: Style) -> String {
    let label_width = bars.iter().map(|bar| width(&bar.label)).max().unwrap_or(0).min(LABEL);
    let number_width = bars.iter().map(|bar| width(&group(&bar.text))).max().unwrap_or(0);
    let scale = Scale::of(bars, style.width.saturating_sub(2 + label_width + 2 + 2 + number_width).max(10));
    let mut text = format!("  {}\n\n", style.bold(title));
    for bar in bars {
        let label = left(&cut(&bar.label, label_width), label_width);
        let number = right(&group(&bar.text), number_width);
        let number = if bar.value.is_none() { style.dim(number) } else { number };
        text += &format!("  {label}  {}  {number}\n", style.cyan(scale.draw(bar.value)));
    }
    text
}

impl Scale {
    fn of(bars: &[Bar], columns: usize) -> Self {
        let values = || bars.iter().filter_map(|bar| bar.value).filter(|value| value.is_finite());
        let highest = values().fold(0.0, f64::max);
        let lowest = values().fold(0.0, f64::min);
        if highest <= lowest {
            return Self { below: 0, above: columns, unit: 1.0 };
        }
        // A side that holds anything has at least one column.
        let share = to_columns(-lowest / (highest - lowest) * from_columns(columns));
        let below = if lowest < 0.0 { share.clamp(1, columns - usize::from(highest > 0.0)) } else { 0 };
        let above = columns - below;
        let unit = (highest / from_columns(above.max(1))).max(-lowest / from_columns(below.max(1)));
        Self { below, above, unit }
    }

    /// The bar of a value, filled to the width of the scale.
    fn draw(&self, value: Option<f64>) -> String {
        let value = value.filter(|value| value.is_finite()).unwrap_or(0.0);
        if value < 0.0 {
            // There are no eighths that begin at the right, only the half block.
            let halves = to_columns(-value / self.unit * 2.0).clamp(1, self.below * 2);
            let bar = format!("{}{}", if halves % 2 == 1 { "▐" } else { "" }, "█".repeat(halves / 2));
            return left(&right(&bar, self.below), self.below + self.above);
        }
        let mut eighths = to_columns(value / self.unit * 8.0).min(self.above * 8);
        if value > 0.0 {
            eighths = eighths.max(1);
        }
        let bar = format!("{}{}{}", " ".repeat(self.below), "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
        left(&bar, self.below + self.above)
    }
}

fn to_columns(columns: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of screen columns")]
    let columns = columns.round().max(0.0) as usize;
    columns
}

fn from_columns(columns: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a number of screen columns")]
    let columns = columns as f64;
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, text: &str) -> Bar {
        Bar { label: label.into(), value: text.parse().ok(), text: text.into() }
    }

    fn narrow() -> Style {
        Style { width: 50, ..Style::plain() }
    }

    #[test]
    fn the_highest_fills_the_page() {
        let all = [bar("Toyota", "812350.00"), bar("Kia", "400000.00"), bar("a brand with a very long name", "12.5")];
        insta::assert_snapshot!(bars("total_revenue by brand", &all, narrow()), @r"
        total_revenue by brand

        Toyota                    ██████████  812,350.00
        Kia                       ████▉       400,000.00
        a brand with a very lon…  ▏                 12.5
        ");
    }

    #[test]
    fn values_below_zero_go_to_the_left() {
        let all = [bar("up", "30"), bar("down", "-15"), bar("none", "null"), bar("zero", "0")];
        insta::assert_snapshot!(bars("change by direction", &all, narrow()), @r"
        change by direction

        up                ████████████████████████    30
        down  ████████████                           -15
        none                                        null
        zero                                           0
        ");
    }

    #[test]
    fn nothing_and_the_infinite_are_drawn_as_nothing() {
        assert_eq!(bars("empty", &[], narrow()), "  empty\n\n");
        assert!(!bars("zeros", &[bar("a", "0"), bar("b", "inf")], narrow()).contains('█'));
    }
}
